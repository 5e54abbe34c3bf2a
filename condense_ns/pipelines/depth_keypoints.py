"""A scene -> its keypoint set, without training anything on it.

Keypoints of photographs are lifted by depth images and condensed as those of a trained run are
(`keypoints/condensation.py`). Descriptors are an encoder's own features, which are the same network's
in every scene, so that scenes can be compared. Photographs without depth images are compared with each other
(`seen_depth.py`). If the encoder is the 2D branch of a backbone (`refined_encoder.py`), its 3D branch looks at
the scene's voxels as well: its scores weigh which points are taken, they get its features and normals, and the
voxels lift photographs without depth images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.data.posed_scene import PosedScene
from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.conventions import camera_to_world_gl
from condense_ns.geometry.interpolation import sample_map
from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.condensation import Condensed, LiftedViews, Wanted, condense_detections
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.keypoint_set import Keypoints3D, Observations, SeenView
from condense_ns.keypoints.triangulation import Viewpoints
from condense_ns.pipelines.condensing import WIDTH, CondenseOptions, wanted
from condense_ns.pipelines.original_photographs import (
    original_camera,
    original_name,
    original_pixels,
)
from condense_ns.pipelines.photo_detector import PhotoDetector
from condense_ns.pipelines.predicted_scene import PredictedScene
from condense_ns.pipelines.refined_encoder import RefinedEncoder
from condense_ns.pipelines.seen_depth import SeenDepth, seen_depth
from condense_ns.pipelines.voxel_depth import VoxelDepth

USUAL = CondenseOptions(count=512, adjust_poses=False)
"""Of scenes in an index."""


@torch.no_grad()
def keypoints_from_depth(
    scene: PosedScene,
    detector: PhotoDetector,
    encoders: Sequence[ImageEncoder] = (),
    options: CondenseOptions = USUAL,
    views: Sequence[int] | None = None,
) -> Keypoints3D:
    """The keypoint set of a scene in its dataset's coordinates, the most useful keypoints first.

    Its views are the photographs' files, and its pixels theirs, although undistorted ones were looked at.

    Args:
        scene: with depth images, points, or photographs that overlap.
        detector: of `plain_detector`; at most so many keypoints of a photograph are used.
        encoders: whose features the keypoints get besides those of the detector's encoder.
        options: what the set shall be like.
        views: numbers of the photographs that are used; None uses those for training.

    Raises:
        UserError: the scene has no depth, or no keypoint that three photographs agree on.
    """
    used = scene.training if views is None else list(views)
    voxels = _voxels(scene, used, detector.encoder)
    predicted = _predicted(voxels, detector.encoder)
    depths = seen_depth(scene, used, voxels)
    seen = [_look(scene, view, detector, encoders, depths) for view in used]
    lifted, viewpoints = _lifted(scene, used, seen)
    if not (lifted.depths > 0).any():
        raise UserError(f"no keypoint of scene {scene.name} has a depth; take other photographs")
    sought = _sought(options, lifted, to_dataset(scene), predicted)
    condensed = condense_detections(lifted, viewpoints, sought)
    if not len(condensed.xyz):
        raise UserError(
            f"scene {scene.name}: no keypoint is seen alike in three photographs; check its poses and depth "
            "images, lower --min-score or widen --crop"
        )
    found = _decorated(scene, used, seen, condensed, detector)
    return (found if predicted is None else _with_3d(found, predicted)).in_frame("dataset")


def to_dataset(scene: PosedScene) -> Similarity:
    """From the model's frame to the dataset's."""
    outputs = scene.train_outputs
    return Similarity.of_dataparser(
        outputs.dataparser_transform, outputs.dataparser_scale
    ).inverse()


def feature_sources(detector: PhotoDetector) -> dict[str, str]:
    """Fingerprints by spec of what makes the features of `keypoints_from_depth`, the descriptors' first."""
    encoder = detector.encoder
    found = {encoder.spec: encoder.fingerprint}
    if isinstance(encoder, RefinedEncoder):
        decoders = encoder.saved.decoders
        for spec in decoders.channels:
            found[spec] = bytes(decoders.of_encoder(spec).fingerprint.tolist()).hex()
    return found


