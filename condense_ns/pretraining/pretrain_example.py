"""What one step of pre-training looks at: a scene's volume and a few of its views."""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.fields.voxel_pyramid import VoxelPyramid
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.pretraining.pair_landings import Landings
from condense_ns.pretraining.seen_cells import SeenCells
from condense_ns.volumes.sparse_volume import SparseVolume

TrunkMap = Float[Tensor, "_ _ _"]
"""Rows, columns, width: what enters the last blocks of an encoder for a view (`geometry.token_map`)."""


@dataclass(frozen=True)
class CaptionedCells:
    """Which cells show which described things."""

    thing: Int64[Tensor, "views cells"]
    """Number of the thing, -1 for none."""
    caption: Int64[Tensor, " things"]
    """Number of each thing's caption."""
    embeddings: Float[Tensor, "captions channels"]
    """Of the different captions, by the encoder whose features are compared; the scene's is the last."""
    sharpness: float
    """The encoder's own factor from cosines to logits."""

    def to(self, device: torch.device | str) -> "CaptionedCells":
        """The same on another device."""
        return replace(
            self,
            thing=self.thing.to(device),
            caption=self.caption.to(device),
            embeddings=self.embeddings.to(device),
        )


@dataclass(frozen=True)
class PretrainExample:
    """One scene."""

    scene: str
    """Its name."""
    numbers: tuple[int, ...]
    """Of the views among the scene's."""
    target: PinholeViews
    """Their cameras, in pixels of the working images; they know which of these count."""
    volume: SparseVolume
    """What the 3D branch reads."""
    pyramid: VoxelPyramid
    """Of that volume."""
    seen: dict[str, SeenCells]
    """Encoder's spec -> what the views see at the centres of its cells."""
    features: dict[str, Float[Tensor, "views rows columns channels"]]
    """Encoder's spec -> its maps."""
    trunks: dict[str, tuple[TrunkMap, ...]] = field(default_factory=dict)
    """Spec of an encoder whose last blocks are trained -> what enters them, view by view."""
    landings: dict[str, Landings] = field(default_factory=dict)
    """Encoder's spec -> where its cells land in the next view, as voxels have it; empty for a single view."""
    sighted: dict[str, Landings] = field(default_factory=dict)
    """The same as depth images have it; empty for a single view."""
    priors: Float[Tensor, "views prior_rows prior_columns"] | None = None
    """Logits of a classical detector at the first encoder's cells."""
    captions: dict[str, CaptionedCells] = field(default_factory=dict)
    """Spec of an encoder with text -> what is where in its cells."""
    image: Float[Tensor, "3 height width"] | None = None
    """Working image of the only view, to compare with."""

    @property
    def view(self) -> int:
        """Number of the first view among the scene's."""
        return self.numbers[0]

    def with_image(self, image: Float[Tensor, "3 height width"]) -> "PretrainExample":
        """The example with the working image of its only view."""
        return replace(self, image=image)

    def without_colour(self) -> "PretrainExample":
        """The example with a volume whose shapes are all that the 3D branch sees of it."""
        return replace(self, volume=self.volume.without_colour())

    def to(self, device: torch.device | str) -> "PretrainExample":
        """The same example on another device; what is there already is not copied."""
        return replace(
            self,
            target=self.target.to(device),
            volume=self.volume.to(device),
            pyramid=self.pyramid.to(device),
            seen={spec: cells.to(device) for spec, cells in self.seen.items()},
            features={spec: maps.to(device) for spec, maps in self.features.items()},
            trunks={
                spec: tuple(one.to(device) for one in maps) for spec, maps in self.trunks.items()
            },
            landings={spec: places.to(device) for spec, places in self.landings.items()},
            sighted={spec: places.to(device) for spec, places in self.sighted.items()},
            priors=None if self.priors is None else self.priors.to(device),
            captions={spec: words.to(device) for spec, words in self.captions.items()},
            image=None if self.image is None else self.image.to(device),
        )
