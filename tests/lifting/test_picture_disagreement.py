"""How unlike sources' pictures are on planes before a target."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.pinhole import PinholeViews, grid_places
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.depth_proposal import DepthPlanes
from condense_ns.lifting.picture_disagreement import (
    UNSEEN,
    contrast_normalised,
    halved,
    picture_disagreement,
)
from tests.lifting.looking_views import RANGE, TARGET, sources, views_at
from tests.lifting.proposed_planes import PLANES, true_index

ROWS, COLUMNS = 24, 32
CELLS = grid_places(ROWS, COLUMNS).reshape(ROWS, COLUMNS, 2)


def disagreement(given: SourceViews, target: PinholeViews = TARGET, planes=PLANES) -> torch.Tensor:
    """Of all of the photographs' pixels."""
    pictures = contrast_normalised(given.images)
    depths = planes.depth(torch.arange(float(planes.count))[:, None, None])
    return picture_disagreement(target, given.cameras, pictures, (1.0, 1.0), depths, CELLS)


def test_cells_may_have_depths_of_their_own_and_pictures_several_channels():
    given = sources()
    pictures = halved(given.images)
    numbers = 23 * torch.rand(2, ROWS, COLUMNS, generator=torch.Generator().manual_seed(0))

    def of(some, depths):
        return picture_disagreement(TARGET, given.cameras, some, (1.0, 1.0), depths, CELLS)

    everywhere = torch.stack([of(pictures, PLANES.depth(one)) for one in numbers[:, None]])[:, 0]
    torch.testing.assert_close(of(pictures, PLANES.depth(numbers)), everywhere)
    single = [of(pictures[:, [at]], PLANES.depth(numbers)) for at in range(3)]
    torch.testing.assert_close(torch.stack(single).mean(dim=0), everywhere, atol=1e-5, rtol=1e-4)


def test_pictures_are_halved_and_freed_from_brightness_and_contrast():
    images = torch.rand(2, 3, 31, 40, generator=torch.Generator().manual_seed(0))
    found = contrast_normalised(images)
    assert found.shape == (2, 1, 16, 20)
    changed = contrast_normalised(0.4 * images + 0.3)
    assert (changed - found).abs().mean() < 0.03
    assert found.mean().abs() < 0.1
    assert 0.7 < float(found.std()) < 1.2


def test_by_hand_where_there_is_a_step():
    """Two rows of black pixels of seven are two in seven dark: (1 - 5/7) / sqrt(5/7 * 2/7) where it is light."""
    image = torch.ones(1, 3, 28, 28)
    image[:, :, :14] = 0
    found = contrast_normalised(image)[0, 0]
    deviation = (5 / 7 * 2 / 7) ** 0.5
    torch.testing.assert_close(
        found[8], torch.full((14,), (1 - 5 / 7) / deviation), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(found[0], torch.zeros(14), atol=1e-4, rtol=0)


def test_a_wall_of_one_colour_says_nothing():
    assert contrast_normalised(torch.full((1, 3, 20, 20), 0.4)).abs().max() < 1e-3


def test_pictures_agree_where_the_surface_is():
    found = disagreement(sources())
    assert ((found >= 0) & (found <= 1)).all()
    true = true_index(ROWS, COLUMNS)
    apart = (found.argmin(dim=0) - true)[4:-4, 4:-4].abs()
    assert float((apart < 1).float().mean()) > 0.85
    at_true = found.gather(0, true.round().long()[None])[0, 4:-4, 4:-4]
    assert float(at_true.mean()) < 0.3 * float(found[:, 4:-4, 4:-4].mean())


def test_exposure_of_a_source_does_not_matter():
    given = sources()
    gains = torch.tensor([0.5, 0.8, 1.0, 0.7, 0.6])[:, None, None, None]
    exposed = replace(given, images=given.images * gains)
    assert (disagreement(exposed) - disagreement(given)).abs().mean() < 0.01


def test_the_order_of_sources_and_the_scale_of_the_scene_do_not_matter():
    given = sources()
    order = [3, 0, 4, 2, 1]
    other = SourceViews(given.cameras[order], given.images[order])
    torch.testing.assert_close(disagreement(other), disagreement(given), atol=1e-5, rtol=0)

    def grown(views: PinholeViews) -> PinholeViews:
        poses = views.world_to_camera_cv.clone()
        poses[:, :3, 3] *= 10
        return replace(views, world_to_camera_cv=poses)

    large = SourceViews(grown(given.cameras), given.images)
    far = DepthPlanes(10 * RANGE[0], 10 * RANGE[1], 24)
    found = disagreement(large, grown(TARGET), far)
    torch.testing.assert_close(found, disagreement(given), atol=1e-3, rtol=0)


@pytest.mark.parametrize("seeing", [0, 1])
def test_places_that_fewer_than_two_sources_see(seeing):
    away = views_at([(90.0, 0.0, 0.0), (95.0, 0.0, 0.0)])
    given = sources(2)
    cameras = PinholeViews(
        given.cameras.intrinsics,
        torch.cat([given.cameras.world_to_camera_cv[:seeing], away.world_to_camera_cv[seeing:]]),
        given.cameras.height,
        given.cameras.width,
    )
    found = disagreement(SourceViews(cameras, given.images))
    assert (found == UNSEEN).all()
