"""What `condense query --classes` writes: which class is where."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from condense_ns.errors import UserError
from condense_ns.report.json_file import write_json

if TYPE_CHECKING:
    from condense_ns.encoders.base import TextImageEncoder
    from condense_ns.pipelines.feature_pipeline import FeaturePipeline

NO_CLASS = "none"


def check_classes(classes: Sequence[str]) -> None:
    """Refuse classes that cannot be told apart in a picture.

    Raises:
        UserError: fewer than two, too many, twice the same, or one with the name of no class.
    """
    from condense_ns.rendering.class_colours import MOST_CLASSES

    if not 2 <= len(classes) <= MOST_CLASSES:
        raise UserError(f"--classes are {len(classes)}; give 2 to {MOST_CLASSES}, e.g. chair floor")
    if len({NO_CLASS, *classes}) <= len(classes):
        raise UserError(
            f"--classes {', '.join(classes)}: give each once, and none called {NO_CLASS}"
        )


class ClassAnswer:
    """Which of some classes is where in a scene.

    Args:
        pipeline: a trained run, in evaluation mode.
        encoder: one of its encoders.
        classes: words for each, synonyms between semicolons.
        reject_below: smallest probability, in [0, 1], of a label that is given.

    Raises:
        UserError: a class without words.
    """

    def __init__(
        self,
        pipeline: "FeaturePipeline",
        encoder: "TextImageEncoder",
        classes: Sequence[str],
        reject_below: float,
    ) -> None:
        from condense_ns.retrieval.asking import class_embeddings
        from condense_ns.retrieval.segmentation import segment

        self._pipeline = pipeline
        self._spec = encoder.spec
        self._classes = classes
        self._segmenter = partial(
            segment,
            embeddings=[words.cpu() for words in class_embeddings(encoder, classes)],
            inverse_temperature=encoder.inverse_temperature,
            reject_below=reject_below,
        )

    def write_pictures(self, folder: Path) -> dict[str, float]:
        """Write <view>_classes.png of each held-out view and the legend classes.json.

        Returns:
            share of the pixels by class; what has none is called `none`. Zeros without held-out views.
        """
        import torch
        from torchvision.utils import save_image

        from condense_ns.pipelines.class_rendering import render_classes
        from condense_ns.rendering.class_colours import class_colours

        numbers = torch.zeros(len(self._classes) + 1)
        for name, labels in render_classes(self._pipeline, self._spec, self._segmenter):
            save_image(class_colours(labels).permute(2, 0, 1), folder / f"{name}_classes.png")
            numbers += torch.bincount(labels.flatten() + 1, minlength=len(numbers))
        names = (NO_CLASS, *self._classes)
        shares = dict(zip(names, (numbers / numbers.sum().clamp_min(1)).tolist(), strict=True))
        colours = (255.0 * class_colours(torch.arange(len(names)) - 1)).round().int().tolist()
        legend = [
            {"label": label - 1, "name": name, "colour": colours[label], "share": shares[name]}
            for label, name in enumerate(names)
        ]
        write_json(folder / "classes.json", {"encoder": self._spec, "classes": legend})
        return shares

    def write_points(self, file: Path, count: int) -> None:
        """Write a point cloud with a colour and a label for each point.

        Args:
            file: PLY.
            count: rays that look for points.
        """
        from condense_ns.export.point_cloud import write_points
        from condense_ns.pipelines.class_rendering import labelled_points
        from condense_ns.rendering.class_colours import class_colours

        found = labelled_points(self._pipeline, self._spec, self._segmenter, count)
        write_points(file, found.points, class_colours(found.labels), "label", found.labels)
