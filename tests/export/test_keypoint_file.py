"""A keypoint file gives back the set; a file that is damaged, forged or newer is refused in words."""

import json
import time
import zipfile
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.export.keypoint_file import read_keypoints, read_provenance, write_keypoints
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.keypoint_set import Observations
from tests.keypoints.made_up_set import made_up_keypoints

PROVENANCE = {"run": "config.yml", "größe": [1, 2.5, None]}
PER_POINT = ("xyz", "scores", "colours", "normals", "scales", "uncertainty")


@pytest.fixture
def path(tmp_path):
    """A sound file."""
    path = tmp_path / "keypoints.npz"
    write_keypoints(
        path, made_up_keypoints(distortions=[(-0.1, 0.0, 0.0, 0.0, 0.01, 0.0)]), PROVENANCE
    )
    return path


def arrays_in(path):
    with np.load(path) as file:
        return dict(file)


def rewrite(path, **changed):
    """Write the file again with other arrays; None leaves one out."""
    arrays = {
        name: array for name, array in (arrays_in(path) | changed).items() if array is not None
    }
    np.savez(path, **arrays)


def rewrite_metadata(path, **changed):
    metadata = json.loads(arrays_in(path)["metadata"].tobytes()) | changed
    rewrite(path, metadata=np.frombuffer(json.dumps(metadata).encode(), np.uint8))


def refused(path, message):
    with pytest.raises(UserError, match=message) as caught:
        read_keypoints(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("frame", ["model", "dataset"])
def test_a_set_comes_back_as_it_was(tmp_path, frame, fisheye):
    keypoints = made_up_keypoints(fisheye=fisheye).in_frame(frame)
    write_keypoints(tmp_path / "new folder" / "keypoints.npz", keypoints, PROVENANCE)
    read = read_keypoints(tmp_path / "new folder" / "keypoints.npz")
    for name in PER_POINT:
        assert torch.equal(getattr(read, name), getattr(keypoints, name))
        assert getattr(read, name).dtype == getattr(keypoints, name).dtype
    for name in ("keypoints", "views", "pixels"):
        assert torch.equal(getattr(read.observations, name), getattr(keypoints.observations, name))
    assert read.frame == frame
    assert read.to_dataset.scale == keypoints.to_dataset.scale
    assert torch.equal(read.to_dataset.rotation, keypoints.to_dataset.rotation)
    assert torch.equal(read.to_dataset.translation, keypoints.to_dataset.translation)
    for ours, theirs in zip(read.views, keypoints.views, strict=True):
        assert ours.name == theirs.name
        assert torch.equal(ours.camera.camera_to_world, theirs.camera.camera_to_world.double())
        for part in ("focal", "centre", "distortion"):
            assert torch.equal(getattr(ours.camera, part), getattr(theirs.camera, part))
        assert (ours.camera.width, ours.camera.height, ours.camera.fisheye) == (400, 300, fisheye)
    assert read_provenance(tmp_path / "new folder" / "keypoints.npz") == PROVENANCE


def test_descriptors_lose_half_their_digits_and_are_unit_vectors_again(path):
    keypoints, read = made_up_keypoints(), read_keypoints(path)
    assert list(read.descriptors) == list(keypoints.descriptors)
    for name, values in read.descriptors.items():
        assert values.dtype == torch.float32
        assert torch.allclose(values, keypoints.descriptors[name], atol=1e-3)
        assert torch.allclose(values.norm(dim=1), torch.ones(20), atol=1e-6)


@pytest.mark.parametrize(("count", "views"), [(0, 3), (0, 0), (1, 1)])
def test_sets_with_next_to_nothing_come_back(tmp_path, count, views):
    keypoints = made_up_keypoints(count, views)
    write_keypoints(tmp_path / "keypoints.npz", keypoints, {})
    read = read_keypoints(tmp_path / "keypoints.npz")
    assert (len(read), len(read.views)) == (count, views)
    assert {name: values.shape for name, values in read.descriptors.items()} == {
        name: values.shape for name, values in keypoints.descriptors.items()
    }


def test_a_set_without_descriptors_comes_back(tmp_path):
    keypoints = replace(made_up_keypoints(), descriptors={})
    write_keypoints(tmp_path / "keypoints.npz", keypoints, {})
    assert read_keypoints(tmp_path / "keypoints.npz").descriptors == {}


def test_equal_sets_give_equal_bytes_and_nothing_else_is_left(path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    write_keypoints(
        path, made_up_keypoints(distortions=[(-0.1, 0.0, 0.0, 0.0, 0.01, 0.0)]), PROVENANCE
    )
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_numpy_reads_it_without_pickle_and_nothing_is_compressed(path):
    arrays = arrays_in(path)
    assert arrays["xyz"].dtype == np.float64
    assert arrays["descriptors_0"].dtype == np.float16
    assert arrays["observed_views"].dtype == np.int32
    assert json.loads(arrays["metadata"].tobytes())["version"] == 1
    with zipfile.ZipFile(path) as archive:
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scores": torch.full((20,), 1.5)}, "scores holds a number outside 0 to 1"),
        ({"scales": torch.full((20,), torch.inf)}, "scales holds NaN or infinity"),
        ({"scales": torch.full((20,), 1e300, dtype=torch.float64)}, "scales holds NaN or infinity"),
        ({"descriptors": {"mini": torch.full((20, 8), 1e-9)}}, "mini hold a vector of zeros"),
        ({"descriptors": {"mini": torch.full((20, 8), 1e9)}}, "descriptors_0 holds NaN"),
        (
            {"observations": Observations(torch.tensor([20]), torch.tensor([0]), torch.ones(1, 2))},
            "observed_keypoints holds a number outside 0 to 19",
        ),
        (
            {"to_dataset": replace(Similarity.identity(), scale=0.0)},
            "scale of to_dataset is not above 0",
        ),
    ],
)
def test_a_set_that_no_reader_accepts_is_not_written(tmp_path, changed, message):
    path = tmp_path / "keypoints.npz"
    with pytest.raises(UserError, match=rf"keypoints\.npz: .*{message}.*; make the keypoints anew"):
        write_keypoints(path, replace(made_up_keypoints(), **changed), {})
    assert not path.exists()


