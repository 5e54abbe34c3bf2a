"""The share of the rendered picture's own in lift3d's answers: what is settled, and what there is to settle.

More of it is more like what the operator says of a photograph, and less steady between views
(`pipelines.steady_share`). The rows tell what any rule that settles the share could reach.
"""

from collections.abc import Mapping, Sequence

from condense_ns.benchmarks.lift_rows import TRUE
from condense_ns.benchmarks.lifting import row_figures
from condense_ns.geometry.correspondence import SharedPlaces
from condense_ns.operators.base import Operator, Shares
from condense_ns.pipelines.answer_pairs import Pair, Target
from condense_ns.pipelines.scene_lifting import SceneLifter
from condense_ns.pipelines.steady_share import ShareSettler

TENTHS = tuple(tenth / 10 for tenth in range(11))
LEFT_OUT = 0.1
"""Of a scene's photographs at a time, or one: what is left is much like what a user has."""


def settled_apart(
    lifter: SceneLifter, operators: Sequence[Operator], views: Sequence[int], least_angle: float
) -> dict[str, dict[int, Shares]]:
    """Shares for the views that are measured, each part of which is settled with all photographs but its own.

    Args:
        lifter: of the scene.
        operators: that are prepared for it.
        views: that are measured; they go to as many parts as it needs in turn.
        least_angle: degrees, as for `ShareSettler`.

    Returns:
        By the operator's spec and the number of the view.
    """
    shares: dict[str, dict[int, Shares]] = {operator.spec: {} for operator in operators}
    every = range(len(lifter.scene))
    parts = -(-len(views) // max(1, int(LEFT_OUT * len(every))))
    for part in (views[start::parts] for start in range(parts)):
        others = [view for view in every if view not in part]
        settler = ShareSettler(lifter, others, least_angle=least_angle)
        for operator in operators:
            shares[operator.spec] |= dict.fromkeys(part, settler.settle(operator))
    return shares


def share_frontier(
    lifter: SceneLifter,
    operator: Operator,
    shared: dict[Pair, SharedPlaces],
    targets: Mapping[int, Target],
) -> dict[str, dict[str, float]]:
    """Figures as of `benchmarks.lifting.operator_figures`, by share as text; arguments as there.

    Shares are those of the rendered picture in the map, or, of operators that paint, of its answer beside the sources'.
    Which sources are believed is told by the rendered picture with every share, that of nothing included.
    """
    tried = {f"{share:.1f}": _shares(operator, share) for share in TENTHS}
    given = {}
    for view, target in targets.items():
        parts = lifter.parts(operator, target.lifted, trying=True)
        own = lifter.working_map(operator, view)
        given[view] = {TRUE: lifter.answer(operator, own, target.image, alone=True).told}
        mixtures = parts.mixtures(operator, tried.values())
        given[view] |= {share: next(mixtures).told for share in tried}
    return {share: row_figures(share, given, operator, shared) for share in tried}


def _shares(operator: Operator, share: float) -> Shares:
    if operator.painted_share > 0:
        return Shares(operator.rendered_share, 1 - share)
    return Shares(share)
