"""Splits of a scene; refusals begin with its name."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from condense_ns.data.scene_place import ScenePlace, recognised_place
from condense_ns.data.scene_reading import read_splits
from condense_ns.errors import UserError
from tests.data.changed_scenes import copied, make_blender_scene, make_colmap_scene, rewrite


def place_of(folder: Path) -> ScenePlace:
    place = recognised_place(folder)
    assert place is not None
    return place


def stand_at(meta: dict[str, Any], place: float) -> None:
    """Bring all cameras to one place."""
    for frame in meta["frames"]:
        for row in range(3):
            frame["transform_matrix"][row][3] = place


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
        (lambda meta: meta.update(train_filenames=meta["train_filenames"][:1]), "eval_mode: all"),
        (lambda meta: meta.update(frames=meta["frames"][:1]), "lists a single photograph"),
        (lambda meta: stand_at(meta, 0.25), "all cameras stand at one place"),
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


def test_models_of_colmap_s_undistorter_are_read(tabletop: Path, tmp_path: Path):
    scene = make_colmap_scene(tabletop, tmp_path / "garden")
    expected = read_splits(place_of(scene)).train
    for file in (scene / "sparse" / "0").iterdir():
        shutil.move(file, scene / "sparse")
    found = read_splits(place_of(scene)).train
    assert found.image_filenames == expected.image_filenames
    assert torch.equal(found.cameras.camera_to_worlds, expected.cameras.camera_to_worlds)


def test_a_single_photograph_of_colmap_is_told(tabletop: Path, tmp_path: Path):
    scene = make_colmap_scene(tabletop, tmp_path / "garden")
    file = scene / "sparse" / "0" / "images.txt"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(
        UserError, match=r"scene garden.* has a single photograph.* from other places"
    ):
        read_splits(place_of(scene))


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (0.3, -1.2, 2.0), (-512.7, 3.1, 9.9)])
def test_cameras_of_colmap_at_one_place_are_told(
    tabletop: Path, tmp_path: Path, place: tuple[float, float, float]
):
    scene = make_colmap_scene(tabletop, tmp_path / "garden")
    file = scene / "sparse" / "0" / "images.txt"
    lines = []
    for line in filter(None, file.read_text().splitlines()):
        number, w, x, y, z, *_, camera, name = line.split()
        shift = -Rotation.from_quat([float(v) for v in (x, y, z, w)]).apply(place)
        lines.append(f"{number} {w} {x} {y} {z} {' '.join(map(str, shift))} {camera} {name}\n\n")
    file.write_text("".join(lines))
    with pytest.raises(UserError, match=r"scene garden.* all its cameras stand at one place; add"):
        read_splits(place_of(scene))


def test_cameras_at_one_place_are_told_whatever_the_format(tmp_path: Path):
    scene = make_blender_scene(tmp_path / "disc")
    file = scene / "transforms_train.json"
    meta = json.loads(file.read_text())
    stand_at(meta, 4.0)
    file.write_text(json.dumps(meta))
    with pytest.raises(UserError, match="scene disc: all its cameras stand at one place; add"):
        read_splits(place_of(scene))


def test_masks_for_some_photographs_only_are_refused_as_the_host_has_it(
    tabletop: Path, tmp_path: Path
):
    scene = copied(tabletop, tmp_path / "kitchen")
    rewrite(scene, lambda meta: meta["frames"][3].update(mask_path="mask.png"))
    with pytest.raises(UserError, match=r"scene kitchen.*mask_path is specified for every frame"):
        read_splits(place_of(scene))
