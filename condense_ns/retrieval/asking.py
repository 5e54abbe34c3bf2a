"""Making queries: from words, from a picture, from features of a scene.

Words are told apart from other words (rule `softmax`); pictures and places have nothing to be told
apart from and are compared with the scene's mean (rule `cosine`).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.retrieval.photograph import read_picture
from condense_ns.retrieval.relevancy import Query

Box = tuple[int, int, int, int]
"""Part of a picture: left, top, right, bottom in pixels; right and bottom are no longer part."""


def text_query(
    encoder: TextImageEncoder,
    positives: Sequence[str],
    negatives: Sequence[str],
    centre: Float[Tensor, " channels"],
    threshold: float | None,
) -> Query:
    """A query in words; blank ones are left out.

    Args:
        encoder: whose text tower is asked.
        positives: words for the one thing that is looked for.
        negatives: words for what it is told apart from.
        centre: mean feature of the scene.
        threshold: relevancy above which a point counts as found, in [0, 1]; None is automatic.

    Raises:
        UserError: no positives or no negatives.
    """
    looked_for, others = _without_blanks(positives), _without_blanks(negatives)
    if not looked_for:
        raise UserError("no words to search for; write at least one positive")
    if not others:
        raise UserError("no words to tell it apart from; write at least one negative, e.g. object")
    embeddings = encoder.encode_text([*looked_for, *others]).to(centre)
    return Query(
        encoder=encoder.spec,
        positives=embeddings[: len(looked_for)],
        negatives=embeddings[len(looked_for) :],
        centre=centre,
        rule="softmax",
        threshold=threshold,
        label="; ".join(looked_for),
        inverse_temperature=encoder.inverse_temperature,
    )


def class_embeddings(
    encoder: TextImageEncoder, classes: Sequence[str]
) -> list[Float[Tensor, "_ channels"]]:
    """Embeddings of each class, for `retrieval.segmentation`.

    Args:
        encoder: whose text tower is asked.
        classes: words for each; several that describe one class stand between semicolons.

    Raises:
        UserError: no classes, or one without words.
    """
    words = [_without_blanks(described.split(";")) for described in classes]
    if not words or not all(words):
        raise UserError(f"classes {list(classes)}: give at least one, each with a word")
    embeddings = encoder.encode_text([word for synonyms in words for word in synonyms])
    return list(embeddings.split([len(synonyms) for synonyms in words]))


def feature_query(
    spec: str,
    features: Float[Tensor, "vectors channels"],
    centre: Float[Tensor, " channels"],
    threshold: float | None,
    label: str,
) -> Query:
    """A query by example: whatever looks like the mean of these features.

    Args:
        spec: the encoder that the features are of.
        features: of one thing, for example of a clicked pixel or of a region.
        centre: mean feature of the scene.
        threshold: relevancy above which a point counts as found, in [0, 1]; None is automatic.
        label: what to call the query.

    Raises:
        UserError: no features, or features that are not finite.
    """
    if len(features) == 0:
        raise UserError(f"{label} holds no features; choose a place on a surface")
    if not torch.isfinite(features).all():
        raise UserError(f"{label} holds features that are not finite; train the scene longer")
    positive = features.mean(dim=0, keepdim=True).to(centre)
    nothing = torch.empty_like(positive[:0])
    return Query(spec, positive, nothing, centre, "cosine", threshold, label)


def crop_query(
    encoder: ImageEncoder,
    image: Path,
    crop: Box | None,
    centre: Float[Tensor, " channels"],
    threshold: float | None,
) -> Query:
    """A query by picture: the mean feature of an image file or of a part of it.

    The network sees the whole image and the part's cells are averaged: features of a cell depend on
    what surrounds it, in the scene's images just so.

    Raises:
        UserError: no such image, or a crop that does not lie inside it.
    """
    picture = read_picture(image)
    height, width = picture.shape[1:]
    box = (0, 0, width, height) if crop is None else crop
    left, top, right, bottom = box
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise UserError(
            f"crop {box} is not inside {image}, which has {width} x {height} pixels; give left, top, "
            "right, bottom"
        )
    feature_map = encoder.encode(picture[None])[0]
    feature = mean_inside(feature_map, box, height, width)
    label = image.name if crop is None else f"{image.name} {left},{top},{right},{bottom}"
    return feature_query(encoder.spec, feature[None], centre, threshold, label)


def mean_inside(
    feature_map: Float[Tensor, "rows columns channels"], box: Box, height: int, width: int
) -> Float[Tensor, " channels"]:
    """Mean of the cells that a box in pixels covers, each weighted by its covered area."""
    left, top, right, bottom = box
    rows, columns = feature_map.shape[:2]
    by_row = _covered(rows, top * rows / height, bottom * rows / height).to(feature_map)
    by_column = _covered(columns, left * columns / width, right * columns / width).to(feature_map)
    total = torch.einsum("rkc,r,k->c", feature_map, by_row, by_column)
    return total / (by_row.sum() * by_column.sum())


def _covered(cells: int, start: float, end: float) -> Float[Tensor, " cells"]:
    """How much of each cell [i, i + 1] lies between start and end."""
    lower = torch.arange(cells, dtype=torch.float64)
    return ((lower + 1.0).clamp(max=end) - lower.clamp(min=start)).clamp(min=0.0)


def _without_blanks(words: Sequence[str]) -> list[str]:
    return [word.strip() for word in words if word.strip()]
