"""Where pixels of one view land in another, told from two feature maps alone (MVNet, `methods.md` 2.3).

Pixels of the first view ask all pixels of the second; the answers' softmax, averaged over where these pixels
are, is where they land. All places are (x, y) from 0 to 1 across the image.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

_OUT = -1e4
"""Logit of what cannot be an answer; finite, so that a view without any answer has no NaN."""
MOST_QUERIES = 1024
"""Cells of a view that ask."""


def expected_places(
    queries: Float[Tensor, "queries channels"],
    keys: Float[Tensor, "keys channels"],
    answers: Bool[Tensor, " keys"],
    places: Float[Tensor, "keys 2"],
    sharpness: Float[Tensor, ""],
) -> Float[Tensor, "queries 2"]:
    """Soft-argmax of the inner products of queries and keys.

    Args:
        queries: unit vectors of cells of the first view.
        keys: unit vectors of the second view's cells.
        answers: which cells of the second view show anything.
        places: of the second view's cells.
        sharpness: factor from cosines to logits, above 0.
    """
    logits = (sharpness * queries @ keys.T).masked_fill(~answers, _OUT)
    return logits.softmax(dim=1) @ places


def landing_distance(
    vectors: Float[Tensor, "views cells channels"],
    visible: Bool[Tensor, "views cells"],
    places: Float[Tensor, "cells 2"],
    true: Float[Tensor, "views cells 2"],
    shared: Bool[Tensor, "views cells"],
    sharpness: Float[Tensor, ""],
) -> Float[Tensor, ""]:
    """Mean distance of found from true landings in the next view, in parts of the image.

    Of cells that both views see at most `MOST_QUERIES` of each view are asked, evenly spread: their number
    times that of all cells is what this costs.

    Args:
        vectors: unit vectors of the views' cells; the first view comes after the last one.
        visible: which cells show anything.
        places: of the cells.
        true: where cells land in the next view.
        shared: whether both views see them; 0 if none does.
        sharpness: factor from cosines to logits, above 0.
    """
    apart = []
    for view, seen in enumerate(shared):
        after = (view + 1) % len(shared)
        asked = evenly_spread(torch.nonzero(seen)[:, 0], MOST_QUERIES)
        found = expected_places(
            vectors[view, asked], vectors[after], visible[after], places, sharpness
        )
        apart.append((found - true[view, asked]).abs().sum(dim=1))
    distances = torch.cat(apart)
    return distances.sum() / max(len(distances), 1)


def evenly_spread(cells: Int64[Tensor, " cells"], most: int) -> Int64[Tensor, " kept"]:
    """At most so many of some cells, at equal distances in their list."""
    if len(cells) <= most:
        return cells
    return cells[torch.arange(most, device=cells.device) * len(cells) // most]