def _voxels(scene: PosedScene, used: list[int], encoder: ImageEncoder) -> VoxelDepth | None:
    """Of the scene, for the 3D branch of a backbone."""
    if not isinstance(encoder, RefinedEncoder):
        return None
    return VoxelDepth(scene.folder, used, encoder.device)


def _predicted(voxels: VoxelDepth | None, encoder: ImageEncoder) -> PredictedScene | None:
    """What the 3D branch says of the scene, if the encoder is the 2D branch of a backbone."""
    if voxels is None or not isinstance(encoder, RefinedEncoder):
        return None
    return PredictedScene(voxels, encoder.saved)


def _sought(
    options: CondenseOptions,
    lifted: LiftedViews,
    to_dataset: Similarity,
    predicted: PredictedScene | None,
) -> Wanted:
    """What is wanted; of a backbone only places that it knows, weighed by its scores if it has any."""
    sought = wanted(options, lifted.depths, to_dataset)
    if predicted is None:
        return sought
    inside = sought.keep

    def keep(xyz: Float64[Tensor, "points 3"]) -> Bool[Tensor, " points"]:
        known = predicted.known(xyz)
        return known if inside is None else known & inside(xyz)

    return replace(sought, keep=keep, score=predicted.scores if predicted.knows_scores else None)


def _with_3d(keypoints: Keypoints3D, predicted: PredictedScene) -> Keypoints3D:
    """With features and normals of the 3D branch, where photographs have not told them."""
    own, xyz = keypoints.descriptors, keypoints.xyz
    features = own | predicted.features(xyz) | own  # the photographs' own come first, and count
    return replace(keypoints, descriptors=features, normals=predicted.normals(xyz))


@dataclass(frozen=True)
class _Seen:
    """What one photograph shows."""

    detected: Keypoints2D
    """In pixels of the photograph."""
    size: tuple[int, int]
    depths: Float[Tensor, " keypoints"]
    rgb: Float[Tensor, "keypoints 3"]
    features: dict[str, Float[Tensor, "keypoints _"]]


def _look(
    scene: PosedScene,
    view: int,
    detector: PhotoDetector,
    encoders: Sequence[ImageEncoder],
    depth_at: SeenDepth,
) -> _Seen:
    photograph = scene.photograph(view)
    height, width = photograph.shape[1:]
    detected = detector(photograph)
    places = detected.pixels / detected.pixels.new_tensor([width, height])
    features = {detector.encoder.spec: detected.descriptors}
    for encoder in encoders:
        if encoder.spec not in features:
            feature_map = encoder.encode(photograph[None])[0].cpu()
            features[encoder.spec] = sample_map(feature_map, detected.pixels, (height, width))
    rgb = sample_map(photograph.permute(1, 2, 0), detected.pixels, (height, width))
    return _Seen(detected, (height, width), depth_at(view, places), rgb, features)


def _lifted(
    scene: PosedScene, used: list[int], seen: list[_Seen]
) -> tuple[LiftedViews, Viewpoints]:
    """All detections with their places in the world, and the views' poses."""
    poses = scene.views.world_to_camera_cv[used].double()
    matrices = scene.views.intrinsics[used].double()
    shares = matrices / matrices.new_tensor([scene.views.width, scene.views.height, 1.0])[:, None]
    viewpoints = Viewpoints(poses[:, :3, :3], poses[:, :3, 3], WIDTH * shares[:, 0, 0])
    numbers = torch.cat([torch.full((len(one.detected),), at) for at, one in enumerate(seen)])
    places = torch.cat([one.detected.pixels / torch.tensor(one.size[::-1]) for one in seen])
    focal, centre = (
        torch.stack([shares[:, 0, 0], shares[:, 1, 1]], dim=1)[numbers],
        shares[:, :2, 2][numbers],
    )
    ideal = (places.double() - centre) / focal
    depths = torch.cat([one.depths for one in seen]).double()
    local = torch.cat([ideal, torch.ones_like(ideal[:, :1])], dim=1) * depths[:, None]
    xyz = torch.einsum("dji,dj->di", poses[numbers, :3, :3], local - poses[numbers, :3, 3])
    lifted = LiftedViews(
        views=numbers,
        xyz=xyz,
        ideal=ideal,
        depths=depths,
        places=places,
        scores=torch.cat([one.detected.scores for one in seen]),
        descriptors=torch.cat([one.detected.descriptors for one in seen]),
        width=WIDTH,
    )
    return lifted, viewpoints


