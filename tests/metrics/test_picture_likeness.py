"""Figures of pictures, over the pixels that count."""

import pytest
import torch

from condense_ns.metrics.picture_likeness import picture_psnr, picture_ssim

SIZE = (24, 32)


def pictures(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    true = torch.rand(*SIZE, 3, generator=generator)
    return (true + 0.1 * torch.randn(true.shape, generator=generator)).clamp(0, 1), true


def left() -> torch.Tensor:
    return (torch.arange(32) < 16).expand(SIZE).clone()


def test_psnr_by_hand():
    true = torch.full((*SIZE, 3), 0.5)
    found = torch.where(left()[..., None], true + 0.1, true + 0.5)
    assert picture_psnr(found, true, left()) == pytest.approx(20.0, abs=1e-3)
    assert picture_psnr(found, true) < 10


def test_masks_that_leave_all_change_nothing():
    found, true = pictures()
    everything = torch.ones(SIZE, dtype=torch.bool)
    assert picture_psnr(found, true, everything) == pytest.approx(picture_psnr(found, true))
    assert picture_ssim(found, true, everything) == pytest.approx(picture_ssim(found, true))


def test_what_is_found_where_masked_is_irrelevant():
    (found, true), mask = pictures(), left()
    spoilt = torch.where(mask[..., None], found, torch.rand_like(found))
    for figure in (picture_psnr, picture_ssim):
        assert figure(spoilt, true, mask) == figure(found, true, mask) < figure(true, true, mask)


def test_far_from_the_mask_ssim_is_that_of_the_whole_picture():
    found, true = pictures()
    one, other = (torch.cat([picture, torch.rand(24, 32, 3)], dim=1) for picture in (found, true))
    inner = torch.zeros(24, 64, dtype=torch.bool)
    inner[:, :32] = True
    assert picture_ssim(one, other, inner) == pytest.approx(picture_ssim(found, true), abs=0.03)
