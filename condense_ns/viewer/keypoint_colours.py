"""Colours of keypoints: by score, by what a descriptor tells apart, by relevancy to a query."""

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from matplotlib import colormaps
from torch import Tensor
from torch.nn import functional as F

from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.rendering.heat import heat_colours
from condense_ns.rendering.pca_colours import RANGE_QUANTILES, fit_pca_colours, pca_colours
from condense_ns.retrieval.relevancy import Query, relevancy

Colouring = Literal["score", "PCA", "query"]
FITTED = 4096  # keypoints that a PCA is fitted to


class KeypointColours:
    """The colours of one set, which stay the same whichever of its keypoints are shown.

    Args:
        keypoints: the set, at least one keypoint; colours that need no query are worked out here.
    """

    def __init__(self, keypoints: Keypoints3D) -> None:
        self._descriptors = keypoints.descriptors
        self._by_score = score_colours(keypoints.scores)
        self._by_descriptor = {
            name: descriptor_colours(values) for name, values in keypoints.descriptors.items()
        }

    def of(
        self, colouring: Colouring, encoder: str, query: Query | None
    ) -> tuple[UInt8[Tensor, "keypoints 3"], str]:
        """Colours in [0, 255], and what they mean, to be read after "coloured by".

        Args:
            colouring: what is asked for; `query` falls back to the score if there is no query or no
                descriptor of its encoder, `PCA` if there is no descriptor at all.
            encoder: spec of the encoder whose descriptor `PCA` takes, if there is one of it, else the
                first descriptor.
            query: what is looked for.

        Raises:
            UserError: the descriptor's width is not the query's.
        """
        if colouring == "PCA":
            name = encoder if encoder in self._descriptors else next(iter(self._descriptors), None)
            if name is not None:
                return self._by_descriptor[name], f"the descriptor {name}"
            return self._by_score, "score, as they have no descriptors"
        if colouring == "query":
            return self._by_query(query)
        return self._by_score, "score"

    def _by_query(self, query: Query | None) -> tuple[UInt8[Tensor, "keypoints 3"], str]:
        if query is None:
            return self._by_score, "score, as there is no query"
        if query.encoder not in self._descriptors:
            return self._by_score, f"score, as they have no descriptor of {query.encoder}"
        descriptors = self._descriptors[query.encoder]
        return query_colours(descriptors, query), f"relevancy to '{query.label}'"


def score_colours(scores: Float[Tensor, " keypoints"]) -> UInt8[Tensor, "keypoints 3"]:
    """The perceptually uniform map `viridis` over the range of the scores, outliers clamped."""
    low, high = torch.quantile(scores, torch.tensor(RANGE_QUANTILES).to(scores))
    shares = ((scores - low) / (high - low).clamp_min(1e-6)).clamp(0.0, 1.0)
    table = torch.tensor(colormaps["viridis"].colors)  # type: ignore[attr-defined]
    return _in_bytes(table[(shares * (len(table) - 1)).round().long()])


def descriptor_colours(
    descriptors: Float[Tensor, "keypoints channels"],
) -> UInt8[Tensor, "keypoints 3"]:
    """Three directions of largest variance as red, green and blue."""
    sample = descriptors[:: -(-len(descriptors) // FITTED)].float()
    basis, limits = fit_pca_colours(sample)
    return _in_bytes(pca_colours(descriptors.float(), sample.mean(dim=0), basis, limits))


def query_colours(
    descriptors: Float[Tensor, "keypoints channels"], query: Query
) -> UInt8[Tensor, "keypoints 3"]:
    """Relevancy in the colours that the picture shows it in.

    The rule `cosine` compares with the scene's mean; descriptors are unit vectors and the query's
    features are not, so positives are made unit vectors too and the mean is that of the descriptors.

    Raises:
        UserError: the descriptor's width is not the query's.
    """
    if query.rule == "cosine":
        positives = F.normalize(query.positives, dim=-1)
        query = replace(query, positives=positives, centre=descriptors.mean(dim=0))
    return _in_bytes(heat_colours(relevancy(descriptors, query)))


def _in_bytes(colours: Float[Tensor, "keypoints 3"]) -> UInt8[Tensor, "keypoints 3"]:
    return (colours * 255).round().to(torch.uint8)
