"""Which views share what, and how far away things are."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from condense_ns.data import scene_anchors
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.data.scene_place import ScenePlace, recognised_place
from condense_ns.errors import UserError
from condense_ns.geometry.covisibility import mean_ray_angles
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.pose_distance import camera_spacing, pose_distances
from tests.data.changed_scenes import copied, give_masks, make_colmap_scene
from tests.geometry.looking import looking_at


def opened(folder: Path) -> PosedScene:
    return PosedScene(ScenePlace(folder.name, folder, "nerfstudio-data"), 64)


@pytest.fixture(scope="module")
def scene(tabletop: Path) -> PosedScene:
    return opened(tabletop)


@pytest.fixture
def anchors(scene: PosedScene, tmp_path: Path) -> SceneAnchors:
    return SceneAnchors(scene, tmp_path)


def looking_away(scene: PosedScene) -> PinholeViews:
    """A camera far outside that sees nothing of the scene."""
    return looking_at(torch.tensor([[100.0, 0.0, 0.0]]), point=(200.0, 0.0, 0.0))


def test_the_range_of_depths_holds_what_a_view_sees(scene: PosedScene, anchors: SceneAnchors):
    for view in (*scene.training, *scene.held_out):
        near, far = anchors.depth_range(scene.views[[view]])
        depth = scene.depth(view)
        assert depth is not None
        inside = (depth > near) & (depth < far)
        assert inside.float().mean() > 0.97
        assert near > 0.4 * depth.min()
        assert far < 2.5 * depth.max()


def test_a_scene_of_colmap_has_its_points_for_anchors(tabletop: Path, tmp_path: Path):
    place = recognised_place(make_colmap_scene(tabletop, tmp_path / "garden"))
    assert place is not None
    garden, truth = PosedScene(place, 64), opened(tabletop)
    anchors = SceneAnchors(garden, tmp_path)
    assert len(anchors.points) == 14 * 48
    names = [truth.file(at).name for at in range(len(truth))]
    scale = garden.train_outputs.dataparser_scale / truth.train_outputs.dataparser_scale
    for view in (garden.training[0], garden.held_out[0]):
        depth = truth.depth(names.index(garden.file(view).name))
        assert depth is not None
        near, far = anchors.depth_range(garden.views[[view]])
        inside = (scale * depth > near) & (scale * depth < far)
        assert inside.float().mean() > 0.97
        assert near > 0.3 * scale * depth.min()
        assert far < 3.0 * scale * depth.max()


def test_a_view_of_nothing_takes_its_neighbours_range(scene: PosedScene, anchors: SceneAnchors):
    ranges = torch.tensor([anchors.depth_range(scene.views[[view]]) for view in scene.training])
    near, far = anchors.depth_range(looking_away(scene))
    assert ranges[:, 0].min() <= near < far <= ranges[:, 1].max()


def test_without_any_anchor_in_view_the_range_is_still_usable(
    scene: PosedScene, anchors: SceneAnchors
):
    anchors.points = torch.full((20, 3), 1000.0)
    for view in (looking_away(scene), scene.views[[0]]):
        near, far = anchors.depth_range(view)
        assert 0 < near < far < 1e5


def test_sources_share_most_with_the_target(scene: PosedScene, anchors: SceneAnchors):
    target = scene.views[[12]]
    shares = anchors.covisibility(target, scene.views[scene.training])
    chosen = anchors.select_sources(target, scene.training, 4, view=12)
    assert len(set(chosen)) == 4
    assert chosen[0] == int(shares.argmax())
    assert shares[chosen].mean() > shares.mean()
    assert chosen == anchors.select_sources(target, scene.training, 4, view=12)


def test_the_target_and_excluded_views_are_no_sources(scene: PosedScene, anchors: SceneAnchors):
    chosen = anchors.select_sources(scene.views[[3]], scene.training, 20, exclude={5, 6}, view=3)
    assert sorted(chosen) == [view for view in scene.training if view not in (3, 5, 6)]


def test_fewer_views_than_wanted_are_all_taken(scene: PosedScene, anchors: SceneAnchors):
    assert sorted(anchors.select_sources(scene.views[[3]], [2, 4], 10, view=3)) == [2, 4]
    with pytest.raises(UserError, match=r"scene tabletop_000001: view 3 .* has no other view"):
        anchors.select_sources(scene.views[[3]], [3], 10, view=3)


def test_sources_may_be_kept_away_by_angle(scene: PosedScene, anchors: SceneAnchors):
    target = scene.views[[13]]
    chosen = anchors.select_sources(target, scene.training, 5, least_angle=40.0, view=13)
    angles = mean_ray_angles(anchors.points, target, scene.views[scene.training])
    assert angles[chosen].min() > 38.0  # within what the choice of anchors changes
    assert angles.min() < 38.0
    with pytest.raises(UserError, match="has no other view to be lifted from"):
        anchors.select_sources(target, scene.training, 5, least_angle=179.9, view=13)


@pytest.mark.parametrize("used", [0, 1])
def test_what_is_masked_in_a_source_is_not_shown_by_it(
    scene: PosedScene, anchors: SceneAnchors, tmp_path: Path, used: int
):
    target = scene.views[[12]]
    before = anchors.select_sources(target, scene.training, 4, view=12)
    frame = int(scene.file(before[0]).stem)
    masks = {frame: np.full((48, 64), used, dtype=bool)}
    masked = opened(give_masks(copied(scene.folder, tmp_path / "masked"), masks, (48, 64)))
    assert masked.file(before[0]).name == scene.file(before[0]).name
    own = SceneAnchors(masked, tmp_path / "anchors")
    own.points = anchors.points  # drawn anew where anything is masked
    after = own.select_sources(target, masked.training, 4, view=12)
    assert (before[0] in after) == bool(used)
    assert after == before or not used
    every = own.select_sources(target, masked.training, 99, view=12)
    assert sorted(every) == [view for view in masked.training if view != 12]


def test_a_view_that_shares_nothing_is_named(scene: PosedScene, anchors: SceneAnchors):
    with pytest.raises(
        UserError, match=r"scene tabletop_000001: view 2 \(\d+.png\) shares nothing"
    ):
        anchors.select_sources(looking_away(scene), scene.training, 4, view=2)


def test_a_free_camera_that_shares_nothing_gets_its_neighbours(
    scene: PosedScene, anchors: SceneAnchors
):
    camera = looking_away(scene)
    chosen = anchors.select_sources(camera, scene.training, 3)
    assert len(set(chosen)) == 3
    training = scene.views[scene.training]
    away = pose_distances(camera, training, camera_spacing(training))
    assert chosen == away.argsort()[:3].tolist()


def test_anchors_are_worked_out_once(
    tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = copied(tabletop, tmp_path / "scene")
    asked, original = [], scene_anchors.anchor_points
    monkeypatch.setattr(
        scene_anchors, "anchor_points", lambda scene: asked.append(1) or original(scene)
    )
    cache = tmp_path / "cache"
    first = SceneAnchors(opened(folder), cache)
    assert torch.equal(SceneAnchors(opened(folder), cache).points, first.points)
    assert len(asked) == 1
    os.utime(folder / "images" / "00000.png", ns=(1, 1))
    SceneAnchors(opened(folder), cache)
    assert len(asked) == 2
    for file in cache.iterdir():
        file.write_bytes(b"damaged")
    assert torch.equal(SceneAnchors(opened(folder), cache).points, first.points)
    assert len(asked) == 3
    assert not list(cache.glob("*.tmp"))


def test_photographs_are_checked_before_anchors_are_kept(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "torn")
    image = folder / "images" / "00008.png"
    image.write_bytes(image.read_bytes()[:300])
    with pytest.raises(UserError, match=r"scene torn: .*00008.png"):
        SceneAnchors(opened(folder), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_anchors_are_kept_in_the_user_s_cache(
    scene: PosedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    SceneAnchors(scene)
    kept = list(tmp_path.glob("condense_ns/anchors/tabletop_000001-*/*.safetensors"))
    assert len(kept) == 1
