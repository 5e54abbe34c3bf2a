"""Histograms of gradients: right cell, right direction, nothing where nothing is."""

import pytest
import torch

from condense_ns.encoders import EncoderError, build_encoder
from condense_ns.encoders.gradients import DIRECTIONS, GradientsEncoder

ROWS, COLUMNS = 4, 6
SIZE = 48


@pytest.fixture
def encoder() -> GradientsEncoder:
    """Sees images of 32 x 48 pixels as they are."""
    return GradientsEncoder(image_size=SIZE)


def some_image(rows=ROWS, columns=COLUMNS, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, 8 * rows, 8 * columns, generator=generator)


def split(maps):
    """Rows and columns of quarters of cells, and their directions."""
    quarters = maps[0].reshape(*maps.shape[1:3], 2, 2, DIRECTIONS)
    return quarters.permute(0, 2, 1, 3, 4).reshape(2 * maps.shape[1], 2 * maps.shape[2], DIRECTIONS)


def test_an_even_image_has_no_gradients(encoder):
    assert (encoder.encode(torch.full((2, 3, 32, 48), 0.7)) == 0).all()


@pytest.mark.parametrize(("along", "expected"), [("columns", {0}), ("rows", {4, 5})])
def test_a_ramp_has_one_direction(encoder, along, expected):
    ramp = torch.linspace(0, 1, 48).expand(48, 48)
    image = (ramp if along == "columns" else ramp.T).expand(1, 3, 48, 48)
    found = split(encoder.encode(image))
    others = [direction for direction in range(DIRECTIONS) if direction not in expected]
    assert (found[..., others].abs() < 1e-5).all()
    for direction in expected:  # 90 degrees lie between the directions at 80 and 100
        share = found[4:-4, 4:-4, direction]  # the border is half as steep
        torch.testing.assert_close(share, share[:1, :1].expand_as(share), atol=1e-4, rtol=1e-4)
        assert (share > 0.2).all()


def test_the_number_of_a_ramp_by_hand(encoder):
    slope = 0.01
    image = (slope * torch.arange(48.0)).expand(1, 3, 48, 48)
    inner = split(encoder.encode(image))[4:-4, 4:-4, 0]
    torch.testing.assert_close(inner, torch.full_like(inner, slope / (slope + 0.02)))


def test_a_spot_is_seen_in_its_own_quarter_of_its_own_cell(encoder):
    image = torch.zeros(1, 3, 32, 48)
    image[:, :, 13:15, 37:39] = 1.0  # rows 12 to 15 and columns 36 to 39 are one quarter
    found = split(encoder.encode(image)).sum(dim=-1)
    assert found[3, 9] > 0
    found[3, 9] = 0
    assert (found == 0).all()


def test_shifting_the_image_by_a_cell_shifts_the_map(encoder):
    wide = some_image(ROWS, COLUMNS + 1)
    first, second = encoder.encode(wide[..., :48]), encoder.encode(wide[..., 8:])
    torch.testing.assert_close(first[:, :, 3:-2], second[:, :, 2:-3])


def test_turning_the_image_half_round_turns_the_cells_and_keeps_directions(encoder):
    image = some_image()
    turned = split(encoder.encode(image.flip(2, 3)))
    torch.testing.assert_close(
        turned, split(encoder.encode(image)).flip(0, 1), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("axis", [2, 3])
def test_a_mirror_image_has_mirrored_cells_and_directions(encoder, axis):
    image = some_image()
    mirrored = [-direction % DIRECTIONS for direction in range(DIRECTIONS)]
    found = split(encoder.encode(image.flip(axis)))
    expected = split(encoder.encode(image)).flip(axis - 2)[..., mirrored]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_turning_the_image_a_quarter_round_turns_the_cells(encoder):
    image = some_image()
    turned = split(encoder.encode(torch.rot90(image, dims=(2, 3)))).sum(dim=-1)
    expected = torch.rot90(split(encoder.encode(image)).sum(dim=-1))
    torch.testing.assert_close(turned, expected, atol=1e-5, rtol=1e-4)


def test_directions_a_quarter_round_lie_between_the_old_ones(encoder):
    """Nine directions have none at a right angle: 20 degrees become 110, between 100 and 120."""
    slopes = torch.tensor([20.0]).deg2rad()
    down, across = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    image = 0.01 * (across * slopes.cos() + down * slopes.sin()).expand(1, 3, 48, 48)
    straight = split(encoder.encode(image))[6, 6]
    turned = split(encoder.encode(torch.rot90(image, dims=(2, 3))))[6, 6]
    assert straight.argmax() == 1
    torch.testing.assert_close(straight.sum(), turned.sum(), atol=1e-4, rtol=1e-4)
    assert set(turned.topk(2).indices.tolist()) == {5, 6}
    torch.testing.assert_close(turned[5], turned[6], atol=1e-3, rtol=1e-3)


def test_brightness_does_not_matter_and_contrast_hardly(encoder):
    image = some_image()
    plain = encoder.encode(0.5 * image)
    torch.testing.assert_close(encoder.encode(0.5 * image + 0.4), plain, atol=1e-5, rtol=1e-4)
    doubled = encoder.encode(image)
    assert ((doubled / plain.clamp_min(1e-6))[plain > 0.01] < 1.25).all()


def test_other_sizes_are_resized_to_whole_cells(encoder):
    found = encoder.encode(torch.rand(2, 3, 37, 71))
    assert found.shape == (2, *encoder.grid_size(37, 71), 36) == (2, 3, 6, 36)
    assert found.isfinite().all()
    tiny = GradientsEncoder(image_size=8).encode(torch.rand(1, 3, 5, 5))
    assert tiny.shape == (1, 1, 1, 36)


def test_it_goes_by_its_name_and_its_size_is_part_of_its_fingerprint():
    encoder = build_encoder("gradients", "cpu", 64)
    assert isinstance(encoder, GradientsEncoder)
    assert encoder.channels == 36
    assert encoder.grid_size(480, 640) == (6, 8)
    assert encoder.fingerprint == GradientsEncoder(image_size=64).fingerprint
    assert encoder.fingerprint != GradientsEncoder(image_size=72).fingerprint


def test_an_image_size_below_a_cell_is_refused():
    with pytest.raises(EncoderError, match="image_size 7 is smaller than one patch of 8 pixels"):
        GradientsEncoder(image_size=7)
