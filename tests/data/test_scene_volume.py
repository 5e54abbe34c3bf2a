"""The volume of a scene: from its depth, its points or its photographs, and made only once."""

import os
from pathlib import Path

import pytest
import torch

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import recognised_place
from condense_ns.data.scene_volume import volume_file, volume_of_scene
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import mean_depth, opacity, volume_weights
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.volume_checks import arrays_of
from tests.data.changed_scenes import copied, without_depth

KNOWN = "points3D_xyz"


def opened(folder: Path, size: int = 64) -> PosedScene:
    place = recognised_place(folder)
    assert place is not None
    return PosedScene(place, size)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def bare(tabletop: Path, tmp_path: Path) -> PosedScene:
    """Without depth."""
    return opened(without_depth(tabletop, tmp_path / "bare"))


def with_points(scene: PosedScene, like: PosedScene, coloured: bool = True) -> PosedScene:
    """As if the data parser knew points on the surfaces."""
    depth = like.depth(0)
    assert depth is not None
    centre, rays = pixel_rays(grid_places(depth.shape[0], depth.shape[1]), like.views[[0]])
    metadata = scene.train_outputs.metadata
    metadata[KNOWN] = centre + depth.reshape(-1, 1) * rays
    if coloured:
        metadata["points3D_rgb"] = (like.image(0).reshape(3, -1).T * 255).byte()
    return scene


def agreement(volume: SparseVolume, scene: PosedScene, view: int) -> float:
    """Share of a view's pixels whose depth the volume gives within 1.5 voxels."""
    depth = scene.depth(view)
    assert depth is not None
    centre, rays = pixel_rays(grid_places(depth.shape[0], depth.shape[1]), scene.views[[view]])
    samples = march(volume, centre.expand_as(rays), rays)
    weights = volume_weights(samples, volume.density)
    near = (mean_depth(samples, weights) - depth.flatten()).abs() < 1.5 * volume.voxel_size
    return float((near & (opacity(weights) > 0.5)).float().mean())


def test_it_is_made_of_depth_where_there_is_any(tabletop: Path):
    scene = opened(tabletop)
    volume = volume_of_scene(scene)
    assert volume.kind == "depth"
    assert volume.provenance == {"scene": str(tabletop.resolve())}
    assert min(agreement(volume, scene, view) for view in (0, 5, scene.held_out[0])) > 0.65


def test_held_out_views_are_not_looked_at(tabletop: Path, monkeypatch: pytest.MonkeyPatch):
    scene, asked = opened(tabletop), set()
    read = scene.depth

    def depth(view):
        asked.add(view)
        return read(view)

    monkeypatch.setattr(scene, "depth", depth)
    volume_of_scene(scene)
    assert asked == set(scene.training)


def test_it_is_made_only_once(tabletop: Path, monkeypatch: pytest.MonkeyPatch):
    first = volume_of_scene(opened(tabletop))
    scene = opened(tabletop)
    monkeypatch.setattr(scene, "depth", None)
    again = volume_of_scene(scene)
    for name, array in arrays_of(first).items():
        assert torch.equal(getattr(again, name), array)
    assert again.provenance == first.provenance


def test_another_voxel_size_is_another_volume(tabletop: Path):
    scene = opened(tabletop)
    assert volume_of_scene(scene, 0.11).voxel_size == 0.11
    assert volume_of_scene(scene, 0.12).voxel_size == 0.12


def test_a_changed_file_makes_another_volume(tabletop: Path, tmp_path: Path):
    scene = opened(copied(tabletop, tmp_path / "scene"))
    before = volume_file(scene)
    os.utime(scene.folder / "depth" / "00000.npy", (1.0, 1.0))
    assert volume_file(scene) != before
    assert volume_file(opened(scene.folder, size=32)) != volume_file(scene)


def test_a_damaged_volume_is_made_anew(tabletop: Path):
    scene = opened(tabletop)
    first = volume_of_scene(scene, 0.1)
    file = volume_file(scene, 0.1)
    file.write_bytes(file.read_bytes()[:-10])
    assert torch.equal(volume_of_scene(scene, 0.1).keys, first.keys)


@pytest.mark.parametrize("coloured", [True, False])
def test_without_depth_it_is_made_of_points(tabletop: Path, bare: PosedScene, coloured: bool):
    like = opened(tabletop)
    volume = volume_of_scene(with_points(bare, like, coloured))
    assert volume.kind == "points"
    assert (volume.colour.std() > 0.02) == coloured
    assert agreement(volume, like, 0) > 0.7
    towards = like.views[[0]].centres - volume.centres
    known = (volume.normal != 0).any(dim=1)
    assert known.float().mean() > 0.5
    assert ((towards * volume.normal).sum(dim=1)[known] > 0).float().mean() > 0.6


@pytest.mark.slow
def test_without_either_its_photographs_are_compared(tabletop: Path, bare: PosedScene):
    volume = volume_of_scene(bare)
    assert volume.kind == "depth"
    found = [agreement(volume, opened(tabletop), view) for view in (0, 5, bare.held_out[0])]
    assert sum(found) / 3 > 0.2, found  # of pictures of 64 pixels


def test_photographs_that_show_nothing_are_refused(bare: PosedScene, monkeypatch):
    black = torch.zeros(3, bare.views.height, bare.views.width)
    monkeypatch.setattr(bare, "image", lambda view: black)
    with pytest.raises(
        UserError, match=r"^scene bare has neither depth images nor points, and its "
    ):
        volume_of_scene(bare)
    assert not volume_file(bare).exists()
