"""Depth images become voxels at the surfaces; what only one of them sees vanishes."""

import math
import sys
import time
from dataclasses import replace

import pytest
import torch
from scipy.spatial import KDTree
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import (
    composite_voxels,
    mean_depth,
    opacity,
    surface_weights,
    volume_weights,
)
from condense_ns.volumes.depth_surfaces import PosedDepth, depth_surface
from condense_ns.volumes.from_depth import (
    INNERMOST,
    OUTERMOST,
    SOFTNESS,
    DepthFusion,
    volume_from_depth,
)
from condense_ns.volumes.volume_checks import validated
from tests.geometry.looking import FOCAL, HEIGHT, WIDTH, around, looking_at
from tests.volumes.photographed import KITCHEN, kitchen, photographed

FAR = 3.0
SIZE = 0.1
EVEN = DepthFusion(voxel_size=SIZE)
RED = torch.tensor([1.0, 0.0, 0.25])[:, None, None].expand(3, HEIGHT, WIDTH)


def wall(floater=False):
    """Three cameras that look squarely at the wall y = 0 from its side y < 0, all of them in red.

    One of them may have made up a surface half-way.
    """
    views = looking_at(torch.tensor([[0.0, -FAR, 0.0]]))
    views = views[[0, 0, 0]]
    poses = views.world_to_camera_cv.clone()
    poses[:, 0, 3] += torch.tensor([-0.5, 0.0, 0.5])
    depth = torch.full((3, HEIGHT, WIDTH), FAR)
    if floater:
        depth[1, 15:30, 20:40] = FAR / 2
    return replace(views, world_to_camera_cv=poses), [PosedDepth(d, RED) for d in depth]


def replace_unchecked(view, image):
    """A view with an image of any size, as without the checks of the tests."""
    changed = replace(view)
    object.__setattr__(changed, "image", image)
    return changed


def rendered(volume, views, number, every=1):
    """Depth of one view in rows of pixels, and of the surface alone, its opacity and its colours."""
    centre, directions = pixel_rays(
        grid_places(views.height, views.width)[::every], views[[number]]
    )
    samples = march(volume, centre.expand_as(directions), directions)
    weights = volume_weights(samples, volume.density)
    sharp = mean_depth(samples, surface_weights(weights))
    colours = composite_voxels(samples, weights, volume.colour)
    return mean_depth(samples, weights), sharp, opacity(weights), colours


def ball_views(degrees, radius=1.0):
    """A ball at the origin seen from a circle about it; 0 beside the ball."""
    views = around(degrees)
    seen = []
    for number in range(len(views)):
        centre, directions = pixel_rays(grid_places(HEIGHT, WIDTH), views[[number]])
        a, b = directions.square().sum(dim=1), directions @ centre
        root = b.square() - a * (centre.square().sum() - radius**2)
        t = (-b - root.clamp_min(0).sqrt()) / a
        depth = torch.where(root > 0, t, 0.0).reshape(HEIGHT, WIDTH)
        seen.append(PosedDepth(depth))
    return views, seen


def test_a_wall_by_hand():
    views, seen = wall()
    volume = validated(volume_from_depth(views, seen.__getitem__, EVEN))
    distance = -volume.centres[:, 1] / SIZE  # before the wall, in voxels
    assert distance.min() > INNERMOST
    assert distance.max() < OUTERMOST
    expected = torch.sigmoid(-distance / SOFTNESS) / (SOFTNESS * SIZE)
    torch.testing.assert_close(volume.density, expected, rtol=0.02, atol=0.02)
    assert volume.kind == "depth"
    middle = (volume.centres[:, [0, 2]].abs() < 1).all(dim=1)
    square = torch.tensor([0.0, -1.0, 0.0])
    assert ((volume.normal[middle] - square).abs() < 1e-3).all()
    assert ((volume.colour - torch.tensor([1.0, 0.0, 0.25])).abs() < 1e-5).all()


