"""What pre-training is worth on scenes never seen: in 3D beside other ways, in 2D before and after.

In 3D a linear layer, or words, name the classes of voxels from frozen features; in 2D from maps. Both
layers are those of `downstream.linear_probe`, trained on the training scenes, asked on the test scenes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.benchmarks.branch_maps import BranchMaps
from condense_ns.benchmarks.labelled_voxels import LabelledScene
from condense_ns.benchmarks.photograph_labels import UNKNOWN
from condense_ns.benchmarks.repeated_keypoints import KEYPOINTS, repeated_keypoints
from condense_ns.benchmarks.seen_twice import inconsistency, seen_twice
from condense_ns.downstream.linear_probe import LabelledMap, probe_figures
from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.fields.backbone_file import SavedBackbone
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.geometry.interpolation import on_grid
from condense_ns.metrics.segmentation import confusion_matrix, segmentation_figures
from condense_ns.pipelines.photo_detector import plain_detector
from condense_ns.pipelines.refined_encoding import read_out_map
from condense_ns.retrieval.asking import class_embeddings
from condense_ns.retrieval.segmentation import class_scores

VoxelFeatures = Callable[[LabelledScene], Float[Tensor, "voxels channels"]]
MapOf = Callable[[LabelledScene, int], Float[Tensor, "rows columns channels"]]
EVERY = 4
"""Every so-manieth view of a scene is looked at in 2D."""


@dataclass(frozen=True)
class Scenes:
    """What everything is measured on."""

    train: Sequence[LabelledScene]
    test: Sequence[LabelledScene]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by number; number 0 is unlabelled."""
        return self.test[0].classes


def averaged_features(scene: LabelledScene) -> Float[Tensor, "voxels channels"]:
    """The encoder's maps, averaged over the views that see a voxel: needs every photograph."""
    return scene.averaged


def latents_of(backbone: OctreeBackbone) -> VoxelFeatures:
    """The frozen latents of a backbone."""
    backbone = backbone.eval()

    def found(scene: LabelledScene) -> Float[Tensor, "voxels latent_channels"]:
        with torch.no_grad():
            return backbone([scene.volume])[0]

    return found


def predicted_features(saved: SavedBackbone, spec: str) -> VoxelFeatures:
    """What a backbone says that the encoder would say: needs no photograph."""
    latents, decoder = latents_of(saved.backbone), saved.decoders.of_encoder(spec)

    def found(scene: LabelledScene) -> Float[Tensor, "voxels channels"]:
        with torch.no_grad():
            return decoder(latents(scene))

    return found


def probed(features: VoxelFeatures, scenes: Scenes, share: float, seed: int = 0) -> float:
    """Mean IoU over the voxels of the test scenes of a linear layer on frozen features.

    Args:
        features: of a scene's voxels.
        scenes: to learn from and to ask about.
        share: of the training voxels whose labels are known, in (0, 1].
        seed: of the choice of those.
    """
    generator = torch.Generator().manual_seed(seed)
    train = []
    for scene in scenes.train:
        kept = torch.rand(len(scene.labels), generator=generator) < share
        labels = torch.where(kept, scene.labels, UNKNOWN)
        train.append(LabelledMap(features(scene)[None], labels[None]))
    test = [LabelledMap(features(scene)[None], scene.labels[None]) for scene in scenes.test]
    return probe_figures(train, test, len(scenes.classes))["mean_iou"]


def asked_in_words(features: VoxelFeatures, scenes: Scenes, encoder: TextImageEncoder) -> float:
    """Mean IoU over the voxels of the test scenes of the classes' names, without any training."""
    embeddings = class_embeddings(encoder, scenes.classes[1:])
    counts = torch.zeros(len(scenes.classes), len(scenes.classes) + 1, dtype=torch.long)
    for scene in scenes.test:
        scores = class_scores(features(scene), embeddings, encoder.inverse_temperature)
        counts += confusion_matrix(scores.argmax(dim=1) + 1, scene.labels, len(scenes.classes))
    return segmentation_figures(counts)["mean_iou"]


def pixels_asked_in_words(maps: MapOf, scenes: Scenes, encoder: TextImageEncoder) -> float:
    """The same over the pixels of photographs of the test scenes."""
    embeddings = class_embeddings(encoder, scenes.classes[1:])
    counts = torch.zeros(len(scenes.classes), len(scenes.classes) + 1, dtype=torch.long)
    for scene in scenes.test:
        for view in scene.scene.training[::EVERY]:
            labels = scene.pixel_labels(view)
            scores = class_scores(maps(scene, view), embeddings, encoder.inverse_temperature)
            answers = on_grid(scores, *labels.shape).argmax(dim=-1) + 1
            counts += confusion_matrix(answers, labels, len(scenes.classes))
    return segmentation_figures(counts)["mean_iou"]


def original_maps(scene: LabelledScene, view: int) -> Float[Tensor, "rows columns channels"]:
    """The encoder's own map of a photograph."""
    return scene.maps.map(view)


def refined_maps(encoder: ImageEncoder, saved: SavedBackbone) -> MapOf:
    """The 2D branch's map of a photograph."""
    maps = BranchMaps(encoder, saved)

    def found(scene: LabelledScene, view: int) -> Float[Tensor, "rows columns channels"]:
        return maps(scene.scene, view)

    return found


def read_out_maps(encoder: ImageEncoder, saved: SavedBackbone) -> MapOf:
    """What the 2D branch's linear layer reads out of its map of a photograph."""
    refined = refined_maps(encoder, saved)

    def found(scene: LabelledScene, view: int) -> Float[Tensor, "rows columns channels"]:
        return read_out_map(encoder, refined(scene, view), saved)

    return found


def map_figures(maps: MapOf, scenes: Scenes) -> dict[str, float]:
    """`inconsistency`, 1 - centred cosine between views by exact depth, and `probe_2d`, mean IoU of pixels."""
    apart = [distance for scene in scenes.test for distance in _inconsistencies(maps, scene)]
    train, test = (_labelled_maps(maps, some) for some in (scenes.train, scenes.test))
    return {
        "inconsistency": sum(apart) / len(apart) if apart else float("nan"),
        "probe_2d": probe_figures(train, test, len(scenes.classes))["mean_iou"],
    }


def keypoint_figures(encoder: ImageEncoder, scenes: Scenes) -> dict[str, float]:
    """`repeated`: keypoints of corners, weighed by scores where the encoder is a branch that has learned some."""
    detector = plain_detector(encoder, max_keypoints=KEYPOINTS)
    posed = [scene.scene for scene in scenes.test]
    return {"repeated": repeated_keypoints(posed, detector, EVERY)}


def _labelled_maps(maps: MapOf, scenes: Sequence[LabelledScene]) -> list[LabelledMap]:
    return [
        LabelledMap(maps(scene, view), scene.pixel_labels(view))
        for scene in scenes
        for view in scene.scene.training[::EVERY]
    ]


def _inconsistencies(maps: MapOf, scene: LabelledScene) -> list[float]:
    """Of each pair of photographs."""
    views = scene.scene.training
    pairs = seen_twice(scene.scene, views, *maps(scene, views[0]).shape[:2], every=EVERY)
    return [inconsistency(pair, *(maps(scene, view) for view in pair.views)) for pair in pairs]
