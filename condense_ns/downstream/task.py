"""What a task is: features of a cloud -> rows, rows -> answers, answers -> loss and scores."""

from abc import ABC, abstractmethod
from pathlib import Path

from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.downstream.heads import Head, HeadName
from condense_ns.downstream.labelled_cloud import TaskData
from condense_ns.downstream.prepared_cloud import PreparedCloud


class Scores(ABC):
    """Adds up what was right over the clouds of a split."""

    @abstractmethod
    def add(self, answers: Float[Tensor, "rows outputs"], cloud: PreparedCloud) -> None:
        """Count the answers for one cloud."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """By name; the first is the one that the task is judged by. In [0, 1], more is better."""

    @abstractmethod
    def write_picture(self, path: Path) -> None:
        """A PNG that shows where the answers are wrong."""


class Task(ABC):
    """One way to use latents.

    Args:
        data: what to learn and to be asked.
    """

    heads: tuple[HeadName, ...]
    """Those that it can have; the first is usual."""

    def __init__(self, data: TaskData) -> None:
        self.data = data

    @abstractmethod
    def head(self, name: HeadName, latent_dim: int) -> Head:
        """A head with weights drawn from torch's generator."""

    @abstractmethod
    def rows(
        self, latents: Float[Tensor, "voxels latent"], cloud: PreparedCloud
    ) -> Float[Tensor, "rows channels"]:
        """What the head sees of a cloud; nothing in it is learned."""

    def part(self, cloud: PreparedCloud, rows: Int64[Tensor, " chosen"]) -> PreparedCloud | None:
        """The cloud for the loss of some of its rows alone; None if the loss needs all of them.

        Args:
            cloud: whose rows.
            rows: their numbers.
        """
        return None

    @abstractmethod
    def loss(
        self, answers: Float[Tensor, "rows outputs"], cloud: PreparedCloud
    ) -> Float[Tensor, ""]:
        """How wrong answers are."""

    @abstractmethod
    def scores(self) -> Scores:
        """An empty count."""
