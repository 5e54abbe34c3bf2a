"""What a 2D encoder is: an image in, a grid of features out, frozen.

Convention of every feature map here: the grid covers the *whole* image exactly. With an image of
``width`` pixels and a grid of ``columns`` cells, the continuous pixel coordinate ``x`` (the first
pixel's centre is 0.5) lies at the continuous cell coordinate ``x * columns / width`` (the first
cell's centre is 0.5). Whatever an encoder does inside (resizing to a multiple of its patch,
padding to a fixed input size) it undoes by cropping, so that no other file needs to know.
"""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from condense_ns.errors import UserError


class EncoderError(UserError):
    """An encoder that cannot be built or used as asked; the message says why and what to do."""


@runtime_checkable
class MapMaker(Protocol):
    """Whatever answers feature maps for images: every encoder, and the first half of every operator."""

    spec: str
    channels: int
    fingerprint: str
    device: str
    concurrent: bool

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map of an image of `height` x `width` pixels."""
        ...

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Maps of RGB images in [0, 1], finite, of the size `grid_size`."""
        ...


class ImageEncoder(ABC):
    """A frozen network that turns images into feature maps.

    Attributes:
        spec: the text that names the encoder, for example ``dinov2-small`` or ``onnx:net.onnx#desc``.
        channels: length of a feature vector.
        patch_size: side of a cell in pixels of the resized image.
        fingerprint: hexadecimal digest of everything that changes the numbers: weights, settings,
            and the version of the code around them. Equal fingerprints mean equal features.
        device: where `encode` computes and where its answers lie.
        concurrent: whether several threads may call `encode` at once.
    """

    spec: str
    channels: int
    patch_size: int
    fingerprint: str
    device: str
    concurrent: bool = False

    @abstractmethod
    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the feature map of an image of `height` x `width` pixels."""

    @abstractmethod
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Feature maps of RGB images in [0, 1], all of one size, on any device.

        Returns:
            float32 features that are not normalised, on `device`; the size is `grid_size`.
        """

    def encode_text(self, texts: list[str]) -> Float[Tensor, "texts channels"]:
        """Refuses: only a `TextImageEncoder` knows text.

        Raises:
            EncoderError: always.
        """
        raise EncoderError(
            f"{self.spec} does not understand text ({texts}); "
            "use an encoder that does, for example openclip:ViT-B-16/laion2b_s34b_b88k"
        )


class TextImageEncoder(ImageEncoder):
    """An image encoder whose features live in the same space as embeddings of text.

    Attributes:
        inverse_temperature: how peaked the encoder's cosines are: the factor that turns their
            differences into the logits of the softmax that a question in words is answered by, in
            (0, 1000]. LERF's 10 unless an encoder brings its own, for example one that
            `retrieval.calibration` has fitted.
    """

    inverse_temperature: float = 10.0

    @abstractmethod
    def encode_text(self, texts: list[str]) -> Float[Tensor, "texts channels"]:
        """Unit-length embeddings of the texts, on `device`."""
