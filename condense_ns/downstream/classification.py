"""What a shape is: pooled latents -> a class."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.downstream.confusion import Confusion
from condense_ns.downstream.heads import Head, HeadName, pooled
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.task import Scores, Task


class Classification(Task):
    """One answer for each cloud."""

    heads = ("linear", "mlp")

    def head(self, name: HeadName, latent_dim: int) -> Head:
        """On mean and maximum over the voxels."""
        return Head(name, 2 * latent_dim, len(self.data.class_names))

    def rows(
        self, latents: Float[Tensor, "voxels latent"], cloud: PreparedCloud
    ) -> Float[Tensor, "1 channels"]:
        """One row."""
        return pooled(latents)

    def loss(self, answers: Float[Tensor, "1 classes"], cloud: PreparedCloud) -> Float[Tensor, ""]:
        """Cross-entropy."""
        truth = torch.tensor([cloud.category], device=answers.device)
        return F.cross_entropy(answers, truth)

    def scores(self) -> Scores:
        """Overall and class accuracy."""
        return ClassScores(self.data.class_names)


class ClassScores(Scores):
    """Clouds by true and by answered class.

    Args:
        names: of the classes.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.confusion = Confusion(names)

    def add(self, answers: Float[Tensor, "1 classes"], cloud: PreparedCloud) -> None:
        """Count one cloud."""
        truth = torch.tensor([cloud.category], device=answers.device)
        self.confusion.add(answers.argmax(dim=1), truth)

    def figures(self) -> dict[str, float]:
        """Share of clouds that are right, and its mean over classes."""
        found = self.confusion.figures()
        return {
            "overall_accuracy": found["pixel_accuracy"],
            "class_accuracy": found["class_accuracy"],
        }

    def write_picture(self, path: Path) -> None:
        """The confusion matrix."""
        self.confusion.write_picture(path, "share of the clouds of a class")