def test_rays_stop_at_the_wall():
    views, seen = wall()
    volume = volume_from_depth(views, seen.__getitem__, EVEN)
    depth, sharp, stopped, colours = rendered(volume, views, 1)
    inner = grid_places(HEIGHT, WIDTH).sub(0.5).abs().amax(dim=1) < 0.3
    assert stopped[inner].min() > 0.99
    assert (depth[inner] - FAR).abs().max() < 0.7 * SIZE
    assert (sharp[inner] - FAR).abs().max() < 1.0 * SIZE
    assert (depth[inner].mean() - FAR).abs() < 0.4 * SIZE
    assert (colours[inner] - torch.tensor([1.0, 0.0, 0.25])).abs().max() < 1e-4


def test_what_one_view_has_made_up_vanishes():
    views, seen = wall(floater=True)
    volume = volume_from_depth(views, seen.__getitem__, EVEN)
    clean = volume_from_depth(views, wall()[1].__getitem__, EVEN)
    assert volume.centres[:, 1].min() > -0.2
    assert len(volume) > 0.95 * len(clean)


def test_with_one_view_there_is_nobody_to_disagree():
    views, seen = wall(floater=True)
    volume = volume_from_depth(views[[1]], lambda _: seen[1], EVEN)
    assert (volume.centres[:, 1] < -FAR / 4).any()


def test_a_ball_from_all_around():
    views, seen = ball_views([0, 60, 120, 180, 240, 300])
    volume = validated(volume_from_depth(views, seen.__getitem__, DepthFusion(0.08)))
    radius = volume.centres.norm(dim=1)
    assert ((radius - 1) / 0.08).abs().max() < 2.5
    strong = volume.density * 0.08 > 1
    assert ((radius[strong] - 1) / 0.08).abs().max() < 2.0
    known = volume.normal.norm(dim=1) > 0.5
    cosine = (F.normalize(volume.centres, dim=1) * volume.normal).sum(dim=1)[known]
    assert known.float().mean() > 0.9
    assert cosine.median() > 0.99
    assert (volume.colour == 0.5).all()


def test_normals_and_slant_of_a_wall():
    views, seen = wall()
    surface = depth_surface(seen[0].depth, views[[0]])
    inner = surface.normals[2:-2, 2:-2].reshape(-1, 3)
    torch.testing.assert_close(
        inner, torch.tensor([0.0, -1.0, 0.0]).expand_as(inner), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(surface.slant[2:-2, 2:-2], torch.ones(HEIGHT - 4, WIDTH - 4))
    assert (surface.normals[:2] == 0).all()
    assert (surface.points[..., 1].abs() < 1e-5).all()
    landed = project_pinhole(surface.points.reshape(-1, 3), views[[0]])
    torch.testing.assert_close(landed.places[0], grid_places(HEIGHT, WIDTH), atol=1e-5, rtol=0)


def test_the_chosen_size_is_a_few_pixels():
    views, seen = wall()
    volume = volume_from_depth(views, seen.__getitem__)
    assert volume.voxel_size == pytest.approx(2.5 * FAR / FOCAL)


def test_more_voxels_in_a_row_than_allowed_make_the_chosen_ones_larger(monkeypatch):
    monkeypatch.setattr("condense_ns.volumes.from_depth.MOST_ACROSS", 10)
    views, seen = wall()
    volume = volume_from_depth(views, seen.__getitem__)
    assert 0.3 < volume.voxel_size < 0.5


@pytest.mark.parametrize("hole", [0.0, -1.0, math.nan, math.inf])
def test_unknown_depth_is_left_out(hole):
    views, seen = wall()
    depth = seen[0].depth.clone()
    depth[:, :10] = hole
    volume = validated(volume_from_depth(views[[0]], lambda _: PosedDepth(depth, RED), EVEN))
    whole = volume_from_depth(views[[0]], lambda _: seen[0], EVEN)
    assert 0.7 < len(volume) / len(whole) < 0.95


def test_views_are_read_in_turn_and_seldom():
    views, seen = wall()
    asked = []

    def load(view):
        asked.append(view)
        return seen[view]

    volume_from_depth(views, load, EVEN)
    assert asked == [0, 1, 2, 0, 1, 2]


def test_scenes_without_any_depth_are_refused():
    views, _ = wall()
    empty = PosedDepth(torch.zeros(HEIGHT, WIDTH))
    for fusion in (EVEN, DepthFusion()):
        with pytest.raises(
            UserError, match=r"^the depth images of kitchen are empty; give others, or"
        ):
            volume_from_depth(views, lambda _: empty, fusion, name="kitchen")


def test_depth_of_another_size_than_its_camera_is_refused():
    views, seen = wall()
    small = PosedDepth(torch.ones(8, 8))
    with pytest.raises(
        UserError, match=r"^view 0 of kitchen has depth of 8 x 8 pixels for a camera of"
    ):
        volume_from_depth(views, lambda _: small, EVEN, name="kitchen")
    image = replace_unchecked(seen[0], torch.ones(3, 8, 8))
    with pytest.raises(UserError, match=r"^view 0 of the scene has an image of 8 x 8 pixels"):
        volume_from_depth(views, lambda _: image, EVEN)


@pytest.mark.parametrize("wrong", ["unit", "convention"])
def test_depth_that_does_not_belong_to_the_poses_is_refused(wrong):
    views, seen, _ = photographed()
    if wrong == "unit":
        seen = [PosedDepth(1000 * view.depth) for view in seen]
    else:
        turned = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0])) @ views.world_to_camera_cv
        views = replace(views, world_to_camera_cv=turned)
    with pytest.raises(
        UserError, match=r"agree on \d+% of what they show; check that its poses and its"
    ):
        volume_from_depth(views, seen.__getitem__)


