"""Do two views say the same of the same point (`methods.md` 7.2)?

For a pair of views (a, b), u are cells of a whose 3D point lands at u' in b and is visible there:

* ``mvc``     mean of cos_c(f_a(u), f_b(u'))
* ``rnd``     mean of cos_c(f_a(u), f_b(v)), v drawn from the cells of b that see the shared part
* ``margin``  mvc - rnd; a constant map has perfect mvc but no margin
* ``corr1``   share of u whose best match among all cells of b lies within one cell of u'
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from condense_ns.metrics.feature_agreement import centred_cosine


@dataclass(frozen=True)
class Landings:
    """Where the shared points of a pair of views lie in both, in cells (first centre 0.5)."""

    cells_a: Int[Tensor, " shared"]
    """Row-major indices of the cells u of view a."""
    cells_b_xy: Float[Tensor, "shared 2"]
    """Continuous (x, y) cell coordinates u' in view b."""


def view_consistency(
    map_a: Float[Tensor, "rows columns channels"],
    map_b: Float[Tensor, "rows_b columns_b channels"],
    at_b: Float[Tensor, "shared channels"],
    landings: Landings,
    mean: Float[Tensor, " channels"],
    generator: torch.Generator,
) -> dict[str, float]:
    """`mvc`, `rnd`, `margin` and `corr1` of one pair.

    Args:
        map_a: features of view a.
        map_b: features of view b, whose cells are the candidates of `corr1`.
        at_b: features of view b interpolated at the landing points.
        landings: the pair's shared points, at least one.
        mean: mean feature over the training views.
        generator: draws the random partners of `rnd`.
    """
    features_a = map_a.flatten(0, 1)[landings.cells_a]
    mvc = centred_cosine(features_a, at_b, mean).mean().item()
    order = torch.randperm(len(at_b), generator=generator)
    partners = torch.empty_like(order).scatter_(0, order, order.roll(1))  # nobody's own partner
    rnd = centred_cosine(features_a, at_b[partners], mean).mean().item()
    columns = map_b.shape[1]
    candidates = F.normalize(map_b.flatten(0, 1) - mean, dim=-1)
    best = (F.normalize(features_a - mean, dim=-1) @ candidates.T).argmax(dim=1)
    best_xy = torch.stack([best % columns, best // columns], dim=-1) + 0.5
    near = torch.linalg.vector_norm(best_xy - landings.cells_b_xy, dim=-1) <= 1.0
    return {"mvc": mvc, "rnd": rnd, "margin": mvc - rnd, "corr1": near.float().mean().item()}
