"""Features as three colours that hold still: a fixed basis, fixed signs, a fixed range.

colour = (feature - mean) @ basis, mapped linearly from `low..high` to 0..1 and clamped.
"""

import torch
from jaxtyping import Float
from torch import Tensor

RANGE_QUANTILES = (0.01, 0.99)


def fit_pca_colours(
    features: Float[Tensor, "count channels"],
) -> tuple[Float[Tensor, "channels 3"], Float[Tensor, "2 3"]]:
    """The three directions of largest variance and the range of the features along them.

    Exact (eigenvectors of the covariance). Each direction's sign makes its largest entry positive,
    so the same features give the same colours on every machine. Encoders of fewer than three
    channels get zero directions for the rest.

    Returns:
        basis with orthonormal columns, and [low, high] quantiles per column (high > low).
    """
    centred = (features - features.mean(dim=0)).double()
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    basis = vectors.flip(dims=[1])[:, :3]
    basis = torch.nn.functional.pad(basis, (0, 3 - basis.shape[1]))
    strongest = basis.gather(0, basis.abs().argmax(dim=0, keepdim=True))
    basis = basis * torch.where(strongest < 0, -1.0, 1.0)
    return basis.float(), colour_range(centred @ basis).float()


def colour_range(along: Float[Tensor, "count 3"]) -> Float[Tensor, "2 3"]:
    """What becomes the darkest and the brightest of each colour: [low, high] quantiles, high > low.

    Args:
        along: centred features along the basis.
    """
    limits = torch.quantile(along, torch.tensor(RANGE_QUANTILES).to(along), dim=0)
    least = 1e-6 * (1 + limits[0].abs())  # what single precision can still tell apart
    limits[1] = torch.maximum(limits[1], limits[0] + least)
    return limits


def pca_colours(
    features: Float[Tensor, "*batch channels"],
    mean: Float[Tensor, " channels"],
    basis: Float[Tensor, "channels 3"],
    limits: Float[Tensor, "2 3"],
) -> Float[Tensor, "*batch 3"]:
    """Colours in [0, 1]."""
    colours = ((features - mean) @ basis - limits[0]) / (limits[1] - limits[0])
    return colours.clamp(0.0, 1.0)
