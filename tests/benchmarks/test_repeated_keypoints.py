"""Keypoints that come back, and those that do not."""

import math
from pathlib import Path

import pytest
import torch

from condense_ns.benchmarks.repeated_keypoints import repeated_keypoints
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_list import read_scene_list
from condense_ns.keypoints.detections import Keypoints2D


@pytest.fixture(scope="module")
def posed(tabletops: Path) -> PosedScene:
    return PosedScene(read_scene_list(tabletops).train[0], 64)


def at(pixels: torch.Tensor) -> Keypoints2D:
    return Keypoints2D(pixels, torch.ones(len(pixels)), torch.zeros(len(pixels), 1))


def test_keypoints_everywhere_are_found_again_and_few_at_fixed_places_are_not(posed: PosedScene):
    def everywhere(image: torch.Tensor) -> Keypoints2D:
        _, rows, columns = image.shape
        grid = torch.cartesian_prod(torch.arange(columns), torch.arange(rows))
        return at(grid.float() + 0.5)

    def corners(image: torch.Tensor) -> Keypoints2D:
        return at(torch.rand(8, 2, generator=torch.Generator().manual_seed(0)) * 40)

    assert repeated_keypoints([posed], everywhere, 2) > 0.95
    assert repeated_keypoints([posed], corners, 2) < 0.3


def test_scenes_without_depth_images_have_no_figure(scene: Path):
    posed = PosedScene(read_scene_list(scene).train[0], 64)
    nowhere = at(torch.zeros(1, 2))
    assert math.isnan(repeated_keypoints([posed], lambda image: nowhere, 1))
