"""Depth by voxels: as the surfaces are, and told by the photographs that it may look at."""

from pathlib import Path

import pytest
import torch

from condense_ns.data.posed_scene import PosedScene
from condense_ns.geometry.pinhole import grid_places
from condense_ns.pipelines.scene_lifting import open_scene
from condense_ns.pipelines.voxel_depth import IMAGE_SIZE, VoxelDepth
from tests.data.changed_scenes import without_depth


def test_depth_is_that_of_the_surfaces(tabletop: Path):
    opened, voxels = open_scene(tabletop, IMAGE_SIZE), VoxelDepth(tabletop)
    view = opened.training[3]
    depth = opened.depth(view)
    assert depth is not None
    rows, columns = depth.shape
    found = voxels.depths(opened.views[[view]], grid_places(rows, columns))
    both = (found > 0) & (depth.flatten() > 0)
    assert both.float().mean() > 0.8
    off = (found / depth.flatten().clamp_min(1e-6) - 1)[both].abs()
    assert off.median() < 0.03


def test_only_the_given_photographs_tell_the_depth(
    tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scene = without_depth(tabletop, tmp_path / "scene")
    used, read = open_scene(scene, IMAGE_SIZE).training[::2], []
    images = PosedScene.images

    def noted(self: PosedScene, views: list[int]) -> torch.Tensor:
        read.extend(views)
        return images(self, views)

    monkeypatch.setattr(PosedScene, "images", noted)
    assert len(VoxelDepth(scene, used).volume) > 100
    assert read
    assert set(read) <= set(used)
