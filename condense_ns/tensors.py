"""Frozen records that cross from one stage to the next."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class FeatureStatistics:
    """What training needs to know of one encoder's features on one scene."""

    fingerprint: str
    """The encoder's fingerprint, hexadecimal."""
    mean: Float[Tensor, " channels"]
    """Mean over the training views."""
    scale: float
    """Root mean square of the centred features, one number for all channels."""
    pca_basis: Float[Tensor, "channels 3"]
    """Directions of the three colours of `rendering.pca_colours`."""
    pca_range: Float[Tensor, "2 3"]
    """Lowest and highest value along each direction."""

    @property
    def channels(self) -> int:
        """Width of a feature."""
        return self.mean.shape[0]
