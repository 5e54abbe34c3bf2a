"""Splits of a scene; refusals begin with its name."""

import json
from pathlib import Path

import numpy as np
import pytest

from condense_ns.data.scene_place import ScenePlace, recognised_place
from condense_ns.data.scene_reading import read_splits
from condense_ns.errors import UserError
from tests.data.changed_scenes import copied, make_blender_scene, rewrite


def place_of(folder: Path) -> ScenePlace:
    place = recognised_place(folder)
    assert place is not None
    return place


def test_training_and_held_out_views_are_those_of_the_file(tabletop: Path):
    meta = json.loads((tabletop / "transforms.json").read_text())
    splits = read_splits(place_of(tabletop))
    for outputs, names in ((splits.train, "train_filenames"), (splits.held_out, "test_filenames")):
        found = [str(Path(file).relative_to(tabletop)) for file in outputs.image_filenames]
        assert found == meta[names]


def test_a_scene_without_a_split_for_tests_holds_out_the_one_for_validation(
    tabletop: Path, tmp_path: Path
):
    scene = copied(tabletop, tmp_path / "scene")
    rewrite(scene, lambda meta: meta.pop("test_filenames"))
    assert len(read_splits(place_of(scene)).held_out.image_filenames) == 2


def test_a_scene_may_hold_out_nothing(tmp_path: Path):
    scene = make_blender_scene(tmp_path / "disc")
    (scene / "transforms_test.json").unlink()
    splits = read_splits(place_of(scene))
    assert len(splits.train.image_filenames) == 4
    assert splits.held_out.image_filenames == []
    assert len(splits.held_out.cameras) == 0


@pytest.mark.parametrize(
    ("edit", "culprit"),
    [
        (lambda meta: meta["frames"][3].update(file_path="images/none.png"), "images/none.png"),
        (lambda meta: meta["frames"][3].update(transform_matrix=[[float("nan")] * 4] * 4), "NaN"),
        (lambda meta: meta.update(camera_model="CUBE"), "cannot be read as nerfstudio-data"),
        (lambda meta: meta.update(w=7), "7 x 48"),
        (lambda meta: meta.update(train_filenames=meta["train_filenames"][:1]), "1 training image"),
    ],
)
def test_what_is_wrong_is_told_with_the_name_of_the_scene(
    tabletop: Path, tmp_path: Path, edit, culprit: str
):
    scene = copied(tabletop, tmp_path / "kitchen")
    rewrite(scene, edit)
    with pytest.raises(UserError, match="scene kitchen") as refused:
        read_splits(place_of(scene))
    assert culprit in str(refused.value)


def test_a_blender_scene_with_a_broken_pose_is_refused(tmp_path: Path):
    scene = make_blender_scene(tmp_path / "disc")
    file = scene / "transforms_train.json"
    meta = json.loads(file.read_text())
    meta["frames"][0]["transform_matrix"] = np.full((4, 4), np.nan).tolist()
    file.write_text(json.dumps(meta))
    with pytest.raises(UserError, match=r"scene disc.*NaN"):
        read_splits(place_of(scene))
