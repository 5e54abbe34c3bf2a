"""What an operator is: a frozen 2D network cut in two, so that its middle can be lifted to 3D.

`encode` runs on every source photograph; its maps are lifted to the target view; the lifted map
enters `decode`, which answers at the pixels of the target's image, or with a larger picture. Both
halves stay frozen.

Maps follow the convention of `condense_ns.encoders.base`: the grid covers the whole image exactly.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from condense_ns.errors import UserError


class OperatorError(UserError):
    """An operator that cannot be built or used as asked; the message says why and what to do."""


class Click(NamedTuple):
    """A place in a photograph that somebody pointed at."""

    view: int
    """Number of the photograph in the scene."""
    x: float
    """From the left, in pixels; the first pixel's centre is 0.5."""
    y: float
    """From the top, in pixels."""
    positive: bool = True
    """Whether what is there is wanted; False for what it shall be told apart from."""


@dataclass(frozen=True)
class OperatorOptions:
    """What an operator needs to know and no spec can hold."""

    clicks: tuple[Click, ...] = ()
    """What the operator ``stroke`` looks for."""


@dataclass(frozen=True)
class SourceMap:
    """What `encode` answered for one source photograph."""

    view: int
    """Number of the photograph in the scene."""
    feature_map: Float[Tensor, "rows columns channels"]
    """The answer."""
    height: int
    """Of the photograph, in pixels."""
    width: int
    """Of the photograph, in pixels."""


@runtime_checkable  # for the checker of shapes
class EncodingHalf(Protocol):
    """What encodes; every `condense_ns.encoders.base.ImageEncoder` does."""

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
        """Maps of RGB images in [0, 1]."""
        ...


@dataclass(frozen=True)
class Shares:
    """What a lifted answer is mixed from, each in [0, 1]; see `Operator`."""

    rendered: float
    """Of the map, the operator's own map of the rendered picture."""
    painted: float = 0.0
    """Of the answer, what is mixed from the answers of the sources."""


class Operator(ABC):
    """A frozen network in two halves.

    Attributes:
        spec: the text that names the operator, for example ``features:dinov2-small``.
        channels: length of the vectors that are lifted.
        fingerprint: hexadecimal digest of everything that changes what `encode` answers. Operators
            with one encoder share it, so that stored maps serve them all.
        device: where both halves compute and where their answers lie.
        concurrent: whether several threads may call `encode` at once.
        label_names: names of the classes where `labels` answers, else empty.
        needed_views: photographs whose maps `prepare` must be given; others may come along.
        rendered_share: of a lifted map that is the operator's own map of the rendered picture, in [0, 1]:
            sharper than what was mixed from the sources, and less steady.
        shares_may_change: whether other shares may be settled for a scene (`pipelines.steady_share`).
        believes_picture: whether that map also tells which sources to believe
            (`lifting.feature_blending.believed`).
        painted_share: of a lifted answer that is mixed from the answers of the sources, in [0, 1]; for
            operators whose `decode` invents structure, which differs from view to view.
    """

    spec: str
    channels: int
    fingerprint: str
    device: str
    concurrent: bool = False
    label_names: tuple[str, ...] = ()
    needed_views: tuple[int, ...] = ()
    rendered_share: float = 0.35
    shares_may_change: bool = True
    believes_picture: bool = True
    painted_share: float = 0.0

    @property
    def shares(self) -> Shares:
        """Its own, where none are settled for the scene."""
        return Shares(self.rendered_share, self.painted_share)

    @abstractmethod
    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map of an image of `height` x `width` pixels."""

    def lifted_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of a lifted map for a target of `height` x `width` pixels.

        As `grid_size`, but for operators whose `decode` reads finer maps, too.
        """
        return self.grid_size(height, width)

    @abstractmethod
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Maps of RGB images in [0, 1], all of one size, on any device.

        Returns:
            float32 on `device`, not normalised; the size is `grid_size`.
        """

    @abstractmethod
    def decode(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "answer_height answer_width answers"]:
        """The operator's answer at every pixel of the target view, on `device`.

        Without classes, three answers may be a picture that is a whole number of times as tall and as
        wide as the view, the same for all views (`checking.MOST_TIMES` at most).

        Args:
            feature_map: as `encode` answers, of the size `grid_size`, or lifted, of `lifted_size`.
            image: RGB in [0, 1] of the target view, true or rendered. It gives the size, and guides
                operators that change colours.
        """

    def decode_alone(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "answer_height answer_width answers"]:
        """As `decode`, without what `prepare` settled for its quality: the plain network's answer.

        Lifted answers are compared with it.
        """
        return self.decode(feature_map, image)

    @abstractmethod
    def picture(
        self, answer: Float[Tensor, "height width answers"]
    ) -> Float[Tensor, "3 height width"]:
        """The answer to look at, RGB in [0, 1]."""

    def labels(
        self, answer: Float[Tensor, "height width answers"]
    ) -> Int[Tensor, "height width"] | None:
        """Class of each pixel, a number in `label_names`; None where the answer is no segmentation."""
        del answer
        return None

    def prepare(self, sources: Sequence[SourceMap]) -> None:
        """Settle what must be the same in all views of a scene; called once before `decode`.

        Args:
            sources: a sample of the scene's source maps, `needed_views` among them.
        """
        del sources
