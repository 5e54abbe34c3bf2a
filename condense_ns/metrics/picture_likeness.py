"""How like a picture is to the true one, over the pixels that count.

What a mask leaves out is first made alike in both pictures, for windows that reach into it; windows are
counted by their centres.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def alike(
    found: Float[Tensor, "height width 3"],
    true: Float[Tensor, "height width 3"],
    mask: Bool[Tensor, "height width"] | None,
) -> Float[Tensor, "height width 3"]:
    """The found picture with the true one in the pixels that do not count."""
    return found if mask is None else torch.where(mask[..., None], found, true)


def picture_psnr(
    found: Float[Tensor, "height width 3"],
    true: Float[Tensor, "height width 3"],
    mask: Bool[Tensor, "height width"] | None = None,
) -> float:
    """Peak signal-to-noise ratio in dB.

    Args:
        found: picture, in [0, 1].
        true: what it shall be.
        mask: pixels that count, at least one; None for all.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    pair = (found, true) if mask is None else (found[mask], true[mask])
    return float(peak_signal_noise_ratio(*pair, data_range=1.0))


def picture_ssim(
    found: Float[Tensor, "height width 3"],
    true: Float[Tensor, "height width 3"],
    mask: Bool[Tensor, "height width"] | None = None,
) -> float:
    """Structural similarity, at most 1.

    Args:
        found: picture, in [0, 1].
        true: what it shall be.
        mask: pixels that count, at least one; None for all.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    one, other = (image.permute(2, 0, 1)[None] for image in (alike(found, true, mask), true))
    if mask is None:
        whole = structural_similarity_index_measure(one, other, data_range=1.0)
        assert isinstance(whole, Tensor)
        return float(whole)
    _, each = structural_similarity_index_measure(
        one, other, data_range=1.0, return_full_image=True
    )
    return float(each[0].mean(dim=0)[mask].mean())
