"""How consistent and how faithful lifted answers are, beside five other ways (`methods.md` 7).

Every view may be a target: nothing was trained on the scene, and a target is rendered from other views
only. Pairs of targets are *short* (neighbours) or *long* (5 degrees apart or more). Warps between them
go by the dataset's depth where it has any, else by the one that lift3d renders; the same for all rows.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Float
from rich.progress import track
from torch import Tensor

from condense_ns.benchmarks.lift_rows import ROWS, TRUE, Target, answers, nearest_picture
from condense_ns.benchmarks.lift_truth import mean_ious
from condense_ns.geometry.correspondence import DepthView, SharedPlaces, shared_places
from condense_ns.geometry.covisibility import mean_ray_angles
from condense_ns.geometry.interpolation import sample_cells, sample_maps
from condense_ns.geometry.pinhole import grid_places
from condense_ns.metrics.answer_agreement import Kind, answer_distance, sharpness
from condense_ns.operators.base import Operator
from condense_ns.pipelines.scene_lifting import Answered, SceneLifter

LONG = 5.0
"""Degrees between the rays of the views of a long pair, at least."""
LEAST_OVERLAP = 0.3
"""Of the anchors that the first view of a pair sees."""
LEAST_SHARED = 50
"""Cells that a pair must share to count."""
GRID = (48, 64)
"""Rows and columns of the places that pictures and classes are compared at."""


@dataclass(frozen=True)
class Pair:
    """Two targets that see the same places."""

    first: int
    second: int
    is_long: bool


def chosen_pairs(lifter: SceneLifter, targets: int) -> list[Pair]:
    """A short and, where there is one, a long pair for each of so many views spread over the scene."""
    scene, pairs = lifter.scene, []
    spread = torch.linspace(0, len(scene) - 1, min(targets, len(scene))).round().long().tolist()
    for view in spread:
        camera, others = (
            lifter.camera(view),
            [other for other in range(len(scene)) if other != view],
        )
        overlap = lifter.anchors.covisibility(camera, scene.views[others])
        angles = mean_ray_angles(lifter.anchors.points, camera, scene.views[others])
        short = torch.where(overlap > LEAST_OVERLAP, angles, torch.inf)
        if bool(short.isfinite().any()):
            pairs.append(Pair(view, others[int(short.argmin())], is_long=False))
        far = torch.where((angles >= LONG) & (overlap > LEAST_OVERLAP / 2), angles, torch.inf)
        if bool(far.isfinite().any()):
            pairs.append(Pair(view, others[int(far.argmin())], is_long=True))
    return pairs


def rendered_targets(
    lifter: SceneLifter, views: set[int], least_angle: float = 0.0
) -> dict[int, Target]:
    """Views of the scene, each rendered from the others."""
    found = {}
    for view in track(sorted(views), f"Rendering {lifter.scene.name}"):
        others = [other for other in range(len(lifter.scene)) if other != view]
        lifted = lifter.render(lifter.camera(view), others, least_angle=least_angle)
        found[view] = Target(view, lifter.scene.image(view), lifted)
    return found


def colour_figures(targets: dict[int, Target]) -> dict[str, float]:
    """PSNR in dB of rendered views and of the nearest source warped by the same depth; means over views."""
    rows = []
    for target in targets.values():
        true = target.image.permute(1, 2, 0)
        both = (target.lifted.rendered.rgb, nearest_picture(target))
        rows.append([-10 * float((picture - true).square().mean().log10()) for picture in both])
    ours, nearest = torch.tensor(rows).mean(dim=0).tolist()
    return {"psnr": ours, "psnr_nearest": nearest, "psnr_gain": ours - nearest}


def shared_of_pairs(
    lifter: SceneLifter, pairs: list[Pair], targets: dict[int, Target]
) -> dict[Pair, SharedPlaces]:
    """Places that both views of a pair see; pairs that share too few are left out."""
    seen = {view: _seen(lifter, target) for view, target in targets.items()}
    rows, columns = GRID
    shared = {
        pair: shared_places(seen[pair.first], seen[pair.second], rows, columns) for pair in pairs
    }
    return {pair: places for pair, places in shared.items() if len(places.cells) >= LEAST_SHARED}


def colour_floor(shared: dict[Pair, SharedPlaces], targets: dict[int, Target]) -> dict[str, float]:
    """Inconsistency of the photographs' own colours: reflections and warps are in every figure."""
    apart: dict[bool, list[float]] = {False: [], True: []}
    for pair, places in shared.items():
        first = sample_maps(targets[pair.first].image[None], places.places_a[None])[0]
        second = sample_maps(targets[pair.second].image[None], places.places_b[None])[0]
        apart[pair.is_long].append(answer_distance("picture", first, second, torch.zeros(3)))
    return {"short": _mean(apart[False]), "long": _mean(apart[True])}


