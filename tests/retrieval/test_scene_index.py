"""An index in a folder: what is added is found, listed, removed, verified."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.retrieval import scene_damage, scene_index, scene_schema
from condense_ns.retrieval.scene_index import TABLE, SceneIndex
from condense_ns.retrieval.scene_rows import row_of
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


def damaged(place: Path, name: str, how: Callable[[Path], object]) -> None:
    """Do something to the one file that holds a scene which was added alone."""
    before = set(place.glob("scenes.lance/data/*"))
    SceneIndex.open(str(place)).add(made_up_scene(7, name=name))
    (file,) = set(place.glob("scenes.lance/data/*")) - before
    how(file)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-500])


@pytest.mark.parametrize("how", [Path.unlink, cut, lambda file: file.write_bytes(b"")])
def test_a_file_that_is_gone_or_damaged_hides_no_other_scene(tmp_path, how):
    index = filled(tmp_path / "index", 2)
    index.add_all([made_up_scene(seed) for seed in (2, 3)])
    damaged(tmp_path / "index", "lost", how)
    found = list(index.verify())
    whole = [f"scene {seed}" for seed in range(4)]
    assert [name for name, damage in found if damage is None] == whole
    ((name, damage),) = [each for each in found if each[1] is not None]
    assert name == "number 5, whose name is lost"
    assert damage is not None
    assert damage.is_unreadable
    assert damage.problem.startswith("it cannot be read (")
    asked = seen_descriptors(made_up_scene(3)).numpy()
    with pytest.raises(UserError, match=r"condense index verify tells of each scene$"):
        index.nearest("descriptors", asked, 1)
    assert index.drop_unreadable() == 1
    assert list(index.verify()) == [(name, None) for name in whole]
    assert index.nearest("descriptors", asked, 1)[0]["name"] == "scene 3"
    assert index.drop_unreadable() == 0


def test_what_is_written_meanwhile_is_neither_looked_at_nor_dropped(tmp_path, monkeypatch):
    index = filled(tmp_path / "index", 2)
    other = SceneIndex.open(index.place)
    looked = index.verify()
    first = next(looked)
    other.remove("scene 0")
    other.add(made_up_scene(2))
    assert [first, *looked] == [("scene 0", None), ("scene 1", None)]
    damaged(tmp_path / "index", "lost", Path.unlink)
    read = scene_damage._read_alone

    def meanwhile(table, place):
        monkeypatch.setattr(scene_damage, "_read_alone", read)
        other._table.add(row_of(made_up_scene(8), other.contents))
        return read(table, place)

    monkeypatch.setattr(scene_damage, "_read_alone", meanwhile)
    with pytest.raises(
        UserError, match=r"somebody wrote to the index .* meanwhile; run this again"
    ):
        index.drop_unreadable()
    assert index.drop_unreadable() == 1
    assert index.all_names() == ["scene 1", "scene 2", "scene 8"]


def test_an_index_whose_disk_is_away_loses_nothing(tmp_path, monkeypatch):
    index = filled(tmp_path / "index", 2)

    def away(table, places):
        raise OSError("the disk is away")

    with monkeypatch.context() as patched:
        patched.setattr(scene_damage, "_read", away)
        with pytest.raises(UserError, match=r"no scene of the index .* put its files back"):
            index.drop_unreadable()
    assert index.all_names() == ["scene 0", "scene 1"]


def test_no_index_and_other_tables_are_told(tmp_path):
    import lancedb
    import pyarrow as pa

    with pytest.raises(UserError, match="there is no index at"):
        SceneIndex.open(str(tmp_path / "nothing"))
    lancedb.connect(str(tmp_path / "other")).create_table(TABLE, pa.table({"a": [1]}))
    with pytest.raises(UserError, match="is no index of scenes"):
        SceneIndex.open(str(tmp_path / "other"))
    assert not (tmp_path / "nothing").exists()
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
