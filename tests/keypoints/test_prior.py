"""What detectors say of corners, blobs and nothing, and cells that become pixels."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.keypoints.detection import BORDER, MIN_PROBABILITY, RADIUS, peaks
from condense_ns.keypoints.prior import (
    CLASSICAL,
    SMALLEST,
    STRONGEST,
    cell_logits,
    classical_logits,
    weighed_logits,
)


def peaks_of(logits):
    return peaks(logits.sigmoid(), RADIUS, MIN_PROBABILITY, BORDER)


@pytest.mark.parametrize("detector", CLASSICAL)
@pytest.mark.parametrize("grey", [0.0, 0.1, 0.37, 1.0])
def test_constant_pictures_have_no_peaks(detector, grey):
    logits = classical_logits(torch.full((3, 61, 83), grey), detector)
    assert logits.isfinite().all()
    assert len(peaks_of(logits)) == 0


def test_the_corners_of_a_square_are_where_shi_tomasi_is_strongest():
    image = torch.zeros(3, 64, 64)
    image[:, 20:44, 20:44] = 1.0
    logits = classical_logits(image, "shi-tomasi")
    found = peaks_of(logits)
    strongest = found[logits[found[:, 0], found[:, 1]].argsort(descending=True)[:4]]
    for corner in ([20, 20], [20, 43], [43, 20], [43, 43]):
        assert (strongest - torch.tensor(corner)).abs().amax(dim=1).min() <= 2


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_blobs_are_where_dog_is_strongest_dark_or_bright(sign):
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    blob = torch.exp(-((rows - 30) ** 2 + (columns - 40) ** 2) / (2 * 1.5**2))
    logits = classical_logits((0.5 + 0.4 * sign * blob).expand(3, 64, 64).contiguous(), "dog")
    assert divmod(int(logits.argmax()), 64) == (30, 40)


@pytest.mark.parametrize("detector", CLASSICAL)
def test_the_unit_is_the_response_of_the_strongest_hundredth(detector):
    image = torch.rand(3, 80, 90, generator=torch.Generator().manual_seed(0))
    logits = classical_logits(image, detector)
    assert torch.quantile(logits.flatten(), STRONGEST).abs() < 0.02
    assert logits.min() >= math.log(SMALLEST) - 1e-4
    paler = classical_logits(0.25 * image + 0.3, detector)
    assert torch.allclose(paler.clamp_min(-5), logits.clamp_min(-5), atol=0.02)


def test_cells_by_hand():
    cells = torch.tensor([[[0.0, 1.0, -1.0, 2.0], [3.0, -2.0, 0.5, 1.5]]])
    expected = torch.tensor([[0.0, 1.0, 3.0, -2.0], [-1.0, 2.0, 0.5, 1.5]])
    assert torch.allclose(cell_logits(cells, (2, 4)), expected, atol=1e-5)


def test_none_here_takes_its_share_of_the_probability():
    cells = torch.tensor([[[0.2, 0.3, 0.1, 0.1, 0.3]]]).log()
    expected = torch.logit(torch.tensor([[0.2, 0.3], [0.1, 0.1]]))
    assert torch.allclose(cell_logits(cells, (2, 2)), expected, atol=1e-5)


@pytest.mark.parametrize("channels", [64, 65])
def test_cells_agree_with_loops(channels):
    cells = torch.randn(3, 4, channels, generator=torch.Generator().manual_seed(1))
    found = cell_logits(cells, (24, 32)).sigmoid()
    probabilities = cells.softmax(dim=2) if channels == 65 else cells.sigmoid()
    for y in range(24):
        for x in range(32):
            expected = probabilities[y // 8, x // 8, (y % 8) * 8 + x % 8]
            assert found[y, x] == pytest.approx(float(expected), abs=2e-6)


def test_a_map_of_another_size_is_resampled_as_probabilities():
    cells = torch.randn(3, 4, 65, generator=torch.Generator().manual_seed(1))
    expected = F.interpolate(
        cell_logits(cells, (24, 32)).sigmoid()[None, None], (30, 50), mode="bilinear"
    )
    assert torch.allclose(cell_logits(cells, (30, 50)).sigmoid(), expected[0, 0], atol=2e-6)


def test_sure_cells_stay_finite_and_so_do_their_gradients():
    cells = torch.tensor([[[200.0, -200.0, 0.0, 0.0]]], requires_grad=True)
    logits = cell_logits(cells, (2, 2))
    logits.sum().backward()
    assert logits.isfinite().all()
    assert cells.grad is not None
    assert cells.grad.isfinite().all()


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 63, 66, 256 + 2])
def test_other_numbers_of_channels_are_refused(channels):
    with pytest.raises(UserError, match=f"this one has {channels};"):
        cell_logits(torch.zeros(2, 2, channels), (16, 16))


def test_scores_that_are_equal_everywhere_change_nothing():
    logits = torch.randn(40, 60)
    torch.testing.assert_close(weighed_logits(logits, torch.full((4, 6), 0.2)), logits)


def test_scores_count_relative_to_the_photograph_s_strongest():
    scores = torch.ones(4, 8) * 0.4
    scores[:, :4] = 0.1
    found = weighed_logits(torch.zeros(40, 80), scores)
    torch.testing.assert_close(found[:, :34], torch.full((40, 34), math.log(0.25)))
    torch.testing.assert_close(found[:, 46:], torch.zeros(40, 34))
    none = weighed_logits(torch.zeros(40, 80), torch.zeros(4, 8))
    assert none.isfinite().all()
