"""The posed photographs that a target view is rendered from."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews


@dataclass(frozen=True)
class SourceViews:
    """Cameras and their photographs, all of one size."""

    cameras: PinholeViews
    """One per photograph, in pixels of the photographs; they know which of these count."""
    images: Float[Tensor, "sources 3 height width"]
    """RGB in [0, 1]; colours of the surroundings in pixels that do not count."""
    surfaces: Float[Tensor, "sources rows columns"] | None = None
    """Depth of what each shows, along its optical axis, infinity where unknown; None where nothing is known."""

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: slice | list[int]) -> "SourceViews":
        """Some of the photographs."""
        surfaces = None if self.surfaces is None else self.surfaces[chosen]
        return SourceViews(self.cameras[chosen], self.images[chosen], surfaces)

    def resized(self, height: int, width: int) -> "SourceViews":
        """The same photographs on fewer pixels, averaged."""
        images = F.interpolate(self.images, (height, width), mode="area")
        return SourceViews(self.cameras.resized(height, width), images, self.surfaces)

    def to(self, device: torch.device | str) -> "SourceViews":
        """The same photographs on another device."""
        surfaces = None if self.surfaces is None else self.surfaces.to(device)
        return SourceViews(self.cameras.to(device), self.images.to(device), surfaces)