@pytest.mark.parametrize(
    ("provenance", "error"), [({"a": torch}, TypeError), ({"a": float("nan")}, ValueError)]
)
def test_provenance_that_json_cannot_hold_is_not_written(tmp_path, provenance, error):
    with pytest.raises(error, match="JSON"):
        write_keypoints(tmp_path / "keypoints.npz", made_up_keypoints(), provenance)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot be written .*; choose another"):
        write_keypoints(tmp_path, made_up_keypoints(), {})


@pytest.mark.parametrize("read", [read_keypoints, read_provenance])
@pytest.mark.parametrize("name", ["missing.npz", "folder"])
def test_what_is_no_file_is_named(tmp_path, name, read):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=rf"{name} cannot be read \(.*\); give another file"):
        read(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 100])
def test_a_file_that_is_no_zip_is_named(path, content):
    path.write_bytes(content)
    refused(path, r"is damaged or no file of plain arrays \(.*\); copy or write it again")


def test_a_file_that_was_cut_off_anywhere_is_refused(path):
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        refused(path, "is damaged or no file of plain arrays .*; copy or write it again")


def test_a_changed_byte_is_found_or_harmless(path):
    content, generator = path.read_bytes(), np.random.default_rng(0)
    whole = arrays_in(path)
    for place in generator.integers(0, len(content), 400):
        changed = bytearray(content)
        changed[place] ^= int(generator.integers(1, 256))
        path.write_bytes(changed)
        with suppress(UserError):
            read = read_keypoints(path)
            assert np.array_equal(read.xyz.numpy(), whole["xyz"])


def test_a_newer_version_is_named_with_the_remedy(path):
    rewrite_metadata(path, version=2)
    rewrite(path, xyz=None)
    for read in (read_keypoints, read_provenance):
        with pytest.raises(UserError, match=r"of version 2, .*; update condense_ns"):
            read(path)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"format": "others"}', b"\xff\xfe", b"[" * 100_000]
)
def test_metadata_of_others_is_refused(path, content):
    rewrite(path, metadata=np.frombuffer(content, np.uint8))
    refused(path, "is no keypoint file; give one that condense wrote")


def test_a_file_of_other_arrays_is_refused(path):
    np.savez(path, weights=np.ones(3))
    refused(path, "is no keypoint file; give one that condense wrote")


