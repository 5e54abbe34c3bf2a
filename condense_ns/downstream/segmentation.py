"""What each point is: latents of voxels -> classes, or parts of a shape whose category is known."""

from dataclasses import replace
from pathlib import Path

from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.downstream.confusion import Confusion
from condense_ns.downstream.heads import Head, HeadName, known_cross_entropy, masked
from condense_ns.downstream.labelled_cloud import TaskData
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.task import Scores, Task
from condense_ns.metrics.part_iou import part_figures, shape_iou


class Segmentation(Task):
    """One answer for each voxel, the same for all points in it.

    Where the data set has parts, only those of the cloud's category can be answered.
    """

    heads = ("linear", "mlp", "decoder")

    def head(self, name: HeadName, latent_dim: int) -> Head:
        """On the latents themselves."""
        return Head(name, latent_dim, len(self.data.class_names))

    def rows(
        self, latents: Float[Tensor, "voxels latent"], cloud: PreparedCloud
    ) -> Float[Tensor, "voxels latent"]:
        """One row per voxel."""
        return latents

    def part(self, cloud: PreparedCloud, rows: Int64[Tensor, " chosen"]) -> PreparedCloud:
        """Voxels are asked one by one."""
        assert cloud.voxel_labels is not None
        return replace(cloud, voxel_labels=cloud.voxel_labels[rows])

    def loss(
        self, answers: Float[Tensor, "voxels classes"], cloud: PreparedCloud
    ) -> Float[Tensor, ""]:
        """Cross-entropy over the voxels whose label is known, no class weights."""
        assert cloud.voxel_labels is not None
        return known_cross_entropy(allowed_logits(answers, cloud, self.data), cloud.voxel_labels)

    def scores(self) -> Scores:
        """Of points: mIoU and accuracies, or instance and class mIoU of parts."""
        return PartScores(self.data) if self.data.parts_of else PointScores(self.data)


def allowed_logits(
    answers: Float[Tensor, "voxels classes"], cloud: PreparedCloud, data: TaskData
) -> Float[Tensor, "voxels classes"]:
    """Logits of what a cloud may consist of."""
    return masked(answers, data.parts_of[cloud.category]) if data.parts_of else answers


class PointScores(Scores):
    """Points by true and by answered class.

    Args:
        data: whose classes.
    """

    def __init__(self, data: TaskData) -> None:
        self.data = data
        self.confusion = Confusion(data.class_names)

    def add(self, answers: Float[Tensor, "voxels classes"], cloud: PreparedCloud) -> None:
        """Count the points of one cloud."""
        assert cloud.point_labels is not None
        self.confusion.add(self._at_points(answers, cloud), cloud.point_labels)

    def _at_points(
        self, answers: Float[Tensor, "voxels classes"], cloud: PreparedCloud
    ) -> Int64[Tensor, " points"]:
        return allowed_logits(answers, cloud, self.data).argmax(dim=1)[cloud.voxel_of]

    def figures(self) -> dict[str, float]:
        """Of one confusion matrix over the points of all clouds."""
        found = self.confusion.figures()
        return {
            "mean_iou": found["mean_iou"],
            "overall_accuracy": found["pixel_accuracy"],
            "class_accuracy": found["class_accuracy"],
        }

    def write_picture(self, path: Path) -> None:
        """The confusion matrix."""
        self.confusion.write_picture(path, "share of the points of a class")


class PartScores(PointScores):
    """Shapes by how well their parts are told apart."""

    def __init__(self, data: TaskData) -> None:
        super().__init__(data)
        self._ious: list[float] = []
        self._categories: list[int] = []

    def add(self, answers: Float[Tensor, "voxels classes"], cloud: PreparedCloud) -> None:
        """Count one shape and its points."""
        super().add(answers, cloud)
        assert cloud.point_labels is not None
        predicted = self._at_points(answers, cloud)
        parts = self.data.parts_of[cloud.category]
        self._ious.append(shape_iou(predicted, cloud.point_labels, parts))
        self._categories.append(cloud.category)

    def figures(self) -> dict[str, float]:
        """Instance and class mIoU; the share of points that are right."""
        points = super().figures()
        shapes = part_figures(self._ious, self._categories)
        return {**shapes, "overall_accuracy": points["overall_accuracy"]}
