"""Depth without learning, against the exact depth of a made-up scene."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from condense_ns.geometry.conventions import world_to_camera_cv
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.plane_sweep_depth import (
    SweptDepth,
    nearest_depth,
    patch_correlation,
    sweep_depth,
)
from condense_ns.geometry.source_views import SourceViews
from condense_ns.synthetic.photographer import Photographer
from condense_ns.synthetic.scene_plan import ScenePlan
from tests.geometry.looking import around, looking_at

SOURCES = [1, 2, 3, 4, 5, 6]


@pytest.fixture(scope="module")
def tabletop() -> tuple[SourceViews, torch.Tensor]:
    """Seven neighbouring photographs and the depth of the first."""
    plan = ScenePlan(seed=3, kind="tabletop", views=40, width=80, height=60)
    scene = plan.scene()
    cameras = plan.cameras(scene)
    taken = [
        Photographer(scene).photograph(camera)
        for camera in (cameras[0], *cameras[1:4], *cameras[-3:])
    ]
    poses = np.stack(
        [camera.camera_to_world for camera in (cameras[0], *cameras[1:4], *cameras[-3:])]
    )
    rotation, translation = world_to_camera_cv(torch.from_numpy(poses).double())
    pose = torch.eye(4).repeat(7, 1, 1)
    pose[:, :3, :3], pose[:, :3, 3] = rotation.float(), translation.float()
    focal = cameras[0].focal
    matrix = torch.tensor([[focal, 0, 40.0], [0, focal, 30.0], [0, 0, 1]]).repeat(7, 1, 1)
    images = torch.stack([torch.from_numpy(one.rgb).permute(2, 0, 1) / 255 for one in taken])
    views = SourceViews(PinholeViews(matrix, pose, 60, 80), images)
    return views, torch.from_numpy(taken[0].depth)


def swept(views: SourceViews, sources: list[int] = SOURCES) -> SweptDepth:
    chosen = SourceViews(views.cameras[sources], views.images[sources])
    return sweep_depth(views.images[0], views.cameras[[0]], chosen)


def relative_error(found: SweptDepth, depth: torch.Tensor) -> torch.Tensor:
    sure = (found.confidence > 0.3) & (depth > 0)
    assert sure.float().mean() > 0.2
    return ((found.depth - depth).abs() / depth)[sure]


def test_confident_pixels_are_right(tabletop: tuple[SourceViews, torch.Tensor]):
    views, depth = tabletop
    error = relative_error(swept(views), depth)
    assert error.median() < 0.04
    assert (error < 0.15).float().mean() > 0.7


def test_scaling_the_scene_scales_the_depth(tabletop: tuple[SourceViews, torch.Tensor]):
    views, _ = tabletop
    pose = views.cameras.world_to_camera_cv.clone()
    pose[:, :3, 3] *= 100
    larger = swept(SourceViews(replace(views.cameras, world_to_camera_cv=pose), views.images))
    same = swept(views)
    sure = same.confidence > 0.3
    ratio = (larger.depth / same.depth)[sure]
    assert ratio.median().item() == pytest.approx(100.0, rel=1e-3)


def test_brighter_sources_change_little(tabletop: tuple[SourceViews, torch.Tensor]):
    views, depth = tabletop
    images = views.images.clone()
    images[1:] = 0.6 * images[1:] + 0.2
    assert relative_error(swept(SourceViews(views.cameras, images)), depth).median() < 0.05


def test_one_source_is_enough_to_answer(tabletop: tuple[SourceViews, torch.Tensor]):
    views, depth = tabletop
    assert relative_error(swept(views, [1]), depth).median() < 0.1


def test_a_picture_without_texture_is_never_sure(tabletop: tuple[SourceViews, torch.Tensor]):
    views, _ = tabletop
    grey = swept(SourceViews(views.cameras, torch.full_like(views.images, 0.5)))
    assert grey.confidence.max() == 0
    assert grey.depth.isfinite().all()
    assert (grey.depth > 0).all()


def test_cameras_at_one_place_tell_no_depth(tabletop: tuple[SourceViews, torch.Tensor]):
    views, _ = tabletop
    same = SourceViews(views.cameras[[0, 0, 0]], views.images[[0, 0, 0]])
    assert nearest_depth(same.cameras[[0]], same.cameras[[1, 2]]) is None
    found = swept(same, [1, 2])
    assert found.confidence.max() == 0
    assert found.depth.isfinite().all()


def test_the_nearest_depth_is_where_views_begin_to_overlap():
    side_by_side = looking_at(
        torch.tensor([[-0.5, 0.0, 0.0], [0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]), (0.0, 1e6, 0.0)
    )
    nearest = nearest_depth(side_by_side[[1]], side_by_side[[0, 2]])
    assert nearest is not None
    # Both neighbours see the middle column from depth f * b / (w / 2) on; 30 % of the columns later.
    begin = 60.0 * 0.5 / 32
    assert begin < nearest < 2.2 * begin


def test_views_that_never_overlap_have_no_nearest_depth():
    back_to_back = looking_at(torch.tensor([[0.0, 0.0, 0.0]]), (5.0, 0.0, 0.0))
    other = looking_at(torch.tensor([[-1.0, 0.0, 0.0]]), (-5.0, 0.0, 0.0))
    assert nearest_depth(back_to_back, other) is None
    assert nearest_depth(around([0.0]), around([])) is None


def test_correlation_is_that_of_the_two_patches():
    image = torch.rand(3, 9, 9, generator=torch.Generator().manual_seed(0))
    others = torch.stack([image, 1 - image, 0.5 * image + 0.1, torch.full_like(image, 0.3)])
    found = patch_correlation(image, others)
    assert found[0, 4, 4].item() == pytest.approx(1.0, abs=5e-3)
    assert found[1, 4, 4].item() == pytest.approx(-1.0, abs=5e-3)
    assert found[2, 4, 4].item() == pytest.approx(1.0, abs=2e-2)
    assert found[3].abs().max() < 1e-3


def test_correlation_agrees_with_a_slow_twin():
    generator = torch.Generator().manual_seed(1)
    image, other = (
        torch.rand(3, 12, 14, generator=generator),
        torch.rand(3, 12, 14, generator=generator),
    )
    found = patch_correlation(image, other[None])[0]
    for row, column in ((0, 0), (5, 7), (11, 13)):
        window = (
            slice(None),
            slice(max(row - 2, 0), row + 3),
            slice(max(column - 2, 0), column + 3),
        )
        one, two = image[window], other[window]
        one, two = one - one.mean((1, 2), keepdim=True), two - two.mean((1, 2), keepdim=True)
        spread = ((one**2).mean() * (two**2).mean()).sqrt()
        expected = (one * two).mean() / (spread + 1e-4)
        assert found[row, column].item() == pytest.approx(expected.item(), abs=1e-4)
