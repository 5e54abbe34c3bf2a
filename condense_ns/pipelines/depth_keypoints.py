"""A scene with depth images -> its keypoint set, without training anything on it.

Keypoints of photographs are lifted by the depth images and condensed as those of a trained run are
(`keypoints/condensation.py`). Descriptors are an encoder's own features, which are the same network's
in every scene, so that scenes can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.data.posed_scene import PosedScene
from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.conventions import camera_to_world_gl
from condense_ns.geometry.interpolation import sample_map
from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.adjustment import PoseTrust
from condense_ns.keypoints.condensation import Condensed, LiftedViews, Wanted, condense_detections
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.head import KeypointHead
from condense_ns.keypoints.keypoint_set import Keypoints3D, Observations, SeenView
from condense_ns.keypoints.triangulation import Viewpoints
from condense_ns.pipelines.condensing import RADIUS, WIDTH
from condense_ns.pipelines.photo_detector import PhotoDetector, Prior


@dataclass(frozen=True)
class DepthCondensing:
    """What the set shall be like."""

    count: int = 512
    """Of keypoints, at most."""
    detections: int = 512
    """Of each photograph, at most."""
    adjust_poses: bool = False
    """Let the poses move a little, to where photographs and keypoints agree."""


USUAL = DepthCondensing()
NARROW = 2
"""Channels of a head that corrects nothing."""


def plain_detector(
    encoder: ImageEncoder, prior: str = "shi-tomasi", max_keypoints: int = 512
) -> PhotoDetector:
    """Keypoints of a detector without learning, described by an encoder's own features.

    Args:
        encoder: describes.
        prior: finds, see `Prior`.
        max_keypoints: of a photograph.

    Raises:
        UserError: the prior is an encoder that cannot be built.
    """
    head = KeypointHead(encoder.channels, encoder.channels, NARROW).to(encoder.device).eval()
    return PhotoDetector(encoder, Prior(prior, encoder.device), head, max_keypoints)


@torch.no_grad()
def keypoints_from_depth(
    scene: PosedScene,
    detector: PhotoDetector,
    encoders: Sequence[ImageEncoder] = (),
    options: DepthCondensing = USUAL,
    views: Sequence[int] | None = None,
) -> Keypoints3D:
    """The keypoint set of a scene in its dataset's coordinates, the most useful keypoints first.

    Args:
        scene: with depth images.
        detector: of `plain_detector`.
        encoders: whose features the keypoints get besides those of the detector's encoder.
        options: what the set shall be like.
        views: numbers of the photographs that are used; None uses those for training.

    Raises:
        UserError: the scene has no depth, or no keypoint that three photographs agree on.
    """
    used = scene.training if views is None else list(views)
    seen = [_look(scene, view, detector, encoders) for view in used]
    lifted, viewpoints = _lifted(scene, used, seen)
    known = lifted.depths[lifted.depths > 0]
    if not len(known):
        raise UserError(f"no keypoint of scene {scene.name} has a depth; take other photographs")
    trust = PoseTrust() if options.adjust_poses else None
    wanted = Wanted(options.count, RADIUS * float(known.median()), poses=trust)
    condensed = condense_detections(lifted, viewpoints, wanted)
    if not len(condensed.xyz):
        raise UserError(
            f"scene {scene.name}: no keypoint is seen alike in three photographs; check its depth images"
        )
    return _decorated(scene, used, seen, condensed, detector).in_frame("dataset")


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
    scene: PosedScene, view: int, detector: PhotoDetector, encoders: Sequence[ImageEncoder]
) -> _Seen:
    photograph, depth = scene.photograph(view), scene.depth(view)
    if depth is None:
        raise UserError(
            f"scene {scene.name} has no depth images; train condense-sparse on it and export its keypoints"
        )
    height, width = photograph.shape[1:]
    detected = detector(photograph)
    places = detected.pixels / detected.pixels.new_tensor([width, height])
    cells = (places * places.new_tensor(depth.shape[::-1])).long()
    columns, rows = (cells[:, axis].clamp(0, depth.shape[1 - axis] - 1) for axis in (0, 1))
    features = {detector.encoder.spec: detected.descriptors}
    for encoder in encoders:
        if encoder.spec not in features:
            feature_map = encoder.encode(photograph[None])[0].cpu()
            features[encoder.spec] = sample_map(feature_map, detected.pixels, (height, width))
    rgb = sample_map(photograph.permute(1, 2, 0), detected.pixels, (height, width))
    return _Seen(detected, (height, width), depth[rows, columns], rgb, features)


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
    outputs = scene.train_outputs
    to_model = Similarity.of_dataparser(outputs.dataparser_transform, outputs.dataparser_scale)
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
            torch.cat([one.detected.pixels for one in seen])[detections],
        ),
        views=_views(scene, used, seen, condensed.adjusted),
        frame="model",
        to_dataset=to_model.inverse(),
    )


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


def _views(
    scene: PosedScene, used: list[int], seen: list[_Seen], adjusted: Viewpoints
) -> tuple[SeenView, ...]:
    """The photographs, each where its detections put it and where the dataset does."""
    found: list[SeenView] = []
    for at, view in enumerate(used):
        camera = photograph_camera(scene, view)
        pose: Float64[Tensor, "3 4"] = camera_to_world_gl(
            adjusted.rotations[at], adjusted.translations[at]
        )
        posed = Camera(
            pose, camera.focal, camera.centre, camera.distortion, camera.width, camera.height
        )
        found.append(SeenView(scene.file(view).name, posed, camera.camera_to_world))
    return tuple(found)
