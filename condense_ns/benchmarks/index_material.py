"""What the index's benchmark works on: scenes as files, and photographs of them with the truth.

Everything is kept on disk, so that a run that was stopped goes on where it was.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from condense_ns.annotations import FILE_NAME
from condense_ns.data.posed_scene import PosedScene
from condense_ns.encoders.base import ImageEncoder
from condense_ns.export.npz_members import read_members, write_members
from condense_ns.export.scene_file import read_scene_file, write_scene_file
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.pipelines.depth_keypoints import (
    USUAL,
    keypoints_from_depth,
    photograph_camera,
)
from condense_ns.pipelines.photo_detector import PhotoDetector
from condense_ns.pipelines.scene_describing import source_of, thumbnail_of
from condense_ns.pipelines.scene_lifting import open_scene
from condense_ns.retrieval.absolute_pose import Lens
from condense_ns.retrieval.relevancy import mean_direction
from condense_ns.retrieval.scene_descriptor import DescriptorChoice, describe_scene
from condense_ns.tensors import SceneDescriptor

LARGEST_REAL = 640
"""Longest side in pixels of photographs of real scenes."""
GLOBAL = "global"
"""Array of a photograph's or a scene's global vectors, one after the other."""


@dataclass(frozen=True)
class Networks:
    """What looks at photographs."""

    detector: PhotoDetector
    """Of keypoints, with the descriptors of the index."""
    speaker: ImageEncoder
    """Knows words."""

    def global_vector(self, photograph: Tensor) -> Tensor:
        """The speaker's mean feature of a photograph [3 height width], of length 1."""
        return mean_direction(self.speaker.encode(photograph[None])[0].flatten(0, 1)).cpu()


@dataclass(frozen=True)
class PreparedPhotograph:
    """A photograph that was not used for its scene."""

    detected: Keypoints2D
    lens: Lens
    pose: Float64[Tensor, "3 4"]
    """OpenGL, in the coordinates of the scene's dataset."""
    global_vector: Tensor


@dataclass(frozen=True)
class PreparedScene:
    """A scene, photographs of it, and the truth."""

    descriptor: SceneDescriptor
    photographs: tuple[PreparedPhotograph, ...]
    global_vector: Tensor
    """Mean of those of the photographs that the scene was made from."""
    place: str
    """Scenes of one place are duplicates."""
    captions: tuple[str, ...]
    """Of the things in it."""


@dataclass(frozen=True)
class SceneJob:
    """A scene to be prepared."""

    name: str
    folder: Path
    place: str
    used: tuple[int, ...] | None = None
    """Photographs that the scene is made from; None: those for training."""
    asked: tuple[int, ...] | None = None
    """Photographs that are looked for; None: those held out."""
    adjust_poses: bool = False
    image_size: int = 320


def prepared(job: SceneJob, networks: Networks, store: Path) -> PreparedScene:
    """The scene of a job, from the files of an earlier run if there are any.

    Args:
        job: what to prepare.
        networks: what looks at photographs.
        store: folder for files.

    Raises:
        UserError: the scene cannot be read, or nothing tells its depth.
    """
    scene_file, photograph_file = store / f"{job.name}.npz", store / f"{job.name}_photographs.npz"
    if not photograph_file.is_file():
        _prepare(job, networks, scene_file, photograph_file)
    arrays = read_members(photograph_file)
    numbers = range(int(arrays["count"][0]))
    return PreparedScene(
        descriptor=read_scene_file(scene_file),
        photographs=tuple(_photograph(arrays, number) for number in numbers),
        global_vector=torch.from_numpy(arrays[GLOBAL]),
        place=job.place,
        captions=_captions(job.folder),
    )


@torch.no_grad()
def _prepare(job: SceneJob, networks: Networks, scene_file: Path, photograph_file: Path) -> None:
    """Describe the scene and its photographs, and write both."""
    scene = open_scene(job.folder, job.image_size)
    used = scene.training if job.used is None else list(job.used)
    asked = scene.held_out if job.asked is None else list(job.asked)
    options = replace(USUAL, adjust_poses=job.adjust_poses)
    keypoints = keypoints_from_depth(scene, networks.detector, [networks.speaker], options, used)
    looks, words = source_of(networks.detector.encoder), source_of(networks.speaker)
    thumbnail = thumbnail_of(scene.photograph(used[len(used) // 2]))
    choice = DescriptorChoice(looks, (looks, words), words)
    write_scene_file(scene_file, describe_scene(job.name, keypoints, choice, thumbnail))
    views = torch.stack([networks.global_vector(scene.photograph(view)) for view in used])
    arrays = {"count": np.array([len(asked)]), GLOBAL: mean_direction(views).numpy()}
    for number, view in enumerate(asked):
        arrays |= _arrays(scene, view, networks, number)
    write_members(photograph_file, arrays)


def _arrays(scene: PosedScene, view: int, networks: Networks, number: int) -> dict[str, np.ndarray]:
    """A photograph as arrays."""
    photograph, camera = scene.photograph(view), photograph_camera(scene, view)
    outputs = scene.train_outputs
    move = Similarity.of_dataparser(outputs.dataparser_transform, outputs.dataparser_scale)
    detected = networks.detector(photograph)
    parts = {
        "pixels": detected.pixels,
        "scores": detected.scores,
        "descriptors": detected.descriptors,
        "pose": move.inverse().pose(camera.camera_to_world),
        "focal": camera.focal,
        "size": torch.tensor([camera.width, camera.height]),
        GLOBAL: networks.global_vector(photograph),
    }
    return {f"{number}_{name}": part.numpy() for name, part in parts.items()}


def _photograph(arrays: dict[str, np.ndarray], number: int) -> PreparedPhotograph:
    parts = {
        name: torch.from_numpy(arrays[f"{number}_{name}"])
        for name in ("pixels", "scores", "descriptors", "pose", "focal", "size", GLOBAL)
    }
    width, height = parts["size"].tolist()
    detected = Keypoints2D(parts["pixels"], parts["scores"], parts["descriptors"])
    lens = Lens.ideal(width, height, tuple(parts["focal"].tolist()))
    return PreparedPhotograph(detected, lens, parts["pose"], parts[GLOBAL])


def _captions(folder: Path) -> tuple[str, ...]:
    """Captions of the things of a made-up scene; none for others."""
    file = folder / FILE_NAME
    if not file.is_file():
        return ()
    instances: Sequence[dict] = json.loads(file.read_text(encoding="utf-8"))["instances"]
    return tuple(instance["caption"] for instance in instances)


def halves(folder: Path) -> list[SceneJob]:
    """A real scene as two, each of every fourth photograph; the photographs between them are looked for.

    Args:
        folder: of a scene.

    Raises:
        UserError: it cannot be read.
    """
    name = folder.resolve().name
    views = range(len(open_scene(folder, LARGEST_REAL)))
    return [
        SceneJob(
            f"{name} {number}",
            folder,
            name,
            used=tuple(views[2 * number :: 4]),
            asked=tuple(views[2 * number + 1 :: 4]),
            adjust_poses=True,
            image_size=LARGEST_REAL,
        )
        for number in (0, 1)
    ]
