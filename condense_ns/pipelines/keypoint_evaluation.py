"""Keypoints of a trained run beside cheaper ways, on photographs that training never saw.

Where was it taken? Each held-out photograph is localised in the run's keypoint set at several sizes, in
the ``usual map`` (the prior's keypoints of all training views, lifted by depth, all of them stored) and in
random surface points with our descriptors (``any 1024 of surface``). Are keypoints repeated? Pairs of held-out views, by the depth images where
there are some. Everybody gets as many keypoints of a photograph as anybody else.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from condense_ns.data.feature_datamanager import load_rgb
from condense_ns.export.keypoint_file import write_keypoints
from condense_ns.geometry.projection import project
from condense_ns.geometry.rotations import nearest_rotation
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.head import KeypointHead
from condense_ns.keypoints.keypoint_set import HEAD, Keypoints3D, Observations
from condense_ns.keypoints.matching import mutual_nearest
from condense_ns.metrics.feature_agreement import nan_mean
from condense_ns.metrics.pose_error import PoseError, medians, pose_errors, recall
from condense_ns.metrics.repeatability import Landed, matching_score, repeatability
from condense_ns.pipelines.condensing import CondenseOptions, condense
from condense_ns.pipelines.feature_evaluation import view_pairs
from condense_ns.pipelines.held_out_views import HeldOutView, HeldOutViews
from condense_ns.pipelines.photo_detector import PhotoDetector
from condense_ns.pipelines.pose_limits import PoseLimits, pose_limits
from condense_ns.pipelines.ray_caster import projection_camera
from condense_ns.pipelines.sparse_pipeline import SparsePipeline
from condense_ns.retrieval.absolute_pose import Lens
from condense_ns.retrieval.localization import localize

SIZES = (256, 512, 1024, 2048)
DETECTIONS = 1024
"""Keypoints of a photograph that is localised, and of each training view."""
REPEATED = 512
"""Keypoints of a photograph where repeatability is asked for."""
FEW = 1024
"""Points of the sets that are chosen without looking."""
OURS_2D = "2D head"
REFERENCE_WIDTH, RADII, RADIUS = 640, (1, 3, 5), 3
"""Pixels that a keypoint may be off in a photograph so wide: for repeatability, and for matching scores."""

Detector = Callable[[Float[Tensor, "3 rows columns"]], Keypoints2D]


@torch.no_grad()
def keypoint_figures(pipeline: SparsePipeline) -> dict[str, dict[str, dict[str, float]]]:
    """Rows of figures under ``localisation`` and ``repeatability``."""
    pipeline.eval()
    held_out = HeldOutViews(pipeline.model, pipeline.datamanager, pipeline.config.encoders[0])
    detector = pipeline.detector(DETECTIONS)
    prior = untrained(detector)
    limits = pose_limits(held_out)
    localisation = {
        name: localised(held_out, keypoints, how, limits)
        for name, keypoints, how in _maps(pipeline, held_out, detector, prior)
    }
    rows: dict[str, Detector] = {
        OURS_2D: replace(detector, max_keypoints=REPEATED),
        "its prior alone": replace(prior, max_keypoints=REPEATED),
        "random places": _random_places,
    }
    pairs = [(view_a, view_b) for view_a, view_b, _ in view_pairs(held_out)]
    found = {name: repeated(held_out, pairs, how) for name, how in rows.items()}
    return {"localisation": localisation, "repeatability": found}


def untrained(detector: PhotoDetector) -> PhotoDetector:
    """The prior's keypoints with the encoder's features for descriptors."""
    head = detector.head
    fresh = KeypointHead(head.channels, head.channels, head.width, head.image_size)
    return replace(detector, head=fresh.to(next(head.parameters()).device).eval())


def _maps(
    pipeline: SparsePipeline, held_out: HeldOutViews, detector: Detector, prior: Detector
) -> Iterator[tuple[str, Keypoints3D, Detector]]:
    """Name, set and how photographs are looked at."""
    options = CondenseOptions(count=max(SIZES), detections=DETECTIONS)
    condensed = condense(pipeline, options)
    for size in SIZES:
        yield f"condensed {size}", condensed.strongest(size), detector
    usual = _lifted_map(pipeline, held_out, prior, prior)
    yield "usual map", usual, prior
    yield f"any {FEW} of it", _some(usual, FEW), prior
    surface = _lifted_map(pipeline, held_out, _random_places, detector)
    yield f"any {FEW} of surface", _some(surface, FEW), detector


def _lifted_map(
    pipeline: SparsePipeline, held_out: HeldOutViews, places: Detector, described_by: Detector
) -> Keypoints3D:
    """Places of all training views as points of their own, lifted by depth images where there are some."""
    dataset = pipeline.datamanager.train_dataset
    points, descriptors = [], []
    for view in range(len(dataset)):
        image = load_rgb(dataset, view)
        found = places(image)
        if places is not described_by:
            assert isinstance(described_by, PhotoDetector)
            found = described_by.described(image, found.pixels)
        xyz, known = held_out.lifted("train", view, found.pixels)
        points.append(xyz[known].double())
        descriptors.append(found.descriptors[known])
    return bare_set(torch.cat(points), torch.cat(descriptors))


def bare_set(
    xyz: Float64[Tensor, "keypoints 3"], descriptors: Float[Tensor, "keypoints channels"]
) -> Keypoints3D:
    """What localisation needs, and nothing else."""
    count = len(xyz)
    nothing = torch.zeros(0, dtype=torch.long)
    return Keypoints3D(
        xyz=xyz,
        scores=torch.ones(count),
        descriptors={HEAD: descriptors},
        colours=torch.zeros(count, 3),
        normals=torch.zeros(count, 3),
        scales=torch.zeros(count),
        uncertainty=torch.zeros(count),
        observations=Observations(nothing, nothing, torch.zeros(0, 2)),
        views=(),
        frame="model",
        to_dataset=Similarity.identity(),
    )


def _some(keypoints: Keypoints3D, count: int) -> Keypoints3D:
    """So many of them, drawn without looking."""
    order = torch.randperm(len(keypoints), generator=torch.Generator().manual_seed(0))
    kept = torch.zeros(len(keypoints), dtype=torch.bool)
    kept[order[:count]] = True
    return keypoints.chosen(kept)


def _random_places(image: Float[Tensor, "3 rows columns"]) -> Keypoints2D:
    """The same places in every photograph; without descriptors."""
    height, width = image.shape[1:]
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(REPEATED, 2, generator=generator) * torch.tensor([width, height])
    return Keypoints2D(pixels, torch.ones(REPEATED), torch.zeros(REPEATED, 1))


def localised(
    held_out: HeldOutViews, keypoints: Keypoints3D, detector: Detector, limits: PoseLimits
) -> dict[str, float]:
    """Errors over all held-out photographs, size of the set and time of a photograph.

    Args:
        held_out: the photographs, of known pose.
        keypoints: the set that they are looked for in, in the model's frame.
        detector: finds their keypoints.
        limits: what counts as found.
    """
    dataset = held_out.data.eval_dataset
    errors: list[PoseError] = []
    inliers = 0
    start = time.perf_counter()
    for view in range(len(dataset)):
        camera = projection_camera(dataset.cameras, view)
        found = localize(detector(load_rgb(dataset, view)), keypoints, Lens.of(camera))
        inliers += int(found.inliers.sum())
        true = camera.camera_to_world.double()
        true = torch.cat([nearest_rotation(true[:, :3]), true[:, 3:]], dim=1)
        distance, degrees = pose_errors(found.dataset_pose, true)
        errors.append((distance / limits.unit, degrees))
    seconds = (time.perf_counter() - start) / len(dataset)
    distance, degrees = medians(errors)
    return {
        **{name: recall(errors, *limit) for name, limit in limits.recalls.items()},
        limits.median: distance,
        "median_degrees": degrees,
        "inliers": inliers / len(dataset),
        "points": float(len(keypoints)),
        "kilobytes": _kilobytes(keypoints),
        "seconds": seconds,
    }


def _kilobytes(keypoints: Keypoints3D) -> float:
    """Size of a file with what localisation needs: positions, descriptors, views."""
    bare = replace(bare_set(keypoints.xyz, keypoints.descriptors[HEAD]), views=keypoints.views)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "keypoints.npz"
        write_keypoints(path, bare, {})
        return path.stat().st_size / 1e3


def repeated(
    held_out: HeldOutViews, pairs: Sequence[tuple[HeldOutView, HeldOutView]], detector: Detector
) -> dict[str, float]:
    """Repeatability at `RADII`, matching score at `RADIUS`, mean over pairs.

    Args:
        held_out: says where keypoints lie and what hides them.
        pairs: of its views.
        detector: finds keypoints.
    """
    found = {
        view: _found(held_out, view, detector)
        for view in sorted({view.index for pair in pairs for view in pair})
    }
    rows = []
    for view_a, view_b in pairs:
        of_a, of_b = found[view_a.index], found[view_b.index]
        pixel = view_a.camera.width / REFERENCE_WIDTH
        a = _landed(held_out, of_a, view_b)
        b = _landed(held_out, of_b, view_a)
        matches = mutual_nearest(of_a.keypoints.descriptors, of_b.keypoints.descriptors, None)
        rows.append(
            {
                **{f"repeated_{radius}px": repeatability(a, b, radius * pixel) for radius in RADII},
                "matching_score": matching_score(a, b, matches.pairs, RADIUS * pixel),
            }
        )
    names = (*(f"repeated_{radius}px" for radius in RADII), "matching_score")
    unknown = dict.fromkeys(names, float("nan"))
    return {**nan_mean(rows or [unknown]), "pairs": float(len(rows))}


@dataclass(frozen=True)
class _Found:
    """Keypoints of a held-out photograph."""

    keypoints: Keypoints2D
    points: Float[Tensor, "keypoints 3"]
    """Where they lie."""
    known: Bool[Tensor, " keypoints"]
    """Where that is known."""


def _found(held_out: HeldOutViews, view: int, detector: Detector) -> _Found:
    keypoints = detector(load_rgb(held_out.data.eval_dataset, view))
    return _Found(keypoints, *held_out.lifted("eval", view, keypoints.pixels))


def _landed(held_out: HeldOutViews, found: _Found, there: HeldOutView) -> Landed:
    landed, depth = project(found.points, there.camera)
    shared = found.known & there.camera.contains(landed) & (depth > 0)
    inside = torch.nonzero(shared)[:, 0]
    views = torch.full((len(inside),), there.index)
    shared[inside] = held_out.visible("eval", views, landed[inside], depth[inside])
    return Landed(found.keypoints.pixels, landed, shared)
