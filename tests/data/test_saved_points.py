"""Points that transforms.json names, in the frame that the host's cameras have."""

from pathlib import Path

import numpy as np
import pytest
import torch

from condense_ns.data.anchor_points import anchor_points
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.saved_points import saved_to_model
from condense_ns.data.scene_place import recognised_place
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.errors import UserError
from condense_ns.export.point_cloud import write_points
from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from tests.data.changed_scenes import copied, make_blender_scene, rewrite, without_depth

APPLIED = [[1.0, 0.0, 0.0, 0.3], [0.0, 0.0, 1.0, -0.2], [0.0, -1.0, 0.0, 0.1]]


def opened(folder: Path) -> PosedScene:
    place = recognised_place(folder)
    assert place is not None
    return PosedScene(place, 64)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def surface(tabletop: Path) -> torch.Tensor:
    """What the first view sees, in the coordinates of its transforms.json."""
    scene = opened(tabletop)
    depth = scene.depth(0)
    assert depth is not None
    centre, rays = pixel_rays(grid_places(depth.shape[0], depth.shape[1]), scene.views[[0]])
    model = centre + depth.reshape(-1, 1) * rays
    return saved_to_model(scene.place, scene.train_outputs).inverse().points(model.double())


def with_points(tabletop: Path, to: Path, surface: torch.Tensor, applied: bool) -> Path:
    without_depth(tabletop, to)
    colours = torch.linspace(0, 1, len(surface))[:, None].expand(-1, 3)
    write_points(to / "sparse_pc.ply", surface.float(), colours, "seen", torch.zeros(len(surface)))
    changes: dict[str, object] = {"ply_file_path": "sparse_pc.ply"}
    if applied:
        changes["applied_transform"] = APPLIED
    rewrite(to, lambda meta: meta.update(changes))
    return to


@pytest.mark.parametrize("applied", [False, True])
def test_points_lie_where_cameras_see_them(tabletop, tmp_path, surface, applied):
    scene = opened(with_points(tabletop, tmp_path / "scene", surface, applied))
    cloud = scene.cloud
    assert cloud is not None
    landed = project_pinhole(cloud.positions.float(), scene.views[[0]])
    expected = grid_places(scene.views.height, scene.views.width)
    torch.testing.assert_close(landed.places[0], expected, atol=1e-3, rtol=0)
    assert cloud.colours is not None
    assert cloud.colours[0].tolist() == [0.0, 0.0, 0.0]
    assert cloud.colours[-1].tolist() == [1.0, 1.0, 1.0]


def test_anchors_and_volumes_are_made_of_them(tabletop, tmp_path, surface):
    scene = opened(with_points(tabletop, tmp_path / "scene", surface, True))
    assert volume_of_scene(scene).kind == "points"
    assert scene.cloud is not None
    places = scene.cloud.positions.float()
    exactly = "donot_use_mm_for_euclid_dist"
    apart = torch.cdist(anchor_points(scene)[:50], places, compute_mode=exactly)
    assert apart.amin(dim=1).max() < 1e-5


def test_the_digest_knows_points_and_the_unit_of_depth(tabletop, tmp_path, surface):
    bare, pointed = tmp_path / "bare", tmp_path / "pointed"
    without_depth(tabletop, bare)
    before = opened(bare).digest
    assert opened(bare).digest == before
    write_points(
        bare / "sparse_pc.ply", surface.float(), surface * 0, "n", torch.zeros(len(surface))
    )
    rewrite(bare, lambda meta: meta.update(ply_file_path="sparse_pc.ply"))
    assert opened(bare).digest != before
    copied(tabletop, pointed)
    place = recognised_place(pointed)
    assert place is not None
    digests = {
        PosedScene(type(place)(place.name, place.folder, place.dataparser, options), 64).digest
        for options in ({}, {"depth_unit_scale_factor": 1e-4})
    }
    assert len(digests) == 2


def test_the_host_s_guess_for_old_scenes_of_colmap_is_undone(tabletop, tmp_path, surface):
    folder = with_points(tabletop, tmp_path / "scene", surface, False)
    (folder / "colmap" / "sparse" / "0").mkdir(parents=True)
    scene = opened(folder)
    assert scene.cloud is not None
    landed = project_pinhole(scene.cloud.positions.float(), scene.views[[0]])
    torch.testing.assert_close(
        landed.places[0],
        grid_places(scene.views.height, scene.views.width),
        atol=1e-3,
        rtol=0,
    )


def test_scenes_without_such_points_have_none(tabletop, tmp_path):
    assert opened(tabletop).cloud is None
    assert opened(make_blender_scene(tmp_path / "blender")).cloud is None
    missing = copied(tabletop, tmp_path / "missing")
    rewrite(missing, lambda meta: meta.update(ply_file_path="gone.ply"))
    assert opened(missing).cloud is None


def test_damaged_points_are_told(tabletop, tmp_path):
    folder = copied(tabletop, tmp_path / "scene")
    (folder / "points.ply").write_bytes(np.zeros(64, np.uint8).tobytes())
    rewrite(folder, lambda meta: meta.update(ply_file_path="points.ply"))
    with pytest.raises(UserError, match=r"points\.ply"):
        _ = opened(folder).cloud
    rewrite(folder, lambda meta: meta.update(applied_transform=[[0.0] * 4] * 3))
    write_points(folder / "points.ply", torch.zeros(3, 3), torch.zeros(3, 3), "n", torch.zeros(3))
    with pytest.raises(UserError, match="mend applied_transform"):
        _ = opened(folder).cloud
