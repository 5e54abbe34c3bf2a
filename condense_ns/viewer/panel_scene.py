"""What the panel needs to know of a run, so that it need not know models, data or pipelines."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import OrientedBox
from torch import Tensor

from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.retrieval.relevancy import Query

Colours = tuple[Float[Tensor, "channels 3"], Float[Tensor, "2 3"]]
"""PCA basis and [low, high] per column, relative to the scene's mean (`rendering/pca_colours.py`)."""


@dataclass(frozen=True)
class View:
    """What a user of the viewer is looking at."""

    camera: Cameras
    """One camera, in nerfstudio's coordinates."""
    crop: OrientedBox | None
    """The part of the scene that the viewer shows, or None for all of it."""


class PanelScene(ABC):
    """A run as its panel sees it. Call it with the picture paused, except for the encoders."""

    encoders: tuple[str, ...]
    """Specs, in the order of the run."""
    has_keypoints: bool
    """Whether the run is one that is condensed into keypoints."""

    @property
    @abstractmethod
    def query(self) -> Query | None:
        """What is looked for."""

    @abstractmethod
    def show_query(self, query: Query | None) -> None:
        """Look for this from now on; None for nothing."""

    @abstractmethod
    def show_encoder(self, spec: str) -> None:
        """Show this encoder's features in colours."""

    @abstractmethod
    def encoder(self, spec: str) -> ImageEncoder:
        """The 2D encoder itself; building it may take long."""

    @abstractmethod
    def text_encoder(self, spec: str) -> TextImageEncoder:
        """The same, if it understands text."""

    @abstractmethod
    def centre(self, spec: str) -> Float[Tensor, " channels"]:
        """Mean feature of the scene, on the CPU."""

    @abstractmethod
    def show_colours(self, spec: str, colours: Colours | None) -> None:
        """Show an encoder's features in these colours; None for those of the run."""

    @abstractmethod
    def features(
        self, spec: str, view: View, places: Float[Tensor, "places 2"]
    ) -> Float[Tensor, "surface channels"]:
        """Rendered features, on the CPU, of those places (x, y in [0, 1]) that show a surface."""

    @abstractmethod
    def sample(self, spec: str) -> Float[Tensor, "surface channels"]:
        """Rendered features, on the CPU, of the same places all over the scene every time."""

    @abstractmethod
    def keypoints(self) -> Keypoints3D | None:
        """The scene as keypoints, on the CPU; condensing it may take long. None if it has none."""