IDENTITY = {"rotation": np.eye(3).tolist(), "translation": [0.0] * 3, "scale": 1.0}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"frame": "world"}, "frame is neither dataset nor model"),
        ({"frame": ["model"]}, "frame is neither dataset nor model"),
        ({"views": [1, 2, 3, 4]}, "views is no list of names"),
        ({"views": None}, "views is no list of names"),
        ({"views": ["a", "b", "c"]}, "camera_poses has the shape"),
        ({"descriptors": "mini"}, "descriptors is no list of names"),
        ({"descriptors": ["mini", "mini"]}, "descriptors holds one name twice"),
        ({"descriptors": ["mini"]}, "descriptors_1 is unknown"),
        ({"descriptors": ["mini", "b", "c"]}, "descriptors_2 is missing"),
        ({"provenance": [1]}, "provenance is no table"),
        ({"to_dataset": None}, "to_dataset is no rotation, translation and scale"),
        ({"to_dataset": {"scale": 1.0}}, "to_dataset is no rotation, translation and scale"),
        ({"to_dataset": IDENTITY | {"scale": -1.0}}, "scale of to_dataset is not above 0"),
        ({"to_dataset": IDENTITY | {"scale": float("nan")}}, "scale of to_dataset has other"),
        ({"to_dataset": IDENTITY | {"scale": 10**400}}, "scale of to_dataset has other"),
        ({"to_dataset": IDENTITY | {"scale": "1"}}, "scale of to_dataset has other"),
        ({"to_dataset": IDENTITY | {"translation": [0.0]}}, "translation of to_dataset has other"),
        ({"to_dataset": IDENTITY | {"rotation": [[1.0], [0, 1]]}}, "rotation of to_dataset has"),
        ({"to_dataset": IDENTITY | {"rotation": (2 * np.eye(3)).tolist()}}, "more than rotate"),
        ({"to_dataset": IDENTITY | {"rotation": (-np.eye(3)).tolist()}}, "more than rotate"),
    ],
)
def test_metadata_that_is_not_sound_is_named(path, changed, message):
    rewrite_metadata(path, **changed)
    refused(path, rf"keypoints\.npz: .*{message}.*; make the keypoints anew")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("scores", lambda array: None, "scores is missing"),
        ("more", lambda array: np.ones(3), "more is unknown"),
        ("xyz", lambda array: array.astype(np.float32), "xyz holds float32 instead of <f8"),
        ("xyz", lambda array: array.astype(">f8"), "xyz holds >f8 instead of <f8"),
        ("scores", lambda array: array[:-1], r"scores has the shape \(19,\)"),
        ("scores", lambda array: array[:, None], r"scores has the shape \(20, 1\)"),
        ("normals", lambda array: array[:, :2].copy(), r"normals has the shape \(20, 2\)"),
        ("descriptors_1", lambda array: array[:3], r"descriptors_1 has the shape \(3, 5\)"),
        ("descriptors_1", lambda array: array[:, :0], "#é hold a vector of zeros"),
        ("descriptors_0", lambda array: array * 0, "mini hold a vector of zeros"),
        ("descriptors_0", lambda array: array * np.nan, "descriptors_0 holds NaN"),
        ("observed_views", lambda array: array[1:], "observed_views has the shape"),
        ("observed_views", lambda array: array + 1, "observed_views holds a number outside 0 to 3"),
        ("observed_keypoints", lambda array: array - 1, "outside 0 to 19"),
        ("observed_pixels", lambda array: array * np.inf, "observed_pixels holds NaN or infinity"),
        ("scores", lambda array: array - 1, "scores holds a number outside 0 to 1"),
        ("scores", lambda array: array + 1, "scores holds a number outside 0 to 1"),
        ("camera_poses", lambda array: array * np.nan, "camera_poses holds NaN or infinity"),
        ("camera_sizes", lambda array: array * 0, "camera_sizes holds a number outside 1"),
        ("camera_fisheye", lambda array: array + 2, "camera_fisheye holds a number outside 0 to 1"),
    ],
)
def test_arrays_that_are_not_sound_are_named(path, name, change, message):
    rewrite(path, **{name: change(arrays_in(path).get(name))})
    refused(path, rf"keypoints\.npz: .*{message}.*; make the keypoints anew")
