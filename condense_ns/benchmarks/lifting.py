"""How consistent and how faithful lifted answers are, beside five other ways (`methods.md` 7).

Every view may be a target: nothing was trained on the scene, and a target is rendered from other views
only. Pairs of targets and the warps between them (`pipelines.answer_pairs`) are the same for all rows.
"""

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.progress import track

from condense_ns.benchmarks.lift_rows import ROWS, TRUE, answers, nearest_picture
from condense_ns.benchmarks.lift_truth import mean_ious
from condense_ns.geometry.correspondence import SharedPlaces
from condense_ns.geometry.interpolation import sample_maps
from condense_ns.metrics.answer_agreement import answer_distance, sharpness
from condense_ns.operators.base import Operator, Shares
from condense_ns.pipelines.answer_pairs import (
    Pair,
    Target,
    inconsistencies,
    kind_of,
    mean_of,
    unlikenesses,
)
from condense_ns.pipelines.lifted_parts import Told
from condense_ns.pipelines.scene_lifting import SceneLifter


def rendered_targets(
    lifter: SceneLifter, views: Collection[int], least_angle: float = 0.0
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


def colour_floor(shared: dict[Pair, SharedPlaces], targets: dict[int, Target]) -> dict[str, float]:
    """Inconsistency of the photographs' own colours: reflections and warps are in every figure."""
    apart: dict[bool, list[float]] = {False: [], True: []}
    for pair, places in shared.items():
        first = sample_maps(targets[pair.first].image[None], places.places_a[None])[0]
        second = sample_maps(targets[pair.second].image[None], places.places_b[None])[0]
        apart[pair.is_long].append(answer_distance("picture", first, second, torch.zeros(3)))
    return {"short": mean_of(apart[False]), "long": mean_of(apart[True])}


def operator_figures(
    lifter: SceneLifter,
    operator: Operator,
    shared: dict[Pair, SharedPlaces],
    targets: dict[int, Target],
    shares: Mapping[int, Shares] | None = None,
) -> dict[str, dict[str, float]]:
    """Figures of each row.

    ``short`` and ``long``: inconsistency over the pairs; ``infidelity``: distance from the operator on
    the true image; ``sharpness`` of pictures; means over pairs and views. ``mean_iou`` over all views, of
    classes that the scene's annotations name.

    Args:
        lifter: of the scene.
        operator: prepared for the scene.
        shared: places that are compared.
        targets: by the numbers of their views.
        shares: that answers are mixed from, by the numbers of the views; None for the operator's own.
    """
    given = {}
    for view, target in track(targets.items(), f"{operator.spec} on {lifter.scene.name}"):
        if shares is not None:
            lifter.settled_shares[operator.spec] = shares[view]
        rows = answers(lifter, operator, target)
        given[view] = {row: found.told for row, found in rows.items()}
    figures = {row: row_figures(row, given, operator, shared) for row in ROWS}
    if operator.label_names:
        for row, value in mean_ious(lifter, operator, given).items():
            figures[row]["mean_iou"] = value
    return figures


def row_figures(
    row: str,
    given: Mapping[int, Mapping[str, Told]],
    operator: Operator,
    shared: dict[Pair, SharedPlaces],
) -> dict[str, float]:
    """Figures of one row, beside the answers for the true images.

    Args:
        row: its name.
        given: answers by view and row.
        operator: that answered.
        shared: places that are compared.
    """
    mean = torch.cat([rows[TRUE].feature_map.flatten(0, 1) for rows in given.values()]).mean(dim=0)
    kind = kind_of(operator, next(iter(given.values()))[TRUE])
    answers = {view: rows[row] for view, rows in given.items()}
    apart = inconsistencies(kind, answers, shared, mean)
    true = {view: rows[TRUE] for view, rows in given.items()}
    far = unlikenesses(kind, answers, true, mean)
    figures = {
        "short": mean_of([value for pair, value in apart.items() if not pair.is_long]),
        "long": mean_of([value for pair, value in apart.items() if pair.is_long]),
        "infidelity": mean_of(list(far.values())),
    }
    if kind == "picture":
        figures["sharpness"] = mean_of([sharpness(rows[row].picture) for rows in given.values()])
    return figures


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
