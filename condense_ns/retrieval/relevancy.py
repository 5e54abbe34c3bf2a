"""The Query object and how relevant features are to it.

Letters: f feature, p positive, n negative vectors; all compared by cosine.

* ``softmax``: for every negative, the share of the positive in a softmax of the pair,
  ``exp(t cos(f,p)) / (exp(t cos(f,p)) + exp(t cos(f,n)))`` with inverse temperature t; the smallest
  share over the negatives counts. 0.5 means "as much like the query as like something else".
* ``cosine``: ``max(0, cos(f - m, p - m))`` with m the scene's mean feature, for encoders without
  text, where nothing serves as a negative: without m every pair of ViT features looks alike.

What relevancy is a function of is the margin: ``cos(f,p) - max cos(f,n)`` or ``cos(f - m, p - m)``.

Positives are averaged after normalisation: they describe one thing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError

Rule = Literal["softmax", "cosine"]
INVERSE_TEMPERATURE = 10.0  # LERF's, and what encoders have if they do not say otherwise
LARGEST_INVERSE_TEMPERATURE = 1000.0
CHUNK = 8192  # rows whose products stay in a core's cache


@dataclass(frozen=True)
class Query:
    """What is looked for: vectors in the feature space of one encoder, and how to score.

    Raises:
        UserError: no positives, widths that differ, a threshold outside [0, 1] or an inverse temperature
            outside (0, 1000].
    """

    encoder: str
    """Spec of the encoder whose features are scored."""
    positives: Float[Tensor, "positives channels"]
    """What is looked for; any length > 0."""
    negatives: Float[Tensor, "negatives channels"]
    """What it is told apart from; may be empty for the rule `cosine`."""
    centre: Float[Tensor, " channels"]
    """Mean feature of the scene, used by the rule `cosine`."""
    rule: Rule = "softmax"
    """How features are scored, see the module docstring."""
    threshold: float | None = 0.5
    """Relevancy above which a point counts as found, in [0, 1]; None is for
    `retrieval.threshold.with_threshold` to choose, once, before anything is shown."""
    label: str = ""
    """What to call it: the words, the file or the place of a click."""
    inverse_temperature: float = INVERSE_TEMPERATURE
    """How peaked the rule `softmax` is; the encoder brings it."""

    def __post_init__(self) -> None:
        if len(self.positives) == 0:
            raise UserError("a query needs at least one positive: a text, a crop or a point")
        if self.rule == "softmax" and len(self.negatives) == 0:
            raise UserError("the rule 'softmax' needs at least one negative; use 'cosine' without")
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise UserError(f"threshold is {self.threshold}, it must lie in [0, 1]")
        check_inverse_temperature(self.inverse_temperature, self.encoder)
        widths = {self.positives.shape[1], self.negatives.shape[1], self.centre.shape[0]}
        if len(widths) != 1:
            raise UserError(f"query vectors of different widths {sorted(widths)}: one encoder each")

    @property
    def cut(self) -> float:
        """The threshold as a number.

        Raises:
            UserError: it is automatic and has not been chosen.
        """
        if self.threshold is None:
            raise UserError(
                f"the threshold of the query '{self.label}' has not been chosen; give a number or call "
                "condense_ns.retrieval.threshold.with_threshold with features of the scene"
            )
        return self.threshold

    def to(self, device: torch.device | str) -> "Query":
        """The same query with its vectors on `device`."""
        return replace(
            self,
            positives=self.positives.to(device),
            negatives=self.negatives.to(device),
            centre=self.centre.to(device),
        )


def check_inverse_temperature(inverse_temperature: float, encoder: str) -> None:
    """Refuse what makes no sense as an inverse temperature.

    Raises:
        UserError: it lies outside (0, 1000] or is no number.
    """
    if not 0.0 < inverse_temperature <= LARGEST_INVERSE_TEMPERATURE:
        raise UserError(
            f"the inverse temperature of {encoder} is {inverse_temperature}, it must lie in "
            f"(0, {LARGEST_INVERSE_TEMPERATURE:.0f}]"
        )


def relevancy(features: Float[Tensor, "*batch channels"], query: Query) -> Float[Tensor, "*batch"]:
    """Relevancy of each feature in [0, 1]; zero vectors get no more than their due, never NaN.

    Raises:
        UserError: the features' width is not the query's.
    """
    score = _margins(query)
    return _in_chunks(lambda chunk: relevancy_of_margin(score(chunk), query), features, query)


def margin(features: Float[Tensor, "*batch channels"], query: Query) -> Float[Tensor, "*batch"]:
    """What relevancy is a rising function of: in [-2, 2] for `softmax`, [-1, 1] for `cosine`.

    Raises:
        UserError: the features' width is not the query's.
    """
    return _in_chunks(_margins(query), features, query)


def relevancy_of_margin(margins: Float[Tensor, "*batch"], query: Query) -> Float[Tensor, "*batch"]:
    """The share of the positive, or the cosine without its negative half."""
    if query.rule == "softmax":
        return torch.sigmoid(query.inverse_temperature * margins)
    return margins.clamp(0.0, 1.0)


def mean_direction(vectors: Float[Tensor, "vectors channels"]) -> Float[Tensor, " channels"]:
    """Unit-length mean of the vectors' directions."""
    return F.normalize(F.normalize(vectors, dim=-1).mean(dim=0), dim=-1)


def _in_chunks(
    score: Callable[[Tensor], Tensor], features: Float[Tensor, "*batch channels"], query: Query
) -> Float[Tensor, "*batch"]:
    channels = query.positives.shape[1]
    if features.shape[-1] != channels:
        raise UserError(
            f"the query '{query.label}' has {channels} channels ({query.encoder}), the features have "
            f"{features.shape[-1]}; ask with the encoder that the features come from"
        )
    rows = features.reshape(-1, channels)
    scores = rows.new_empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        scores[start : start + CHUNK] = score(rows[start : start + CHUNK])
    return scores.reshape(features.shape[:-1])


def _margins(query: Query) -> Callable[[Tensor], Tensor]:
    """Rows of features -> margins; what depends on the query alone is worked out once."""
    if query.rule == "cosine":
        direction = mean_direction(query.positives - query.centre)
        return partial(_cosine_margin, query.centre, direction)
    positive = mean_direction(query.positives)[None]
    return partial(_softmax_margin, torch.cat([positive, F.normalize(query.negatives, dim=-1)]))


def _softmax_margin(
    directions: Float[Tensor, "vectors channels"], features: Float[Tensor, "rows channels"]
) -> Float[Tensor, " rows"]:
    """Of the first direction and the one of the others that is nearest."""
    norms = torch.linalg.vector_norm(features, dim=1).clamp_min(1e-8)
    cosines = directions @ features.T  # times the norm, which the differences below share
    closest_negative = cosines[1:].amax(dim=0)  # the smallest share belongs to it
    return (cosines[0] - closest_negative) / norms


def _cosine_margin(
    centre: Float[Tensor, " channels"],
    direction: Float[Tensor, " channels"],
    features: Float[Tensor, "rows channels"],
) -> Float[Tensor, " rows"]:
    centred = features - centre
    norms = torch.linalg.vector_norm(centred, dim=1).clamp_min(1e-8)
    return (centred @ direction) / norms
