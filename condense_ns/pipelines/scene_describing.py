"""Whatever describes a scene on disk -> its `SceneDescriptor`.

Taken are a keypoint file, a scene file, and the folder of a scene, which needs no training at all.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.nn import functional as F

from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.export.keypoint_file import read_keypoints, read_provenance
from condense_ns.export.scene_file import is_scene_file, read_scene_file
from condense_ns.keypoints.keypoint_set import HEAD, HEAD_NAME
from condense_ns.pipelines.depth_keypoints import USUAL, keypoints_from_depth
from condense_ns.pipelines.photo_detector import PhotoDetector, scene_detector
from condense_ns.pipelines.refined_encoder import photo_encoder
from condense_ns.pipelines.scene_lifting import open_scene
from condense_ns.retrieval.scene_descriptor import DescriptorChoice, describe_scene
from condense_ns.tensors import FeatureSource, SceneDescriptor

LARGEST_PHOTOGRAPH = 640
"""Longest side in pixels of the photographs of a folder."""
THUMBNAIL_SIDE = 96


@dataclass(frozen=True)
class Describing:
    """How scenes are described."""

    descriptors: str | None = None
    """Encoder whose features photographs are matched with, or `head` for a keypoint head that all scenes
    share; None takes the first encoder of a keypoint file."""
    language: str | None = None
    """Encoder that words are asked of; None: none."""
    prior: str = "shi-tomasi"
    """Detector of keypoints in folders of scenes."""
    count: int = 512
    """Keypoints of a scene, at most."""
    device: str = "cpu"
    """Where encoders compute."""


class SceneDescriber:
    """Describes scenes, all alike.

    Args:
        how: what to take of them.
    """

    def __init__(self, how: Describing) -> None:
        self.how = how

    @staticmethod
    def name_of(path: Path) -> str | None:
        """What a scene will be called if nothing else is said; None for scene files, which have names inside."""
        if path.is_dir():
            return path.resolve().name
        return None if is_scene_file(path) else path.resolve().parent.name

    def describe(self, path: Path, name: str | None = None) -> SceneDescriptor:
        """The descriptor of a scene.

        Args:
            path: a keypoint file, a scene file, or a scene's folder.
            name: of the scene; None takes that of the file's or the scene's folder, or the scene file's own.

        Raises:
            UserError: nothing of use is there, or it lacks the features.
        """
        if path.is_dir():
            return self._of_folder(path, name or str(self.name_of(path)))
        if is_scene_file(path):
            scene = read_scene_file(path)
            return scene if name is None else replace(scene, name=name)
        return self._of_keypoints(path, name or str(self.name_of(path)))

    def _of_keypoints(self, path: Path, name: str) -> SceneDescriptor:
        keypoints, provenance = read_keypoints(path), read_provenance(path)
        noted = provenance.get("encoders")
        known = {
            str(spec): FeatureSource(str(spec), str(digest))
            for spec, digest in (noted.items() if isinstance(noted, dict) else ())
        }
        wanted = self.how.descriptors or next(iter(known), HEAD)
        source = (
            head_source(path.parent / HEAD_NAME) if wanted == HEAD else _chosen(known, wanted, path)
        )
        language = self.how.language and _chosen(known, self.how.language, path)
        pooled = [one for one in (source, language) if one and one.spec != HEAD]
        choice = DescriptorChoice(source, tuple(dict.fromkeys(pooled)), language or None)
        about = {**provenance, "file": path.name}
        return describe_scene(name, keypoints.strongest(self.how.count), choice, None, about)

    def _of_folder(self, path: Path, name: str) -> SceneDescriptor:
        scene = open_scene(path, LARGEST_PHOTOGRAPH)
        others = [] if self._speaker is None else [self._speaker]
        condensing = replace(USUAL, count=self.how.count)
        keypoints = keypoints_from_depth(scene, self.detector, others, condensing)
        source = source_of(self.detector.encoder)
        language = None if self._speaker is None else source_of(self._speaker)
        pooled = (source,) if language in (None, source) else (source, language)
        middle = scene.photograph(scene.training[len(scene.training) // 2])
        choice = DescriptorChoice(source, pooled, language)
        about = {"scene": path.resolve().name, "views": len(scene.training)}
        return describe_scene(name, keypoints, choice, thumbnail_of(middle), about)

    @cached_property
    def detector(self) -> PhotoDetector:
        """Finds keypoints in photographs of folders.

        Raises:
            UserError: no encoder is named, or it cannot be built.
        """
        spec = self.how.descriptors
        if spec is None or spec == HEAD:
            raise UserError(
                "say with --descriptors which encoder describes the keypoints of scenes that are no keypoint "
                "files, e.g. --descriptors dinov2-small"
            )
        return scene_detector(spec, self.how.prior, device=self.how.device)

    @cached_property
    def _speaker(self) -> ImageEncoder | None:
        """The encoder that words are asked of.

        Raises:
            UserError: it cannot be built, or knows no words.
        """
        spec = self.how.language
        if spec is None:
            return None
        same = self.detector.encoder.spec == spec
        found = self.detector.encoder if same else photo_encoder(spec, self.how.device)
        if not isinstance(found, TextImageEncoder):
            raise UserError(
                f"--language is {spec}, which knows no words; take an encoder that does, e.g. mini or "
                "openclip:ViT-B-16/laion2b_s34b_b88k"
            )
        return found


def source_of(encoder: ImageEncoder) -> FeatureSource:
    """What an encoder's features are made by."""
    return FeatureSource(encoder.spec, encoder.fingerprint)


def head_source(path: Path) -> FeatureSource:
    """What the descriptors of a keypoint head's file are made by.

    Raises:
        UserError: no such file.
    """
    if not path.is_file():
        raise UserError(f"there is no keypoint head {path}; choose an encoder with --descriptors")
    return FeatureSource(HEAD, hashlib.sha256(path.read_bytes()).hexdigest()[:32])


def thumbnail_of(photograph: Tensor) -> UInt8[Tensor, "height width 3"]:
    """A small picture of a photograph [3 rows columns] in [0, 1]."""
    scale = THUMBNAIL_SIDE / max(photograph.shape[1:])
    size = [max(1, round(side * scale)) for side in photograph.shape[1:]]
    small = F.interpolate(photograph[None], size, mode="bilinear", antialias=True)[0]
    return (small.clamp(0.0, 1.0) * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous()


def _chosen(known: dict[str, FeatureSource], spec: str, path: Path) -> FeatureSource:
    if spec not in known:
        others = ", ".join(known) or "none"
        raise UserError(f"{path} has no features of {spec}; its encoders are {others}")
    return known[spec]
