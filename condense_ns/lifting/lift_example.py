"""What one step of cross-scene training looks at: a target view and the views it is lifted from."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.source_views import SourceViews


@dataclass(frozen=True)
class LiftExample:
    """One target view with its sources."""

    scene: str
    """Name of the scene."""
    view: int
    """Number of the target among the scene's views."""
    target: PinholeViews
    """One view, in pixels of its working image; it knows which of these count."""
    image: Float[Tensor, "3 height width"]
    """The target's working image, RGB in [0, 1]."""
    depth: Float[Tensor, "height width"] | None
    """Along the optical axis, 0 where unknown; None if the scene has none."""
    sources: SourceViews
    """Never the target itself."""
    depth_range: tuple[float, float]
    """Nearest and farthest depth to look for surfaces at."""
    target_features: dict[str, Float[Tensor, "rows columns channels"]]
    """Encoder's spec -> its map of the target's photograph."""
    source_features: dict[str, Float[Tensor, "sources source_rows source_columns source_channels"]]
    """Encoder's spec -> its maps of the sources' photographs."""
    source_numbers: tuple[int, ...] = ()
    """Numbers of the sources among the scene's views."""

    def to(self, device: torch.device | str) -> "LiftExample":
        """The same example on another device."""
        return replace(
            self,
            target=self.target.to(device),
            image=self.image.to(device),
            depth=None if self.depth is None else self.depth.to(device),
            sources=self.sources.to(device),
            target_features={key: map_.to(device) for key, map_ in self.target_features.items()},
            source_features={key: map_.to(device) for key, map_ in self.source_features.items()},
        )
