"""Scene files, sound and hostile."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members, write_members
from condense_ns.export.scene_file import is_scene_file, read_scene_file, write_scene_file
from tests.retrieval.made_up_scenes import made_up_scene


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scene.npz"
    write_scene_file(path, made_up_scene(3))
    return path


def changed(file: Path, header: dict | None = None, **arrays: np.ndarray) -> Path:
    """The same file with other content."""
    content = read_members(file)
    about = json.loads(content["metadata"].tobytes()) | (header or {})
    content["metadata"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    path = file.with_name("changed.npz")
    write_members(path, content | arrays)
    return path


def test_what_is_written_is_read(file):
    scene, read = made_up_scene(3), read_scene_file(file)
    assert is_scene_file(file)
    assert (read.name, read.source, read.fingerprints) == (
        scene.name,
        scene.source,
        scene.fingerprints,
    )
    assert torch.allclose(read.xyz, scene.xyz, atol=1e-5)
    assert torch.allclose(read.descriptors, scene.descriptors, atol=1e-3)
    assert torch.equal(read.thumbnail, scene.thumbnail)
    assert read.poses is not None
    assert scene.poses is not None
    assert torch.equal(read.poses, scene.poses)
    assert read.regions is not None
    assert scene.regions is not None
    assert torch.allclose(read.regions.xyz, scene.regions.xyz, atol=1e-5)


def test_equal_scenes_give_equal_bytes(file, tmp_path):
    write_scene_file(tmp_path / "again.npz", made_up_scene(3))
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()


def test_every_truncated_file_is_refused(file):
    content = file.read_bytes()
    for length in np.linspace(0, len(content) - 1, 40).astype(int):
        file.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"damaged|no scene file"):
            read_scene_file(file)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("descriptors", np.full((40, 16), np.nan, "<f2"), "NaN"),
        ("descriptors", np.zeros((40, 16), "<f2"), "no unit vectors"),
        ("descriptors", np.ones((39, 16), "<f2"), "shape"),
        ("descriptors", np.ones((40, 16), "<f8"), "holds float64"),
        ("offsets", np.zeros((0, 3), "<f4"), "shape|too many"),
        ("box", np.array([[1.0, 1, 1], [0, 0, 0]]), "wrong order"),
        ("region_radii", np.full(24, -1.0, "<f4"), "negative|shape"),
        ("thumbnail", np.zeros((2000, 2000, 3), "|u1"), "pixels"),
        ("something", np.zeros(3, "<f4"), "something is unknown"),
    ],
)
def test_other_arrays_are_refused(file, name, value, sentence):
    with pytest.raises(UserError, match=sentence):
        read_scene_file(changed(file, **{name: value}))


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"name": ""}, "the name is"),
        ({"name": "a\nb"}, "the name is"),
        ({"name": 7}, "the name is"),
        ({"version": 2}, "version 2"),
        ({"format": "other"}, "no scene file"),
        ({"source": "mini"}, "no spec and fingerprint"),
        ({"source": {"spec": "a", "fingerprint": "b", "more": "c"}}, "no spec and fingerprint"),
        ({"embeddings": None}, "no list"),
        ({"language": None}, "regions and language disagree"),
        ({"provenance": []}, "provenance"),
    ],
)
def test_other_metadata_are_refused(file, header, sentence):
    with pytest.raises(UserError, match=sentence):
        read_scene_file(changed(file, header))


def test_nothing_of_a_file_is_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    for name, content in (("p.npz", pickle.dumps(Bomb())), ("q.npz", None)):
        if content is None:
            np.savez(tmp_path / name, metadata=np.array([Bomb()], dtype=object))
        else:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError):
            read_scene_file(tmp_path / name)
    assert not (tmp_path / "ran").exists()
