"""Pairs of rendered views, and how far an operator's answers about the places that both see are apart.

Pairs are *short* (neighbours) or *long* (5 degrees apart or more). Warps between them go by the dataset's depth
where it has any, else by the one that lift3d renders.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.correspondence import DepthView, SharedPlaces, shared_places
from condense_ns.geometry.covisibility import mean_ray_angles
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import grid_places
from condense_ns.metrics.answer_agreement import Kind, answer_distance
from condense_ns.operators.base import Operator
from condense_ns.pipelines.lifted_parts import Told
from condense_ns.pipelines.scene_lifting import LiftedView, SceneLifter

LONG = 5.0
"""Degrees between the rays of the views of a long pair, at least."""
LEAST_OVERLAP = 0.3
"""Of the anchors that the first view of a pair sees."""
LEAST_SHARED = 50
"""Cells that a pair must share to count."""
GRID = (48, 64)
"""Rows and columns of the places that pictures and classes are compared at."""


@dataclass(frozen=True)
class Target:
    """A view of the scene, rendered from others."""

    view: int
    """Its number."""
    image: Float[Tensor, "3 height width"]
    """Its photograph."""
    lifted: LiftedView


@dataclass(frozen=True)
class Pair:
    """Two targets that see the same places."""

    first: int
    second: int
    is_long: bool
    angle: float
    """Degrees between their rays in the mean."""


def chosen_pairs(lifter: SceneLifter, count: int, among: Sequence[int] | None = None) -> list[Pair]:
    """A short and, where there is one, a long pair for each of so many views spread over the scene.

    Args:
        lifter: of the scene.
        count: of the views; all of them if there are fewer.
        among: numbers of the views that pairs are made of; None for all of the scene.
    """
    scene, pairs = lifter.scene, []
    among = range(len(scene)) if among is None else among
    spread = torch.linspace(0, len(among) - 1, min(count, len(among))).round().long().tolist()
    for view in (among[at] for at in spread):
        camera, others = lifter.camera(view), [other for other in among if other != view]
        overlap = lifter.anchors.covisibility(camera, scene.views[others])
        angles = mean_ray_angles(lifter.anchors.points, camera, scene.views[others])
        short = torch.where(overlap > LEAST_OVERLAP, angles, torch.inf)
        far = torch.where((angles >= LONG) & (overlap > LEAST_OVERLAP / 2), angles, torch.inf)
        for is_long, apart in enumerate((short, far)):
            if bool(apart.isfinite().any()):
                nearest = int(apart.argmin())
                pairs.append(Pair(view, others[nearest], bool(is_long), float(apart[nearest])))
    return pairs


def views_of(pairs: Collection[Pair]) -> list[int]:
    """Numbers of the views in pairs, each once."""
    return sorted({view for pair in pairs for view in (pair.first, pair.second)})


def shared_of_pairs(
    lifter: SceneLifter, pairs: Collection[Pair], targets: Mapping[int, Target]
) -> dict[Pair, SharedPlaces]:
    """Places that both views of a pair see; pairs that share too few are left out."""
    seen = {view: _seen(lifter, target) for view, target in targets.items()}
    rows, columns = GRID
    shared = {
        pair: shared_places(seen[pair.first], seen[pair.second], rows, columns) for pair in pairs
    }
    return {pair: places for pair, places in shared.items() if len(places.cells) >= LEAST_SHARED}


def kind_of(operator: Operator, answered: Told) -> Kind:
    """What an operator's answers are compared by."""
    if answered.labels is not None:
        return "labels"
    return "features" if operator.spec.startswith("features:") else "picture"


def inconsistencies(
    kind: Kind,
    answers: Mapping[int, Told],
    shared: Mapping[Pair, SharedPlaces],
    mean: Float[Tensor, " channels"],
) -> dict[Pair, float]:
    """How far answers about one place are apart in each pair.

    Args:
        kind: of the answers.
        answers: by the numbers of their views, for all views of the pairs.
        shared: what is compared.
        mean: of the features; not used for other kinds.
    """
    return {
        pair: answer_distance(
            kind,
            answer_at(kind, answers[pair.first], places.places_a),
            answer_at(kind, answers[pair.second], places.places_b),
            mean,
        )
        for pair, places in shared.items()
    }


def unlikenesses(
    kind: Kind,
    answers: Mapping[int, Told],
    references: Mapping[int, Told],
    mean: Float[Tensor, " channels"],
) -> dict[int, float]:
    """How far each answer is from another one for the same view.

    Args:
        kind: of the answers.
        answers: by the numbers of their views.
        references: as many.
        mean: of the features; not used for other kinds.
    """
    everywhere = grid_places(*GRID)
    return {
        view: answer_distance(
            kind,
            answer_at(kind, answered, everywhere),
            answer_at(kind, references[view], everywhere),
            mean,
        )
        for view, answered in answers.items()
    }


def answer_at(
    kind: Kind, answered: Told, places: Float[Tensor, "places 2"]
) -> Float[Tensor, "places channels"]:
    """Feature, class or colour at places of the view."""
    if kind == "features":
        return sample_cells(answered.feature_map[None], places[None])[0]
    if kind == "picture":
        return sample_cells(answered.picture.permute(1, 2, 0)[None].contiguous(), places[None])[0]
    assert answered.labels is not None
    height, width = answered.labels.shape
    pixels = (places.clamp(0, 1) * places.new_tensor([width, height])).long()
    rows, columns = pixels[:, 1].clamp_max(height - 1), pixels[:, 0].clamp_max(width - 1)
    return answered.labels[rows, columns].float()[:, None]


def mean_of(values: list[float]) -> float:
    """Not a number for none."""
    return sum(values) / len(values) if values else float("nan")


def _seen(lifter: SceneLifter, target: Target) -> DepthView:
    """A target with the dataset's depth, or the rendered one."""
    known = lifter.scene.depth(target.view)
    depth = target.lifted.rendered.depth[..., 0] if known is None else known
    return DepthView(lifter.camera(target.view), depth)
