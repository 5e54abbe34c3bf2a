"""Segmentation by pointing: ``stroke:<encoder spec>``, with clicks or strokes as an option.

With f a feature, m the scene's mean feature, p and n the features under positive and negative clicks,
and cos_c the cosine after m has been taken from both,

    score(f) = sigmoid( t (max_p cos_c(f, p) - max(cut, max_n cos_c(f, n))) ),    t = 10

with the cut that `condense_ns.retrieval.threshold` finds in the cosines of the scene's features to the
nearest p, or 0.5 where these do not fall in two. So negative clicks take away and never add: what is
like neither is not found. A stroke is a row of clicks. Only features under clicks of source photographs are compared with, so that the answer is
the same thing in every view.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_map
from condense_ns.operators.base import Click, EncodingHalf, OperatorError, SourceMap
from condense_ns.operators.class_answers import BACKGROUND, ClassOperator
from condense_ns.operators.pixels import scored_at_pixels
from condense_ns.retrieval.relevancy import INVERSE_TEMPERATURE
from condense_ns.retrieval.threshold import DEFAULT_THRESHOLD, automatic_threshold


@dataclass(frozen=True)
class Clicked:
    """What was clicked, as directions from the scene's mean."""

    centre: Float[Tensor, " channels"]
    """The scene's mean feature."""
    positives: Float[Tensor, "positives channels"]
    """What is looked for."""
    negatives: Float[Tensor, "negatives channels"]
    """What it is told apart from; may be empty."""
    cut: float
    """Cosine to the nearest positive that must be exceeded."""

    def scores(self, features: Float[Tensor, "*pixels channels"]) -> Float[Tensor, "*pixels 2"]:
        """Probabilities of not being and of being what was clicked."""
        directions = F.normalize(features - self.centre, dim=-1)
        likeness = nearest(directions, self.positives)
        against = torch.full_like(likeness, self.cut)
        if len(self.negatives):
            against = torch.maximum(against, nearest(directions, self.negatives))
        score = torch.sigmoid(INVERSE_TEMPERATURE * (likeness - against))
        return torch.stack([1 - score, score], dim=-1)


def nearest(
    directions: Float[Tensor, "*batch channels"], others: Float[Tensor, "others channels"]
) -> Float[Tensor, "*batch"]:
    """Largest cosine to any of the others; all have unit length."""
    return (directions @ others.T).amax(dim=-1)


class StrokeOperator(ClassOperator):
    """Features are lifted; the answer is the probability of not being, and of being, what was clicked."""

    _clicked: Clicked | None = None

    def __init__(self, spec: str, encoder: EncodingHalf, clicks: Sequence[Click]) -> None:
        """Note the clicks.

        Args:
            spec: the text that names the operator.
            encoder: whose features are lifted.
            clicks: at least one of them positive.

        Raises:
            OperatorError: no positive click.
        """
        if not any(click.positive for click in clicks):
            raise OperatorError(
                f"{spec}: no positive click; say with the option clicks what to look for, as (view, x, y, "
                "positive) with x and y in pixels"
            )
        super().__init__(spec, encoder)
        self.label_names = (BACKGROUND, "clicked")
        self.needed_views = tuple(sorted({click.view for click in clicks}))
        self._clicks = tuple(clicks)

    def prepare(self, sources: Sequence[SourceMap]) -> None:
        """Read the features under the clicks.

        Args:
            sources: maps of the clicked views, and of others as a sample of the scene.

        Raises:
            OperatorError: a clicked view is missing, or a click lies outside its photograph.
        """
        by_view = {source.view: source for source in sources}
        features = torch.stack([self._under(click, by_view) for click in self._clicks])
        of_scene = torch.cat([source.feature_map.flatten(0, 1) for source in sources])
        centre = of_scene.mean(dim=0)
        directions = F.normalize(features - centre, dim=-1)
        positive = torch.tensor([click.positive for click in self._clicks], device=features.device)
        cosines = nearest(F.normalize(of_scene - centre, dim=-1), directions[positive])
        cut = automatic_threshold(cosines)
        self._clicked = Clicked(
            centre=centre.to(self.device),
            positives=directions[positive].to(self.device),
            negatives=directions[~positive].to(self.device),
            cut=cut if cut < cosines.max().item() else DEFAULT_THRESHOLD,
        )

    def decode(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "height width 2"]:
        """Probabilities of `label_names`, of the features at pixels.

        Raises:
            OperatorError: the clicks have not been looked up.
        """
        if self._clicked is None:
            raise OperatorError(
                f"{self.spec}: its clicks are not looked up; call prepare with maps of the scene first"
            )
        height, width = image.shape[-2:]
        return scored_at_pixels(feature_map.to(self.device), height, width, self._clicked.scores)

    def _under(self, click: Click, sources: dict[int, SourceMap]) -> Float[Tensor, " channels"]:
        """The feature under a click."""
        if click.view not in sources:
            raise OperatorError(
                f"{self.spec}: view {click.view} was clicked but its map is missing; known are "
                f"{sorted(sources)}"
            )
        source = sources[click.view]
        if not (0.0 <= click.x <= source.width and 0.0 <= click.y <= source.height):
            raise OperatorError(
                f"{self.spec}: the click at ({click.x:g}, {click.y:g}) lies outside view {click.view}, "
                f"which has {source.width} x {source.height} pixels; click inside"
            )
        place = source.feature_map.new_tensor([[click.x, click.y]])
        return sample_map(source.feature_map, place, (source.height, source.width))[0]
