"""How steady and how faithful lift3d's answers are with each share of the rendered picture's own.

More of it is more like what the operator says of a photograph, and less steady between views
(`pipelines.steady_share`). The rows tell what any rule that settles the share could reach.
"""

from collections.abc import Mapping

from condense_ns.benchmarks.lift_rows import TRUE
from condense_ns.benchmarks.lifting import row_figures
from condense_ns.geometry.correspondence import SharedPlaces
from condense_ns.operators.base import Operator
from condense_ns.pipelines.answer_pairs import Pair, Target
from condense_ns.pipelines.scene_lifting import SceneLifter

SHARES = tuple(tenth / 10 for tenth in range(11))


def share_frontier(
    lifter: SceneLifter,
    operator: Operator,
    shared: dict[Pair, SharedPlaces],
    targets: Mapping[int, Target],
) -> dict[str, dict[str, float]]:
    """Figures as of `benchmarks.lifting.operator_figures`, by share as text; arguments as there."""
    given = {}
    for view, target in targets.items():
        parts = lifter.parts(operator, target.lifted, trying=True)
        own = lifter.working_map(operator, view)
        given[view] = {TRUE: lifter.answer(operator, own, target.image, alone=True)}
        given[view] |= {f"{share:.1f}": parts.mixed(operator, share) for share in SHARES}
    return {
        f"{share:.1f}": row_figures(f"{share:.1f}", given, operator, shared) for share in SHARES
    }
