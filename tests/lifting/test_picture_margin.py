"""Pictures are continued a little way into what no source sees, and no farther."""

import torch

from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.picture_margin import REACH, continued
from condense_ns.lifting.view_rendering import render_picture
from tests.lifting.looking_views import HEIGHT, RANGE, WIDTH, photographs, views_at

SIZE = 64
RINGS = round(REACH * SIZE)


def half_lit(columns: int) -> torch.Tensor:
    lit = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    lit[:, :columns] = True
    return lit


def test_what_is_lit_stays_and_a_strip_takes_the_colour_beside_it():
    picture = torch.full((SIZE, SIZE, 3), 0.25)
    lit = half_lit(SIZE - RINGS)
    found = continued(torch.where(lit[..., None], picture, 0.0), lit)
    torch.testing.assert_close(found, picture)


def test_beyond_its_reach_a_picture_stays_black():
    lit = half_lit(10)
    picture = torch.rand(SIZE, SIZE, 3, generator=torch.Generator().manual_seed(0)) * lit[..., None]
    found = continued(picture, lit)
    assert torch.equal(found[:, :10], picture[:, :10])
    assert (found[:, 10 : 10 + RINGS] > 0).all()
    assert (found[:, 10 + RINGS :] == 0).all()
    # the first ring is the mean of what is lit around it: three pixels, two in a corner
    torch.testing.assert_close(found[5, 10], picture[4:7, 9].mean(dim=0))
    torch.testing.assert_close(found[0, 10], picture[0:2, 9].mean(dim=0))


def test_without_anything_lit_all_is_black():
    picture = torch.zeros(SIZE, SIZE, 3)
    assert torch.equal(continued(picture, half_lit(0)), picture)


def test_a_target_that_looks_past_its_source_has_no_black_strip():
    torch.manual_seed(0)
    network = LiftingNetwork(planes=12, samples=3).eval()
    look = network.look(
        views_at([(0.06, 0.0, 0.0)]), photographs(views_at([(0.0, 0.0, 0.0)])), RANGE
    )
    found = render_picture(network, look, HEIGHT, WIDTH)
    unseen = found.accumulation[..., 0] == 0
    assert unseen[:, -1].any()
    assert not unseen[:, :-RINGS].any()
    assert (found.rgb > 0).all()
