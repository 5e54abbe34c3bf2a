"""An index in a folder: what is added is found, listed, removed, verified."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.retrieval import scene_index, scene_schema
from condense_ns.retrieval.scene_index import TABLE, SceneIndex
from condense_ns.tensors import FeatureSource
from tests.retrieval.made_up_scenes import LOOKS, made_up_scene, seen_descriptors


def filled(place: Path, count: int = 4) -> SceneIndex:
    index = SceneIndex.open_or_create(str(place), made_up_scene(0))
    for seed in range(count):
        index.add(made_up_scene(seed))
    return index


def first(found: list[dict]) -> str:
    return found[0]["name"]


def test_scenes_come_back_as_they_went_in(tmp_path):
    filled(tmp_path / "index")
    index = SceneIndex.open(str(tmp_path / "index"))
    assert len(index) == 4
    one, other = index.scenes(["scene 2", "scene 1"])
    scene = made_up_scene(2)
    assert (one.name, other.name) == ("scene 2", "scene 1")
    assert torch.allclose(one.xyz, scene.xyz, atol=1e-5)
    assert torch.allclose(one.descriptors, scene.descriptors, atol=1e-3)
    assert one.regions is not None
    assert scene.regions is not None
    assert torch.allclose(one.regions.embeddings, scene.regions.embeddings, atol=1e-3)
    assert (one.thumbnail.float() - scene.thumbnail.float()).abs().mean() < 20


def test_the_list_is_sorted_and_says_how_large_scenes_are(tmp_path):
    index = filled(tmp_path / "index", 2)
    index.add(made_up_scene(7, count=33, name="another"))
    records = index.records()
    assert [record.name for record in records] == ["another", "scene 0", "scene 1"]
    assert [record.keypoints for record in records] == [33, 40, 40]
    assert records[0].box == tuple(made_up_scene(7, count=33).box.flatten().tolist())


def test_descriptors_of_a_scene_find_it_with_and_without_a_vector_index(tmp_path, monkeypatch):
    index = filled(tmp_path / "index", 12)
    asked = seen_descriptors(made_up_scene(5)).numpy()
    assert first(index.nearest("descriptors", asked, 3)) == "scene 5"
    assert first(index.nearest("descriptors", asked[:1], 3)) == "scene 5"
    assert not index.build(again=True)
    monkeypatch.setattr(scene_index, "VECTORS_WORTH_AN_INDEX", 100)
    assert index.build() == ["descriptors", "regions"]
    assert not index.build()
    assert first(index.nearest("descriptors", asked, 3)) == "scene 5"
    index.add(made_up_scene(99))
    assert not index.build()
    late = seen_descriptors(made_up_scene(99)).numpy()
    assert first(index.nearest("descriptors", late, 3)) == "scene 99"


def test_summed_cosines_are_those_of_a_loop(tmp_path):
    index = filled(tmp_path / "index", 5)
    asked = seen_descriptors(made_up_scene(3)).numpy()
    found = index.nearest("descriptors", asked, 5)
    expected = []
    for scene in index.scenes([row["name"] for row in found]):
        cosines = asked @ scene.descriptors.numpy().T
        expected.append(float((1.0 - cosines.max(axis=1)).sum()))
    assert np.allclose([row["_distance"] for row in found], expected, atol=0.05)
    assert expected == sorted(expected)


def test_removed_scenes_are_gone(tmp_path):
    index = filled(tmp_path / "index", 3)
    index.remove("scene 1")
    assert index.all_names() == ["scene 0", "scene 2"]
    with pytest.raises(UserError, match="has no scene 'scene 1'"):
        index.remove("scene 1")
    with pytest.raises(UserError, match="has no scene 'scene 1'"):
        index.scenes(["scene 1"])
    asked = seen_descriptors(made_up_scene(1)).numpy()
    assert all(row["name"] != "scene 1" for row in index.nearest("descriptors", asked, 9))


def test_names_with_quotes_are_names(tmp_path):
    name = "Zoë's 'room'; DROP TABLE scenes --"
    index = filled(tmp_path / "index", 1)
    index.add(made_up_scene(1, name=name))
    assert index.scenes([name])[0].name == name
    index.remove(name)
    assert index.all_names() == ["scene 0"]


def test_a_name_is_taken_once(tmp_path):
    index = filled(tmp_path / "index", 2)
    with pytest.raises(UserError, match="has a scene 'scene 1' already"):
        index.add(made_up_scene(1))
    assert len(index) == 2


def test_other_encoders_are_refused_with_both_names(tmp_path):
    index = filled(tmp_path / "index", 1)
    other = FeatureSource("dinov2-small", "cc" * 16)
    with pytest.raises(UserError, match=r"descriptors .* dinov2-small .* of gradients \(aaaa"):
        index.add(replace(made_up_scene(1), source=other))
    fingerprints = {**made_up_scene(1).fingerprints, "mini": "dd" * 16}
    with pytest.raises(UserError, match=r"scene vectors .* of gradients .* of mini"):
        index.add(replace(made_up_scene(1), fingerprints=fingerprints))
    with pytest.raises(UserError, match=r"words .* of no encoder, .* of mini"):
        index.add(replace(made_up_scene(1), regions=None))
    wider = replace(made_up_scene(1), descriptors=torch.eye(40))
    with pytest.raises(UserError, match=r"40 numbers\), .* 16 numbers"):
        index.add(wider)
    assert len(index) == 1


def test_a_spec_with_another_path_is_the_same_encoder(tmp_path):
    index = filled(tmp_path / "index", 1)
    moved = FeatureSource("onnx:elsewhere/net.onnx", LOOKS.fingerprint)
    index.add(replace(made_up_scene(1), source=moved))
    assert len(index) == 2


def test_unsound_descriptors_are_refused(tmp_path):
    index = filled(tmp_path / "index", 1)
    scene = made_up_scene(1)
    with pytest.raises(UserError, match="'scene 1' is not sound: descriptors holds NaN"):
        index.add(replace(scene, descriptors=scene.descriptors * float("nan")))
    assert len(index) == 1


def test_verify_finds_nothing_wrong_and_what_is(tmp_path):
    index = filled(tmp_path / "index", 3)
    assert list(index.verify()) == [("scene 0", None), ("scene 1", None), ("scene 2", None)]
    index._table.update(where="name = 'scene 1'", values={"keypoints": 7})
    found = dict(index.verify())
    damage = found["scene 1"]
    assert damage is not None
    assert "bytes have changed" in damage.problem
    assert found["scene 0"] is None


def test_no_index_and_other_tables_are_told(tmp_path):
    import lancedb
    import pyarrow as pa

    with pytest.raises(UserError, match="there is no index at"):
        SceneIndex.open(str(tmp_path / "nothing"))
    lancedb.connect(str(tmp_path / "other")).create_table(TABLE, pa.table({"a": [1]}))
    with pytest.raises(UserError, match="is no index of scenes"):
        SceneIndex.open(str(tmp_path / "other"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError):
        SceneIndex.open_or_create(str(tmp_path / "file"), made_up_scene())


def test_another_version_is_refused(tmp_path, monkeypatch):
    filled(tmp_path / "index", 1)
    monkeypatch.setattr(scene_schema, "VERSION", 2)
    with pytest.raises(UserError, match="index of version 1, of which only 2 is known"):
        SceneIndex.open(str(tmp_path / "index"))


def test_optimising_changes_nothing(tmp_path):
    index = filled(tmp_path / "index", 5)
    index.optimize()
    assert len(index) == 5
    assert all(damage is None for _, damage in index.verify())
