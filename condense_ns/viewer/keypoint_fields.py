"""What the keypoint layer needs of the viewer, so that it need not know the viewer."""

from abc import ABC, abstractmethod

from jaxtyping import Float, UInt8
from torch import Tensor

from condense_ns.viewer.keypoint_colours import Colouring


class KeypointFields(ABC):
    """The fields of the folder `Keypoints` and the points over the picture."""

    @property
    @abstractmethod
    def shown(self) -> bool:
        """Whether the box is ticked."""

    @property
    @abstractmethod
    def colouring(self) -> Colouring:
        """What colours mean."""

    @property
    @abstractmethod
    def size(self) -> float:
        """Diameter of the points in the model's unit of length, more than 0."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many keypoints to show, the best ones."""

    @abstractmethod
    def untick(self) -> None:
        """Take the tick out of the box, which does not count as the user's doing."""

    @abstractmethod
    def offer(self, count: int) -> None:
        """Let the user choose up to that many keypoints."""

    @abstractmethod
    def draw(
        self,
        points: Float[Tensor, "points 3"],
        colours: UInt8[Tensor, "points 3"],
        size: float,
    ) -> None:
        """Show these points, in nerfstudio's coordinates, instead of those drawn before."""

    @abstractmethod
    def mark(self, point: Float[Tensor, "3"], size: float) -> None:
        """Make one point stand out, instead of the one marked before."""

    @abstractmethod
    def hide(self) -> None:
        """Show neither points nor mark."""

    @abstractmethod
    def describe(self, markdown: str) -> None:
        """Show this text about a keypoint."""
