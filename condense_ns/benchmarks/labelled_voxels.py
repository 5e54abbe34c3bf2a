"""Scenes as voxels with labels: the class of each, and what an encoder's maps say of it on average."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.benchmarks.photograph_labels import UNKNOWN, PhotographLabels, photograph_labels
from condense_ns.cache.lookup import StoredMaps
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.encoders.base import ImageEncoder
from condense_ns.geometry.correspondence import DepthView
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import project_pinhole
from condense_ns.geometry.valid_pixels import valid_at
from condense_ns.operators.base import Operator
from condense_ns.pipelines.voxel_depth import MOST_VOXELS, rendered_depths
from condense_ns.volumes.sparse_volume import SparseVolume

BEHIND = 1.5
"""Sides of a voxel by which its centre may lie off the surface that a view sees."""


@dataclass(frozen=True)
class SeenVoxels:
    """What one view sees of a volume."""

    view: int
    """Its number."""
    voxels: Int64[Tensor, " seen"]
    """Numbers."""
    places: Float[Tensor, "seen 2"]
    """Where they are in the view, from 0 to 1 across it."""


@dataclass(frozen=True)
class LabelledScene:
    """A scene with classes."""

    scene: PosedScene
    truth: PhotographLabels
    maps: StoredMaps
    """Of the encoder, of all views."""
    volume: SparseVolume
    labels: Int64[Tensor, " voxels"]
    """What most training views say that see the voxel; -1 where none does."""
    averaged: Float[Tensor, "voxels channels"]
    """Mean of the maps over the training views that see the voxel; zero where none does."""
    seen: Bool[Tensor, " voxels"]
    """Whether a training view sees the voxel."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names by number."""
        return self.truth.classes

    def pixel_labels(self, view: int) -> Int64[Tensor, "height width"]:
        """Classes of a photograph's pixels, -1 unlabelled."""
        return self.truth.of_view(view)


def labelled_scene(
    place: ScenePlace,
    encoder: ImageEncoder,
    image_size: int,
    most_voxels: int,
    operator: Operator | None = None,
) -> LabelledScene:
    """Read a scene, or make what is not in the cache.

    Args:
        place: of the scene.
        encoder: whose maps are averaged.
        image_size: longest side in pixels at which depth images are read.
        most_voxels: the resolution is halved until there are no more.
        operator: whose classes are the labels; None for the scene's annotations.

    Raises:
        UserError: the scene has no labels, or no volume can be made of it.
    """
    scene = PosedScene(place, image_size)
    truth = photograph_labels(scene, operator)
    whole = volume_of_scene(scene)
    volume = whole.at_most(most_voxels)
    maps = scene.feature_maps(encoder, scene_cache_folder("features", place.folder))
    votes = torch.zeros(len(volume), len(truth.classes))
    summed, seen_by = torch.zeros(len(volume), encoder.channels), torch.zeros(len(volume))
    for seen in seen_voxels(scene, volume, whole.at_most(MOST_VOXELS)):
        found = _at_pixels(truth.of_view(seen.view), seen.places)
        known = found != UNKNOWN
        votes[seen.voxels[known], found[known]] += 1
        summed[seen.voxels] += sample_cells(maps.map(seen.view)[None], seen.places[None])[0]
        seen_by[seen.voxels] += 1
    labels = torch.where(votes.amax(dim=1) > 0, votes.argmax(dim=1), UNKNOWN)
    averaged = summed / seen_by.clamp_min(1)[:, None]
    return LabelledScene(scene, truth, maps, volume, labels, averaged, seen_by > 0)


def seen_voxels(
    scene: PosedScene, volume: SparseVolume, surfaces: SparseVolume
) -> Iterator[SeenVoxels]:
    """What each training view sees.

    Args:
        scene: with depth images or without.
        volume: of the scene.
        surfaces: the same volume, or a finer one, that hides voxels where there are no depth images.
    """
    for view in scene.training:
        landed = project_pinhole(volume.centres, scene.views[[view]])
        inside = torch.nonzero(landed.inside[0])[:, 0]
        places, depths = landed.places[0, inside], landed.depths[0, inside]
        surface = _surface_depths(scene, view, places, surfaces)
        near = (depths - surface).abs() < BEHIND * volume.voxel_size
        shown = near & (surface > 0)
        yield SeenVoxels(view, inside[shown], places[shown])


def _surface_depths(
    scene: PosedScene, view: int, places: Float[Tensor, "places 2"], surfaces: SparseVolume
) -> Float[Tensor, " places"]:
    """How far away a view's surfaces are, by its depth image, else by voxels; 0 where nothing is known."""
    depth, camera = scene.depth(view), scene.views[[view]]
    if depth is not None:
        return DepthView(camera, depth).depth_at(places)
    counted = valid_at(scene.masks.valid(view)[None], places[None])[0]
    return rendered_depths(surfaces, camera, places) * counted


def _at_pixels(
    labels: Int64[Tensor, "height width"], places: Float[Tensor, "places 2"]
) -> Int64[Tensor, " places"]:
    height, width = labels.shape
    pixels = (places.clamp(0, 1) * places.new_tensor([width, height])).long()
    return labels[pixels[:, 1].clamp_max(height - 1), pixels[:, 0].clamp_max(width - 1)]
