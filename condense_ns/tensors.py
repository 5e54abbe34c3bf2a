"""Frozen records that cross from one stage to the next."""

from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float, Float64, UInt8
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


@dataclass(frozen=True)
class TailShape:
    """Sizes of the last blocks of a vision transformer (`fields/encoder_tail.py`), in what JSON can hold."""

    blocks: int
    """How many."""
    width: int
    """Numbers per token."""
    heads: int
    """Of attention."""
    hidden: int
    """Width of the hidden layer of their perceptrons."""
    channels: int
    """Width of the encoder's features."""
    prefix: int
    """Tokens before those of the patches: class and registers."""
    epsilon: float
    """Of their norms."""
    activation: str
    """One of `fields.transformer_block.ACTIVATIONS`."""
    scaled: bool
    """Whether what each half of a block adds is scaled by channel."""
    own_values: bool
    """Whether the last block is MaskCLIP's, with a projection behind it."""
    rank: int = 0
    """Of the updates that are trained; 0: the weights themselves are."""


@dataclass(frozen=True)
class TailWeights:
    """The end of an encoder as it is."""

    shape: TailShape
    """Sizes, at rank 0."""
    weights: dict[str, Float[Tensor, "..."]]
    """By their names in `fields.encoder_tail.EncoderTail`."""


@dataclass(frozen=True)
class FeatureSource:
    """What features were made by; features of two sources can be compared if their fingerprints agree."""

    spec: str
    """The encoder's spec, or `head` for a keypoint head."""
    fingerprint: str
    """Hexadecimal digest of everything that changes the numbers."""


@dataclass(frozen=True)
class SceneRegions:
    """Parts of a scene, and what words find in them."""

    xyz: Float64[Tensor, "regions 3"]
    """Middles, in the coordinates of the scene."""
    radii: Float[Tensor, " regions"]
    """Distance within which most of the part lies."""
    embeddings: Float[Tensor, "regions language"]
    """Unit vectors in the space of an encoder's texts."""
    source: FeatureSource
    """That encoder."""


@dataclass(frozen=True)
class SceneDescriptor:
    """What represents one scene in a repository: enough to find it, to match it, to show it."""

    name: str
    """Unique in its repository."""
    xyz: Float64[Tensor, "keypoints 3"]
    """Keypoints in the coordinates of the scene's dataset."""
    descriptors: Float[Tensor, "keypoints channels"]
    """Unit vectors."""
    source: FeatureSource
    """What made the descriptors."""
    embeddings: dict[str, Float[Tensor, " _"]]
    """One unit vector for the whole scene, by the spec of its encoder."""
    fingerprints: dict[str, str]
    """Of these encoders."""
    box: Float64[Tensor, "2 3"]
    """Lowest and highest corner of the keypoints."""
    thumbnail: UInt8[Tensor, "height width 3"]
    """A small picture."""
    regions: SceneRegions | None = None
    """For words; None if no encoder of the scene knows any."""
    poses: Float64[Tensor, "views 2 3 4"] | None = None
    """OpenGL poses of the scene's photographs where they agree with the keypoints and as the dataset
    gives them; None where these are the same."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where the scene comes from, in what JSON can hold."""
