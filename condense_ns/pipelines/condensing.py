"""A trained run -> its keypoint set: detections of all training views, lifted and condensed."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float64, Int64
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from condense_ns.data.feature_datamanager import load_rgb
from condense_ns.errors import UserError
from condense_ns.geometry.conventions import camera_to_world_gl, world_to_camera_cv
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.adjustment import PoseTrust
from condense_ns.keypoints.condensation import (
    Condensed,
    LiftedViews,
    Wanted,
    condense_detections,
)
from condense_ns.keypoints.keypoint_set import HEAD, Keypoints3D, Observations, SeenView
from condense_ns.keypoints.triangulation import Viewpoints
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.held_out_views import MIN_OPACITY
from condense_ns.pipelines.ray_caster import RayCaster, projection_camera
from condense_ns.rendering.surface_normals import surface_normals

if TYPE_CHECKING:
    from condense_ns.pipelines.sparse_pipeline import SparsePipeline

RADIUS = 0.005
"""Automatic distance between keypoints, of the median depth of detections."""
WIDTH = 640.0
"""Pixels that every photograph counts as wide where noise is concerned."""


@dataclass(frozen=True)
class CondenseOptions:
    """What the set shall be like; lengths and boxes in the dataset's coordinates."""

    count: int = 1024
    """Of keypoints, at most."""
    radius: float | None = None
    """Smallest distance of two keypoints; None chooses it by how far away things are."""
    min_score: float = 0.0
    """Of a keypoint, in [0, 1]."""
    crop: tuple[float, float, float, float, float, float] | None = None
    """Smallest and largest x, y, z of keypoints."""
    detections: int = 1024
    """Of each photograph, at most."""
    adjust_poses: bool = True
    """Let the poses of the training views move a little, to where photographs and keypoints agree."""


def wanted(
    options: CondenseOptions, depths: Float64[Tensor, " detections"], to_dataset: Similarity
) -> Wanted:
    """What to look for among detections, in the model's frame.

    Args:
        options: what the set shall be like.
        depths: of all detections; 0 where unknown.
        to_dataset: from the model's frame to the dataset's.
    """
    known, crop = depths[depths > 0], options.crop
    automatic = RADIUS * float(known.median()) if len(known) else 1.0
    return Wanted(
        count=options.count,
        radius=automatic if options.radius is None else options.radius / to_dataset.scale,
        min_score=options.min_score,
        poses=PoseTrust() if options.adjust_poses else None,
        keep=None if crop is None else lambda xyz: _inside(to_dataset, xyz, crop),
    )


@dataclass(frozen=True)
class _Rendered:
    """What the run says at the detections."""

    lifted: LiftedViews
    pixels: Tensor
    rgb: Tensor
    features: dict[str, Tensor]


@torch.no_grad()
def condense(pipeline: FeaturePipeline, options: CondenseOptions) -> Keypoints3D:
    """The keypoint set of a trained run, in the model's frame, the most useful keypoints first.

    Args:
        pipeline: a run of condense-sparse.
        options: what the set shall be like.

    Raises:
        UserError: another method's run, the head's encoder cannot be built, or no photograph has keypoints.
    """
    pipeline = with_keypoints(pipeline)
    pipeline.eval()
    rendered = _detections(pipeline, options.detections)
    to_dataset = dataset_similarity(pipeline)
    sought = wanted(options, rendered.lifted.depths, to_dataset)
    sought = replace(sought, score=lambda xyz: _scores(pipeline, xyz))
    condensed = condense_detections(rendered.lifted, _viewpoints(pipeline), sought)
    return _decorated(pipeline, condensed, rendered, to_dataset)


def with_keypoints(pipeline: FeaturePipeline) -> "SparsePipeline":
    """The pipeline as one of condense-sparse.

    Raises:
        UserError: it is of another method.
    """
    from condense_ns.pipelines.sparse_pipeline import SparsePipeline

    if not isinstance(pipeline, SparsePipeline):
        raise UserError(
            "this run has no keypoints; train condense-sparse, e.g. on its geometry with "
            "--pipeline.model.geometry-from"
        )
    return pipeline


def dataset_similarity(pipeline: "SparsePipeline") -> Similarity:
    """From the model's frame to the dataset's."""
    outputs = pipeline.datamanager.train_dataparser_outputs
    return Similarity.of_dataparser(
        outputs.dataparser_transform, outputs.dataparser_scale
    ).inverse()


def _detections(pipeline: "SparsePipeline", count: int) -> _Rendered:
    """All detections of all training views, and where they lie."""
    dataset = pipeline.datamanager.train_dataset
    detector = pipeline.detector(count)
    caster = RayCaster(pipeline.model, dataset.cameras)
    found = []
    for view in track(range(len(dataset)), "Looking for keypoints", transient=True):
        found.append(detector(load_rgb(dataset, view)))
    views = torch.cat([torch.full((len(one),), view) for view, one in enumerate(found)])
    pixels = torch.cat([one.pixels for one in found])
    if len(pixels) == 0:
        raise UserError(
            f"no training photograph of {pipeline.datamanager.get_datapath()} has a keypoint; take sharper "
            "ones of places with more texture, or train with another --pipeline.keypoint-prior"
        )
    together = caster.at(views, pixels)
    cameras = dataset.cameras
    size = torch.cat([cameras.width, cameras.height], dim=1).cpu()[views]
    rotations = _viewpoints(pipeline).rotations[views]
    local = torch.einsum("dij,dj->di", rotations, together["directions"].double())
    hit = together["accumulation"][:, 0] >= MIN_OPACITY
    lifted = LiftedViews(
        views=views,
        xyz=together["points"].double(),
        ideal=local[:, :2] / local[:, 2:],
        depths=torch.where(hit, together["z_depth"][:, 0], 0.0).double(),
        places=pixels / size,
        scores=torch.cat([one.scores for one in found]),
        descriptors=torch.cat([one.descriptors for one in found]),
        width=WIDTH,
    )
    features = {spec: together[spec] for spec in pipeline.config.encoders}
    return _Rendered(lifted, pixels, together["rgb"], features)


