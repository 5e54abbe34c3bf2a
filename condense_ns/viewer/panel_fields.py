"""What the panel's behaviour needs of the viewer, so that it need not know the viewer."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Literal

from condense_ns.viewer.panel_scene import View

Place = tuple[float, float]
"""x and y in the picture, both in [0, 1], from the upper left."""
Pointing = Literal["click", "rect-select"]
Pointed = Callable[[list[Place], int | None], None]
"""What to do with the places and the browser window they are in."""


class PanelFields(ABC):
    """The fields of the panel and the picture beside it."""

    pointing: Pointing | None
    """What the panel is waiting for the user to do in the picture."""
    then: Pointed | None
    """What it does then."""

    @property
    @abstractmethod
    def encoder(self) -> str:
        """Spec of the chosen encoder."""

    @property
    @abstractmethod
    def positives(self) -> str:
        """What is looked for, as it stands in its field."""

    @property
    @abstractmethod
    def negatives(self) -> str:
        """What it is told apart from, as it stands in its field."""

    @property
    @abstractmethod
    def image_file(self) -> str:
        """The path in its field."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """Where the slider stands, in [0, 1]."""

    @property
    @abstractmethod
    def automatic(self) -> bool:
        """Whether the box beside the slider is ticked: the threshold is chosen from the scene."""

    @property
    @abstractmethod
    def step(self) -> int:
        """The last step of the training as far as the viewer has been told of it."""

    @abstractmethod
    def show_threshold(self, threshold: float, automatic: bool) -> None:
        """Put slider and box there, which does not count as the user's doing."""

    @abstractmethod
    def tell(self, sentence: str) -> None:
        """Show a sentence in the status line."""

    @abstractmethod
    def tell_error(self, sentence: str) -> None:
        """Show a sentence about something that went wrong."""

    @abstractmethod
    def view(self, client: int | None) -> View | None:
        """What that browser window looks at; None before any has connected."""

    @abstractmethod
    def paused(self) -> AbstractContextManager[None]:
        """No rendering or training inside; a new picture afterwards."""

    @abstractmethod
    def point(self, how: Pointing, then: Pointed) -> None:
        """Call `then` with the places and the browser window when the user points next."""

    @abstractmethod
    def stop_pointing(self) -> None:
        """Give the mouse back to the camera."""

    def wait_for(self, how: Pointing, then: Pointed, instruction: str) -> None:
        """Tell the user to point; if the panel waits for just that already, give up instead."""
        if self.pointing == how and self.then == then:
            self.stop_pointing()
            self.tell("nothing picked")
            return
        self.point(how, then)
        self.tell(f"{instruction}, or press the button again to give up")

    @abstractmethod
    def show_output(self, name: str) -> str:
        """Show that output if plain colours are shown; the output that is shown then."""
