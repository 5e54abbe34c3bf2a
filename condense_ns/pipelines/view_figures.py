"""Figures of views of which some lack what others have: each is averaged over the views that have it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from condense_ns.models.cross_scene_model import CrossSceneModel


class ViewFigures(dict[str, float]):
    """Figures of one view; those that it lacks are no numbers, where the host asks for them."""

    def __missing__(self, name: str) -> float:
        del name
        return float("nan")


@contextmanager
def noted_figures(model: CrossSceneModel) -> Iterator[list[ViewFigures]]:
    """While this lasts, the figures of every view that the model compares are added to the list."""
    compare, noted = model.get_image_metrics_and_images, list[ViewFigures]()

    def comparing(*args: Any, **kwargs: Any) -> tuple[ViewFigures, dict[str, Any]]:
        metrics, images = compare(*args, **kwargs)
        noted.append(ViewFigures(metrics))
        return noted[-1], images

    model.get_image_metrics_and_images = comparing  # type: ignore[method-assign]
    try:
        yield noted
    finally:
        del model.get_image_metrics_and_images  # the class's own is seen again


def means_of_some(views: list[ViewFigures], with_std: bool) -> dict[str, float]:
    """Means of the figures that only some views have, over these.

    Args:
        views: of each view.
        with_std: whether to add standard deviations, as ``<name>_std``; that of a single view is no number.
    """
    found = {}
    for name in dict.fromkeys(name for view in views for name in view):
        having = torch.tensor([view[name] for view in views if name in view])
        if len(having) == len(views):
            continue
        found[name] = float(having.mean())
        if with_std:
            found[f"{name}_std"] = float(having.std()) if len(having) > 1 else float("nan")
    return found