def _viewpoints(pipeline: "SparsePipeline") -> Viewpoints:
    """The training views as the dataset poses them, focal lengths as if `WIDTH` pixels wide."""
    cameras = pipeline.datamanager.train_dataset.cameras
    rotations, translations = world_to_camera_cv(cameras.camera_to_worlds.cpu().double())
    focals = WIDTH * (cameras.fx / cameras.width)[:, 0].cpu().double()
    return Viewpoints(rotations, translations, focals)


def _scores(pipeline: "SparsePipeline", xyz: Float64[Tensor, "points 3"]) -> Tensor:
    """3D scores at positions."""
    scores = [
        pipeline.model.keypoint_field(part) for part in _on_device(pipeline, xyz).split(65536)
    ]
    return torch.cat(scores).cpu() if scores else torch.zeros(0)


def _on_device(pipeline: "SparsePipeline", xyz: Float64[Tensor, "points 3"]) -> Tensor:
    return xyz.float().to(pipeline.model.device)


def _inside(
    to_dataset: Similarity, xyz: Float64[Tensor, "points 3"], crop: tuple[float, ...]
) -> Bool[Tensor, " points"]:
    box = torch.tensor(crop, dtype=torch.float64).reshape(2, 3)
    points = to_dataset.points(xyz)
    return ((points >= box[0]) & (points <= box[1])).all(dim=1)


def _decorated(
    pipeline: "SparsePipeline", condensed: Condensed, rendered: _Rendered, to_dataset: Similarity
) -> Keypoints3D:
    """The points with everything that is known of them."""
    lifted, points, detections = rendered.lifted, condensed.points, condensed.detections
    count, views = len(condensed.xyz), lifted.views[detections]
    features = {
        spec: F.normalize(_mean(values[detections], points, count), dim=1)
        for spec, values in rendered.features.items()
    }
    cell = _cell_width(pipeline)
    depths = _mean(lifted.depths[detections, None].float(), points, count)[:, 0]
    focal = float(_viewpoints(pipeline).focals.median())
    return Keypoints3D(
        xyz=condensed.xyz,
        scores=condensed.scores.clamp(0.0, 1.0),
        descriptors={HEAD: condensed.descriptors, **features},
        colours=_mean(rendered.rgb[detections], points, count).clamp(0.0, 1.0),
        normals=_normals(pipeline, condensed, views),
        scales=0.5 * cell * depths / focal,
        uncertainty=condensed.uncertainty.float(),
        observations=Observations(points, views, rendered.pixels[detections]),
        views=_seen_views(pipeline, condensed.adjusted),
        frame="model",
        to_dataset=to_dataset,
    )


def _cell_width(pipeline: "SparsePipeline") -> float:
    """Width of a cell of the head's encoder, for a photograph `WIDTH` pixels wide."""
    encoder = pipeline.datamanager.teachers[pipeline.config.encoders[0]]
    camera = pipeline.datamanager.train_dataset.cameras[0]
    _, columns = encoder.grid_size(int(camera.height.item()), int(camera.width.item()))
    return WIDTH / columns


def _mean(values: Tensor, points: Int64[Tensor, " sightings"], count: int) -> Tensor:
    """Mean over the sightings of each point."""
    summed = values.new_zeros(count, values.shape[1]).index_add_(0, points, values)
    return summed / torch.bincount(points, minlength=count).clamp_min(1)[:, None]


def _normals(
    pipeline: "SparsePipeline", condensed: Condensed, views: Int64[Tensor, " sightings"]
) -> Tensor:
    """Of the densities at the points, turned to the middle of the views that see them."""
    if len(condensed.xyz) == 0:  # the host's field refuses to be asked nothing
        return torch.zeros(0, 3)
    poses = condensed.adjusted
    centres = -torch.einsum("vji,vj->vi", poses.rotations, poses.translations)
    from_eye = condensed.xyz - _mean(centres[views], condensed.points, len(condensed.xyz))
    distances = torch.linalg.vector_norm(from_eye, dim=1, keepdim=True).clamp_min(1e-9)
    return surface_normals(
        pipeline.model.field.density_fn,
        _on_device(pipeline, condensed.xyz),
        _on_device(pipeline, from_eye / distances),
        distances.float().to(pipeline.model.device),
    ).cpu()


def _seen_views(pipeline: "SparsePipeline", adjusted: Viewpoints) -> tuple[SeenView, ...]:
    """The training views, each where its detections put it."""
    dataset = pipeline.datamanager.train_dataset
    root = pipeline.datamanager.get_datapath()
    root = root if root.is_dir() else root.parent
    seen = []
    for view, file in enumerate(dataset.image_filenames):
        given = projection_camera(dataset.cameras, view)
        pose = camera_to_world_gl(adjusted.rotations[view], adjusted.translations[view])
        path = file.resolve()
        name = (
            path.relative_to(root.resolve()) if path.is_relative_to(root.resolve()) else file.name
        )
        camera = replace(given, camera_to_world=pose)
        seen.append(SeenView(str(name), camera, given.camera_to_world.double()))
    return tuple(seen)