def test_views_that_share_nothing_are_refused():
    views, _ = ball_views([0, 90, 180, 270])
    with pytest.raises(
        UserError, match=r"^the depth images of the scene agree on 2% of what they show"
    ):
        volume_from_depth(views, lambda v: PosedDepth(torch.full((HEIGHT, WIDTH), 1.0 + v)), EVEN)


def test_too_small_voxels_are_refused(monkeypatch):
    monkeypatch.setattr("condense_ns.volumes.from_depth.MOST_VOXELS", 1000)
    views, seen = wall()
    with pytest.raises(
        UserError, match=r"^the scene has more than 1000 voxels of size 0.01; give larger"
    ):
        volume_from_depth(views, seen.__getitem__, DepthFusion(0.01))


def test_a_made_up_scene_against_its_exact_surfaces():
    views, seen, points = photographed()
    volume = validated(volume_from_depth(views, seen.__getitem__))
    size = volume.voxel_size
    distance, nearest = KDTree(points.position).query(volume.centres.numpy())
    assert (distance < 2.0 * size).mean() > 0.99
    truth = torch.from_numpy(points.normal[nearest])
    assert (truth * volume.normal).sum(dim=1).median() > 0.99
    agreeing, close = [], []
    for number in (0, 5, 11):
        depth, sharp, stopped, colours = rendered(volume, views, number)
        exact = seen[number].depth.flatten()
        assert stopped.mean() > 0.98
        agreeing.append(((depth - exact).abs() < 1.5 * size).float().mean())
        image = seen[number].image
        assert image is not None
        close.append((colours - image.reshape(3, -1).T).abs().mean())
        assert (sharp - exact).abs().median() < size
    assert min(agreeing) > 0.82
    assert max(close) < 0.1


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not KITCHEN.is_dir(), reason="needs the shared data")
def test_a_real_room(capsys):
    views, load = kitchen()
    started, busy = time.perf_counter(), time.process_time()
    volume = validated(volume_from_depth(views, load))
    passed, worked = time.perf_counter() - started, time.process_time() - busy
    agreeing = []
    for number in range(5, len(views), 10):
        measured = load(number).depth.flatten()[::11]
        depth, _, stopped, _ = rendered(volume, views, number, every=11)
        known = measured > 0
        agreeing.append(((depth - measured).abs()[known] < 1.5 * volume.voxel_size).float().mean())
        assert stopped[known].mean() > 0.95
    agreement = torch.stack(agreeing).mean()
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(views)} depth images to {len(volume)} voxels of {volume.voxel_size:.4f} m in "
            f"{passed:.1f} s ({worked:.1f} s of work); {agreement:.1%} of the pixels agree\n"
        )
    assert agreement > 0.8
