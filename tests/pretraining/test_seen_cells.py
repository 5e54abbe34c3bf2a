"""What views see of a volume."""

import pytest
import torch

from condense_ns.geometry.correspondence import DepthView
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.pretraining.seen_cells import measured, seen_cells, stacked_cells
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import composite_voxels, opacity, volume_weights
from condense_ns.volumes.turned import turned
from tests.geometry.looking import around
from tests.pretraining.made_up_example import VIEWS, cube, seen
from tests.volumes.made_up_volumes import random_volume, volume_of


def test_rendered_values_are_those_of_the_march():
    volume = random_volume()
    view = VIEWS[[1]]
    cells = seen_cells(volume, view, 12, 16)
    centre, directions = pixel_rays(grid_places(12, 16), view)
    samples = march(volume, centre.expand_as(directions), directions)
    weights = volume_weights(samples, volume.density)
    expected = composite_voxels(samples, weights, volume.colour)
    kept = cells.opacity[0] / opacity(weights).clamp_min(1e-9) > 0.999  # few voxels were left out
    assert kept.float().mean() > 0.2
    torch.testing.assert_close(
        cells.composite(volume.colour)[0][kept], expected[kept], atol=2e-3, rtol=1e-2
    )


def test_the_voxels_of_a_wall_are_seen_in_their_middle():
    volume = volume_of(
        [[0, y, z] for y in range(-9, 9) for z in range(-9, 9)], 0.3, density=[1e3] * 324
    )
    cells = seen_cells(volume, around([0.0]), 6, 8)
    assert cells.visible.all()
    torch.testing.assert_close(cells.points[0, :, 0], torch.full((48,), 0.15), atol=0.08, rtol=0)
    torch.testing.assert_close(cells.depth[0], torch.full((48,), 3.85), atol=0.08, rtol=0)
    at = volume.centres[cells.surface[0]]
    assert ((at - cells.points[0]).abs() < 0.151).all()


def test_surfaces_lie_where_a_depth_image_has_them_if_it_knows():
    """Of a wall of large voxels, whose middle is half a metre off; half of the image knows nothing."""
    wall = [[0, y, z] for y in range(-9, 9) for z in range(-9, 9)]
    cells = seen_cells(volume_of(wall, 1.0, density=[1e3] * 324), around([0.0]), 6, 8)
    depth = torch.full((48, 64), 3.25)
    depth[:, :32] = 0.0
    view = around([0.0])
    found = measured(cells, view, DepthView(view, depth).depth_at(grid_places(6, 8)))
    known = (torch.arange(48) % 8) >= 4
    torch.testing.assert_close(found.depth[0, known], torch.full((24,), 3.25))
    torch.testing.assert_close(found.points[0, known, 0], torch.full((24,), 0.75))
    assert torch.equal(found.depth[0, ~known], cells.depth[0, ~known])
    assert torch.equal(found.points[0, ~known], cells.points[0, ~known])
    assert torch.equal(found.surface, cells.surface)


def test_where_no_voxel_is_seen_a_depth_image_adds_none():
    cells = seen_cells(volume_of([[0, 0, 0]], 0.01), around([0.0]), 6, 8)
    found = measured(cells, around([0.0]), torch.full((48,), 2.0))
    assert torch.equal(found.depth[~cells.visible], cells.depth[~cells.visible])


def test_a_spike_at_the_surface_renders_its_voxel():
    volume = cube()
    cells = seen(volume, 6, 8)
    found = cells.projected(volume.colour)
    assert torch.equal(found[cells.visible], volume.colour[cells.surface[cells.visible]])
    assert (found[~cells.visible] == 0).all()
    assert 0.1 < cells.visible.float().mean() < 0.9


def test_permuted_voxels_render_the_same():
    volume = cube()
    cells, change = seen(volume, 6, 8), turned(volume, 3)
    again = cells.renumbered(change.numbers)
    torch.testing.assert_close(
        again.composite(change.volume.colour), cells.composite(volume.colour)
    )
    assert torch.equal(again.projected(change.volume.colour), cells.projected(volume.colour))
    assert torch.equal(again.visible, cells.visible)


@pytest.mark.gpu
def test_a_gpu_sees_what_the_cpu_sees():
    volume = cube()
    expected = seen(volume, 9, 12)
    found = stacked_cells(
        [seen_cells(volume.to("cuda"), VIEWS[[at]].to("cuda"), 9, 12) for at in range(3)]
    )
    rendered = found.composite(volume.colour.cuda()).cpu()
    torch.testing.assert_close(rendered, expected.composite(volume.colour), atol=1e-3, rtol=1e-3)


def test_a_view_of_nothing_has_finite_cells():
    cells = seen_cells(cube(), around([0.0], radius=4.0)[[0]], 1, 1)
    away = around([0.0])
    away.world_to_camera_cv[:, :3, 3] += 100.0
    nothing = seen_cells(cube(), away, 3, 4)
    assert cells.visible.all()
    assert not nothing.visible.any()
    assert (nothing.composite(cube().colour) == 0).all()
    assert (nothing.depth == 0).all()
    assert nothing.points.isfinite().all()
