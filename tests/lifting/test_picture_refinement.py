"""Pictures from what sources give: untrained as blended, trained from the neighbourhood, in bands alike."""

from dataclasses import replace

import pytest
import torch

from condense_ns.lifting.picture_refinement import REACH, PictureRefiner
from condense_ns.lifting.source_shares import SourceShares, whole_picture
from condense_ns.losses.lifting import picture_error

SOURCES, HEIGHT, WIDTH = 3, 20, 24


@pytest.fixture
def shares() -> SourceShares:
    """Random; nobody sees the first pixel, and the last source sees the left half alone."""
    generator = torch.Generator().manual_seed(0)

    def some(*more: int) -> torch.Tensor:
        return torch.rand(SOURCES, HEIGHT, WIDTH, *more, generator=generator)

    seen = torch.ones(SOURCES, HEIGHT, WIDTH)
    seen[2, :, WIDTH // 2 :] = 0
    seen[:, 0, 0] = 0
    weights = some() * seen
    weights = weights / weights.sum(dim=0).clamp_min(1e-9)
    return SourceShares(weights, some(3), some(), 0.01 * some(), seen, 0.02 * some())


@pytest.fixture
def refiner() -> PictureRefiner:
    """Random weights, and none of them zero."""
    torch.manual_seed(0)
    refiner = PictureRefiner().requires_grad_(False)
    for parameter in refiner.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    return refiner


def picked(shares: SourceShares, order: list[int]) -> SourceShares:
    return SourceShares(*(value[order] for value in vars(shares).values()))


def test_untrained_it_blends_by_the_weights_that_it_is_given(shares: SourceShares):
    torch.testing.assert_close(PictureRefiner()(shares), shares.blended, atol=1e-4, rtol=0)


def test_where_no_source_sees_anything_it_is_black(refiner: PictureRefiner, shares: SourceShares):
    picture = refiner(shares)
    assert torch.equal(picture[0, 0], torch.zeros(3))
    assert shares.lit.sum() == HEIGHT * WIDTH - 1


def test_colours_lie_between_those_of_the_sources(refiner: PictureRefiner, shares: SourceShares):
    picture, lit = refiner(shares), shares.lit > 0
    assert (picture <= shares.colours.amax(dim=0) + 1e-6)[lit].all()
    assert (picture >= shares.colours.amin(dim=0) - 1e-6)[lit].all()
    assert (picture - shares.blended).abs().amax() > 0.01


def test_the_order_of_the_sources_does_not_matter(refiner: PictureRefiner, shares: SourceShares):
    torch.testing.assert_close(refiner(picked(shares, [2, 0, 1])), refiner(shares))


def test_a_source_out_of_view_has_no_say(refiner: PictureRefiner, shares: SourceShares):
    other = shares.colours.clone()
    other[2, :, WIDTH // 2 + 2 :] = 0.5
    found = refiner(replace(shares, colours=other))
    far = WIDTH // 2 + 2 + REACH
    torch.testing.assert_close(found[:, far:], refiner(shares)[:, far:])


@pytest.mark.parametrize("pixels", [1, 5 * WIDTH, 10**6])
def test_bands_are_parts_of_the_whole(refiner: PictureRefiner, shares: SourceShares, pixels: int):
    torch.testing.assert_close(refiner.in_bands(shares, pixels), refiner(shares))


def test_a_pixel_depends_on_its_neighbours_and_on_nothing_beyond_the_reach(
    refiner: PictureRefiner, shares: SourceShares
):
    colours = shares.colours.clone()
    colours[:, 10, 12] = 1 - colours[:, 10, 12]
    changed = (refiner(replace(shares, colours=colours)) - refiner(shares)).abs().amax(dim=2) > 1e-6
    rows, columns = torch.nonzero(changed).unbind(dim=1)
    assert 0 < (rows - 10).abs().max() <= REACH
    assert 0 < (columns - 12).abs().max() <= REACH


def test_rays_become_the_picture_row_by_row(shares: SourceShares):
    rays = SourceShares(*(value.flatten(1, 2) for value in vars(shares).values()))
    parts = [
        SourceShares(*(value[:, a:b] for value in vars(rays).values()))
        for a, b in ((0, 7), (7, 480))
    ]
    again = whole_picture(parts, HEIGHT, WIDTH)
    assert all(torch.equal(vars(again)[name], value) for name, value in vars(shares).items())


def test_it_learns_which_source_shows_the_true_edge(shares: SourceShares):
    """One source shows the stripes where they are, the other two a pixel beside; weights are equal."""
    torch.manual_seed(0)
    true = ((torch.arange(WIDTH) // 3) % 2).float().expand(HEIGHT, WIDTH)[..., None].repeat(1, 1, 3)
    colours = torch.stack([true.roll(1, dims=1), true, true.roll(1, dims=1)])
    even = torch.ones(SOURCES, HEIGHT, WIDTH)
    told = SourceShares(
        even / 3,
        colours,
        0 * even,
        torch.tensor([0.05, 0.0, 0.05])[:, None, None] * even,
        even,
        0 * even,
    )
    refiner = PictureRefiner()
    optimizer = torch.optim.Adam(refiner.parameters(), lr=1e-2)
    before = float(picture_error(refiner(told), true))
    for _ in range(40):
        optimizer.zero_grad()
        loss = picture_error(refiner(told), true)
        loss.backward()
        optimizer.step()
    assert float(loss) < before - 1  # ten decibels


def test_the_error_is_the_psnr_but_for_sign_and_a_constant():
    true = torch.zeros(2, 2, 3)
    assert float(picture_error(true + 0.1, true)) == pytest.approx(3.0, abs=1e-3)  # 20 dB
    assert float(picture_error(true + 1.0, true)) == pytest.approx(5.0, abs=1e-3)  # 0 dB
    assert float(picture_error(true, true)) == 0.0
