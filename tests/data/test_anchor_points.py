"""Points on surfaces, wherever they come from, lie on surfaces."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.data.anchor_points import anchor_points
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from tests.data.changed_scenes import copied, without_depth


def surface(scene: PosedScene) -> torch.Tensor:
    """Every pixel of the training views as a point in the world."""
    points = []
    for view in scene.training:
        depth = scene.depth(view)
        assert depth is not None
        centre, rays = pixel_rays(grid_places(depth.shape[0], depth.shape[1]), scene.views[[view]])
        points.append(centre + depth.reshape(-1, 1) * rays)
    return torch.cat(points)


def distances(points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """From each point to the nearest of the others."""
    exact = "donot_use_mm_for_euclid_dist"
    return torch.cdist(points, others, compute_mode=exact).min(dim=1).values


def opened(folder: Path) -> PosedScene:
    return PosedScene(ScenePlace(folder.name, folder, "nerfstudio-data"), 64)


def test_points_from_depth_are_pixels_lifted(tabletop: Path):
    scene = opened(tabletop)
    points = anchor_points(scene)
    assert points.shape == (12 * 300, 3)
    assert distances(points[:300], surface(scene)).max() < 1e-5


def test_points_without_depth_are_near_surfaces(tabletop: Path, tmp_path: Path):
    truth = surface(opened(tabletop))
    size = torch.linalg.vector_norm(truth.quantile(0.9, dim=0) - truth.quantile(0.1, dim=0))
    points = anchor_points(opened(without_depth(tabletop, tmp_path / "scene")))
    assert len(points) > 1000
    away = distances(points[:500], truth[::7]) / size
    assert away.median() < 0.02
    assert away.quantile(0.9) < 0.08


def test_points_of_a_reconstruction_are_taken_as_they_are(
    tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scene = opened(without_depth(tabletop, tmp_path / "scene"))
    sparse = torch.rand(20_000, 3)
    sparse[5] = torch.nan
    monkeypatch.setitem(scene.train_outputs.metadata, "points3D_xyz", sparse)
    points = anchor_points(scene)
    assert 11_999 <= len(points) <= 12_000
    assert distances(points[:50], sparse[6:]).max() < 1e-5


def test_depth_that_is_unknown_everywhere_is_made_up_for(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "scene")
    for file in (folder / "depth").iterdir():
        np.save(file, np.zeros((48, 64), np.float32))
    scene = opened(folder)
    scene.train_outputs.metadata["points3D_xyz"] = torch.rand(200, 3)
    assert anchor_points(scene).shape == (200, 3)


def test_anchors_stand_in_random_order(tabletop: Path):
    points = anchor_points(opened(tabletop))
    first, last = points[:600].mean(dim=0), points[-600:].mean(dim=0)
    assert torch.linalg.vector_norm(first - last) < 0.3 * points.std(dim=0).norm()
    assert torch.equal(points, anchor_points(opened(tabletop)))


def test_a_scene_that_shows_no_surface_is_refused(tabletop: Path, tmp_path: Path):
    folder = without_depth(tabletop, tmp_path / "fog")
    for file in (folder / "images").iterdir():
        Image.new("RGB", (64, 48), (128, 128, 128)).save(file)
    with pytest.raises(UserError, match="scene fog: its views do not show where surfaces are"):
        anchor_points(opened(folder))
