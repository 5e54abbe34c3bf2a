"""Sources whose poses are a little wrong are shifted onto each other, and only those."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import load_network
from condense_ns.lifting.source_alignment import (
    _turns,
    aligned,
    among_themselves,
    reconciled,
    shift_towards_blend,
)
from condense_ns.lifting.view_rendering import render_picture
from tests.lifting.looking_views import RANGE, TARGET, plane_depths, sources, surfaces_of, texture

OFF = torch.tensor([[0.0, 0.0], [0.5, -0.3], [0.0, 0.0], [-0.4, 0.2], [0.0, 0.0]])


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return load_network().eval()


def seen_from(off: torch.Tensor, count: int = 5) -> SourceViews:
    """Photographs of the plane, whose cameras are said to look so many pixels beside where they do."""
    given = sources(count)
    intrinsics = given.cameras.intrinsics.clone()
    intrinsics[:, :2, 2] += off[:count]
    cameras = replace(given.cameras, intrinsics=intrinsics)
    return replace(given, cameras=cameras, surfaces=surfaces_of(given.cameras))


def shifts(network: LiftingNetwork, given: SourceViews) -> torch.Tensor:
    look = network.look(TARGET, given, RANGE)
    moved = aligned(network, look, rays=1200).sources.intrinsics - look.sources.intrinsics
    assert (moved[:, 2] == 0).all()
    assert (moved[:, :2, :2] == 0).all()
    return moved[:, :2, 2]


def test_one_step_by_hand():
    """Colours rise by 0.1 a pixel to the right; one source shows 0.02 too much, the blend lies between."""
    ramp = torch.linspace(0, 1, 200)[:, None].expand(200, 3)
    colours = torch.stack([ramp, ramp + 0.02])
    slopes = torch.zeros(2, 200, 3, 2)
    slopes[..., 0] = 0.1
    everywhere = torch.ones(2, 200, dtype=torch.bool)
    found = shift_towards_blend(
        colours, slopes, torch.tensor([[3.0], [1.0]]) * everywhere, everywhere
    )
    torch.testing.assert_close(
        found, torch.tensor([[0.05, 0.0], [-0.15, 0.0]]), rtol=2e-3, atol=1e-6
    )


def test_what_shifts_have_in_common_is_left_out_by_hand():
    """The second camera lies on its side: a shift to its right is one down the target's picture."""
    turns = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [-1.0, 0.0]], [[1.0, 0], [0, 1]]])
    shifts = torch.tensor([[0.4, 0.0], [0.2, 0.0], [9.0, 9.0]])
    found = among_themselves(shifts, turns, torch.tensor([True, True, False]))
    torch.testing.assert_close(found, torch.tensor([[0.2, -0.1], [0.1, 0.2], [0.0, 0.0]]))
    torch.testing.assert_close(found[0] + turns[1].T @ found[1], torch.zeros(2), atol=1e-6, rtol=0)


@pytest.mark.parametrize("angle", [0.0, 0.3, -1.5, 3.0])
def test_cameras_that_lie_on_their_side_are_turned(network: LiftingNetwork, angle: float):
    given = seen_from(0 * OFF, 2)
    turned = torch.eye(4)
    across, down = torch.tensor(angle).cos(), torch.tensor(angle).sin()
    turned[:2, :2] = torch.stack([across, -down, down, across]).reshape(2, 2)
    poses = torch.stack([TARGET.world_to_camera_cv[0], turned @ TARGET.world_to_camera_cv[0]])
    look = network.look(TARGET, given, RANGE)
    look = replace(look, sources=replace(look.sources, world_to_camera_cv=poses))
    torch.testing.assert_close(_turns(look), torch.stack([torch.eye(2), turned[:2, :2]]))


def test_what_is_not_seen_pulls_nothing():
    colours, slopes = torch.rand(2, 50, 3), torch.rand(2, 50, 3, 2)
    seen = torch.zeros(2, 50, dtype=torch.bool)
    assert (shift_towards_blend(colours, slopes, 1.0 * seen, seen) == 0).all()


def test_wrong_poses_are_found(network: LiftingNetwork):
    found, right = shifts(network, seen_from(OFF)), shifts(network, seen_from(0 * OFF))
    assert right.abs().max() < 0.05
    assert found.mean(dim=0).abs().max() < 0.02  # all together are the target's matter
    assert (found + OFF - OFF.mean(dim=0)).abs().max() < 0.3 * OFF.abs().max()


def test_pictures_of_wrong_poses_get_better_and_of_right_ones_stay(network: LiftingNetwork):
    centre, directions = pixel_rays(grid_places(48, 64), TARGET)
    true = texture(centre + plane_depths(TARGET).reshape(-1, 1) * directions).reshape(48, 64, 3)
    errors = {}
    for name, off in (("wrong", 2 * OFF), ("right", 0 * OFF)):
        look = network.look(TARGET, seen_from(off), RANGE)
        for way, seen in (("before", look), ("after", reconciled(network, look))):
            picture = render_picture(network, seen, 48, 64).rgb
            errors[name, way] = float((picture - true).square().mean())
    assert errors["wrong", "after"] < 0.7 * errors["wrong", "before"]
    assert errors["right", "after"] < 1.05 * errors["right", "before"]


def test_a_source_that_shares_too_little_stays(network: LiftingNetwork):
    given = seen_from(OFF)
    world_to_camera = given.cameras.world_to_camera_cv.clone()
    world_to_camera[4, 2, 3] = -50.0  # all lies behind it
    away = replace(given, cameras=replace(given.cameras, world_to_camera_cv=world_to_camera))
    found = shifts(network, away)
    assert (found[4] == 0).all()
    assert found[1].abs().max() > 0.1


def test_one_source_stays(network: LiftingNetwork):
    assert shifts(network, seen_from(OFF, 1)).abs().max() < 1e-3
