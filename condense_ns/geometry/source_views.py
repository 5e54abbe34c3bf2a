"""The posed photographs that a target view is rendered from."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews


@dataclass(frozen=True)
class SourceViews:
    """Cameras and their photographs, all of one size."""

    cameras: PinholeViews
    """One per photograph, in pixels of the photographs."""
    images: Float[Tensor, "sources 3 height width"]
    """RGB in [0, 1]."""

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "SourceViews":
        """The same photographs on another device."""
        return SourceViews(self.cameras.to(device), self.images.to(device))
