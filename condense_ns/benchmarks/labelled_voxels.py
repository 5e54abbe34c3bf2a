"""Annotated scenes as voxels: the class of each, and what an encoder's maps say of it on average."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.annotations import UNLABELLED, SceneAnnotations, read_annotations
from condense_ns.cache.lookup import StoredMaps
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.correspondence import DepthView
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import project_pinhole
from condense_ns.volumes.sparse_volume import SparseVolume

BEHIND = 1.5
"""Sides of a voxel by which its centre may lie off the surface that a view sees."""
UNKNOWN = -1


@dataclass(frozen=True)
class LabelledScene:
    """A scene with exact classes."""

    scene: PosedScene
    annotations: SceneAnnotations
    maps: StoredMaps
    """Of the encoder, of all views."""
    volume: SparseVolume
    labels: Int64[Tensor, " voxels"]
    """What most views say that see the voxel; -1 where none does."""
    averaged: Float[Tensor, "voxels channels"]
    """Mean of the maps over the views that see the voxel; zero where none does."""

    def pixel_labels(self, view: int) -> Int64[Tensor, "height width"]:
        """Classes of a photograph's pixels, -1 unlabelled."""
        return pixel_labels_of(self.annotations, self.scene.file(view))


def labelled_scene(
    place: ScenePlace, encoder: ImageEncoder, image_size: int, most_voxels: int
) -> LabelledScene:
    """Read a scene, or make what is not in the cache.

    Args:
        place: of the scene.
        encoder: whose maps are averaged.
        image_size: longest side in pixels at which depth images are read.
        most_voxels: the resolution is halved until there are no more.

    Raises:
        UserError: the scene has no annotations or no depth images.
    """
    annotations = read_annotations(place.folder)
    scene = PosedScene(place, image_size)
    if annotations is None or scene.depth(scene.training[0]) is None:
        raise UserError(
            f"{place.folder} lacks annotations.json or depth images; condense synth writes both"
        )
    volume = volume_of_scene(scene).at_most(most_voxels)
    maps = scene.feature_maps(encoder, scene_cache_folder("features", place.folder))
    votes = torch.zeros(len(volume), len(annotations.classes))
    summed, seen_by = torch.zeros(len(volume), encoder.channels), torch.zeros(len(volume))
    for view in scene.training:
        seen, places = _seen(scene, volume, view)
        labels = pixel_labels_of(annotations, scene.file(view))
        found = _at_pixels(labels, places[seen])
        known = found != UNKNOWN
        votes[torch.nonzero(seen)[known, 0], found[known]] += 1
        summed[seen] += sample_cells(maps.map(view)[None], places[seen][None])[0]
        seen_by += seen
    labels = torch.where(votes.amax(dim=1) > 0, votes.argmax(dim=1), UNKNOWN)
    averaged = summed / seen_by.clamp_min(1)[:, None]
    return LabelledScene(scene, annotations, maps, volume, labels, averaged)


def _seen(
    scene: PosedScene, volume: SparseVolume, view: int
) -> tuple[Bool[Tensor, " voxels"], Float[Tensor, "voxels 2"]]:
    """Which voxels a view sees, and where they are in it."""
    depth = scene.depth(view)
    assert depth is not None
    camera = scene.views[[view]]
    landed = project_pinhole(volume.centres, camera)
    surface = DepthView(camera, depth).depth_at(landed.places[0])
    near = (landed.depths[0] - surface).abs() < BEHIND * volume.voxel_size
    return landed.inside[0] & near & (surface > 0), landed.places[0]


def pixel_labels_of(annotations: SceneAnnotations, file: Path) -> Int64[Tensor, "height width"]:
    """Classes of a photograph's pixels by the scene's annotations, -1 unlabelled.

    Raises:
        UserError: the photograph has no class map, or one that cannot be read.
    """
    found = annotations.class_map(file)
    if found is None:
        raise UserError(f"{file} has no class map; annotate all photographs of a scene")
    labels = torch.from_numpy(found)
    return torch.where(labels == UNLABELLED, UNKNOWN, labels)


def _at_pixels(
    labels: Int64[Tensor, "height width"], places: Float[Tensor, "places 2"]
) -> Int64[Tensor, " places"]:
    height, width = labels.shape
    pixels = (places.clamp(0, 1) * places.new_tensor([width, height])).long()
    return labels[pixels[:, 1].clamp_max(height - 1), pixels[:, 0].clamp_max(width - 1)]