def kind_of(operator: Operator, answered: Answered) -> Kind:
    """What an operator's answers are compared by."""
    if answered.labels is not None:
        return "labels"
    return "features" if operator.spec.startswith("features:") else "picture"


def operator_figures(
    lifter: SceneLifter,
    operator: Operator,
    shared: dict[Pair, SharedPlaces],
    targets: dict[int, Target],
) -> dict[str, dict[str, float]]:
    """Figures of each row.

    ``short`` and ``long``: inconsistency over the pairs; ``infidelity``: distance from the operator on
    the true image; ``sharpness`` of pictures; means over pairs and views. ``mean_iou`` over all views, of
    classes that the scene's annotations name.
    """
    lifter.prepare(operator)
    given = {
        view: answers(lifter, operator, target)
        for view, target in track(targets.items(), f"{operator.spec} on {lifter.scene.name}")
    }
    mean = torch.cat([rows[TRUE].feature_map.flatten(0, 1) for rows in given.values()]).mean(dim=0)
    kind = kind_of(operator, next(iter(given.values()))[TRUE])
    figures = {row: _row_figures(row, kind, given, shared, mean) for row in ROWS}
    if kind == "labels":
        for row, value in mean_ious(lifter, operator, given).items():
            figures[row]["mean_iou"] = value
    return figures


def _row_figures(
    row: str,
    kind: Kind,
    given: dict[int, dict[str, Answered]],
    shared: dict[Pair, SharedPlaces],
    mean: Tensor,
) -> dict[str, float]:
    apart: dict[bool, list[float]] = {False: [], True: []}
    for pair, places in shared.items():
        first = _answer_at(kind, given[pair.first][row], places.places_a)
        second = _answer_at(kind, given[pair.second][row], places.places_b)
        apart[pair.is_long].append(answer_distance(kind, first, second, mean))
    everywhere = grid_places(*GRID)
    far = [
        answer_distance(
            kind,
            _answer_at(kind, rows[row], everywhere),
            _answer_at(kind, rows[TRUE], everywhere),
            mean,
        )
        for rows in given.values()
    ]
    figures = {"short": _mean(apart[False]), "long": _mean(apart[True]), "infidelity": _mean(far)}
    if kind == "picture":
        figures["sharpness"] = _mean([sharpness(rows[row].picture) for rows in given.values()])
    return figures


def _answer_at(
    kind: Kind, answered: Answered, places: Float[Tensor, "places 2"]
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


def _seen(lifter: SceneLifter, target: Target) -> DepthView:
    """A target with the dataset's depth, or the rendered one."""
    known = lifter.scene.depth(target.view)
    depth = target.lifted.rendered.depth[..., 0] if known is None else known
    return DepthView(lifter.camera(target.view), depth)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def speed_figures(lifter: SceneLifter, operator: Operator, view: int) -> dict[str, float]:
    """Seconds for one view: its picture, and the operator's answer when it is there."""
    lifter.maps(operator)
    rendered, answered = [], []
    for _ in range(3):
        start = time.perf_counter()
        lifted = lifter.render(lifter.camera(view), exclude=[view])
        rendered.append(time.perf_counter() - start)
        start = time.perf_counter()
        lifter.lifted_answer(operator, lifted)
        answered.append(time.perf_counter() - start)
    return {"seconds_picture": sorted(rendered)[1], "seconds_answer": sorted(answered)[1]}


def first_seconds(lifter: SceneLifter, view: int) -> float:
    """Seconds for the picture of one view while the depth of no photograph is known."""
    with TemporaryDirectory() as empty:
        fresh = SceneLifter(lifter.network, lifter.scene, lifter.num_sources, Path(empty))
        start = time.perf_counter()
        fresh.render(lifter.camera(view), exclude=[view])
        return time.perf_counter() - start