def _decorated(
    scene: PosedScene,
    used: list[int],
    seen: list[_Seen],
    condensed: Condensed,
    detector: PhotoDetector,
) -> Keypoints3D:
    """The points with what photographs show of them."""
    points, detections = condensed.points, condensed.detections
    count = len(condensed.xyz)

    def mean(parts: list[Tensor]) -> Tensor:
        values = torch.cat(parts)[detections]
        summed = values.new_zeros(count, values.shape[1]).index_add_(0, points, values)
        return summed / torch.bincount(points, minlength=count).clamp_min(1)[:, None]

    numbers = torch.cat([torch.full((len(one.detected),), at) for at, one in enumerate(seen)])
    features = {
        spec: F.normalize(mean([one.features[spec] for one in seen])) for spec in seen[0].features
    }
    features[detector.encoder.spec] = condensed.descriptors
    depths = mean([one.depths[:, None] for one in seen])[:, 0]
    height, width = seen[0].size
    _, columns = detector.encoder.grid_size(height, width)
    return Keypoints3D(
        xyz=condensed.xyz,
        scores=condensed.scores.clamp(0.0, 1.0),
        descriptors=features,
        colours=mean([one.rgb for one in seen]).clamp(0.0, 1.0),
        normals=torch.zeros(count, 3),
        scales=0.5 * depths * width / columns / _focal(scene, used[0], seen[0].size),
        uncertainty=condensed.uncertainty.float(),
        observations=Observations(
            points,
            numbers[detections],
            _original_places(scene, used, seen)[detections],
        ),
        views=_views(scene, used, condensed.adjusted),
        frame="model",
        to_dataset=to_dataset(scene),
    )


def _original_places(
    scene: PosedScene, used: list[int], seen: list[_Seen]
) -> Float[Tensor, "detections 2"]:
    """All detections in the pixels of the files."""
    places = []
    for view, one in zip(used, seen, strict=True):
        ideal = photograph_camera(scene, view)
        original = original_camera(scene, view, ideal)
        places.append(original_pixels(one.detected.pixels, ideal, original))
    return torch.cat(places)


def photograph_camera(scene: PosedScene, view: int) -> Camera:
    """The ideal camera of a photograph as `PosedScene.photograph` returns it, in the model's frame."""
    height, width = scene.photograph_size(view)
    matrix = scene.views.intrinsics[view]
    scale = matrix.new_tensor([width / scene.views.width, height / scene.views.height])
    pose = scene.views.world_to_camera_cv[view].double()
    return Camera(
        camera_to_world_gl(pose[:3, :3], pose[:3, 3]),
        torch.stack([matrix[0, 0], matrix[1, 1]]) * scale,
        matrix[:2, 2] * scale,
        torch.zeros(6),
        width,
        height,
    )


def _focal(scene: PosedScene, view: int, size: tuple[int, int]) -> float:
    """In pixels of a photograph of this size."""
    return float(scene.views.intrinsics[view, 0, 0]) * size[1] / scene.views.width


def _views(scene: PosedScene, used: list[int], adjusted: Viewpoints) -> tuple[SeenView, ...]:
    """The photographs as their files have them, each where its detections put it."""
    found: list[SeenView] = []
    for at, view in enumerate(used):
        given = photograph_camera(scene, view)
        camera = original_camera(scene, view, given)
        pose: Float64[Tensor, "3 4"] = camera_to_world_gl(
            adjusted.rotations[at], adjusted.translations[at]
        )
        posed = replace(camera, camera_to_world=pose)
        found.append(SeenView(original_name(scene, view), posed, given.camera_to_world))
    return tuple(found)
