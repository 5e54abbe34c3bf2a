"""Masks of a scene: from its files to working images, depth, volumes and batches."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.data import small_copies
from condense_ns.data.anchor_points import anchor_points
from condense_ns.data.held_out_examples import HeldOutExamples
from condense_ns.data.multi_scene_datamanager import held_out_example
from condense_ns.data.open_scenes import OpenScenes
from condense_ns.data.photograph_depth import photograph_depths
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.data.scene_place import ScenePlace, recognised_place
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.data.teachers import Teachers
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from tests.data.changed_scenes import (
    copied,
    give_masks,
    make_colmap_scene,
    paint_over,
    rewrite,
    without_depth,
)

SIZE = (48, 64)
LEFT = np.arange(64)[None].repeat(48, axis=0) < 32


def place_of(folder: Path, **options: object) -> ScenePlace:
    place = recognised_place(folder)
    assert place is not None
    return replace(place, options=place.options | options)


def opened(folder: Path, size: int = 64, **options: object) -> PosedScene:
    return PosedScene(place_of(folder, **options), size)


def depth_of(scene: PosedScene, view: int) -> torch.Tensor:
    found = scene.depth(view)
    assert found is not None
    return found


def frame_of(scene: PosedScene, view: int) -> int:
    meta = json.loads((scene.folder / "transforms.json").read_text())
    return [Path(frame["file_path"]).name for frame in meta["frames"]].index(scene.file(view).name)


@pytest.fixture
def masked(tabletop: Path, tmp_path: Path) -> Path:
    """Of its first photograph the left half is to be used, all of the others."""
    return give_masks(copied(tabletop, tmp_path / "masked"), {0: LEFT}, SIZE)


def test_masks_without_anything_masked_change_nothing(tabletop: Path, tmp_path: Path):
    plain = opened(tabletop)
    scene = opened(give_masks(copied(tabletop, tmp_path / "scene"), {}, SIZE))
    for view in (0, 12):
        assert torch.equal(scene.image(view), plain.image(view))
        assert torch.equal(depth_of(scene, view), depth_of(plain, view))
    assert scene.source_views([0, 12]).cameras.valid is None
    assert plain.source_views([0, 12]).cameras.valid is None
    assert bool(plain.masks.valid(0).all())
    one, other = (volume_of_scene(found) for found in (scene, plain))
    assert torch.equal(one.density, other.density)
    assert torch.equal(one.colour, other.colour)


def test_what_is_masked_is_in_neither_image_nor_depth(tabletop: Path, masked: Path):
    plain, scene = opened(tabletop), opened(masked)
    valid = torch.from_numpy(LEFT)
    assert torch.equal(scene.masks.valid(0), valid)
    counted = scene.source_views([0, 1]).cameras.valid
    assert counted is not None
    assert torch.equal(counted[0], valid)
    assert bool(counted[1].all())
    image, depth = scene.image(0), depth_of(scene, 0)
    assert torch.equal(image[:, valid], plain.image(0)[:, valid])
    assert torch.equal(image[:, :, 32:], image[:, :, 31:32].expand(-1, -1, 32))
    assert torch.equal(depth[valid], depth_of(plain, 0)[valid])
    assert not depth[~valid].any()
    assert torch.equal(scene.photograph(0), plain.photograph(0))  # as encoders see it


def test_values_of_what_is_masked_are_irrelevant(masked: Path, tmp_path: Path):
    noisy = copied(masked, tmp_path / "noisy")
    paint_over(noisy, 0, ~LEFT, seed=1)
    one, other = opened(masked, 32), opened(noisy, 32)
    assert torch.equal(one.image(0), other.image(0))
    assert not torch.equal(one.photograph(0), other.photograph(0))
    for found, expected in zip(_made(other), _made(one), strict=True):
        assert torch.equal(found, expected)


def _made(scene: PosedScene) -> list[torch.Tensor]:
    volume = volume_of_scene(scene)
    return [volume.density, volume.colour, volume.normal, anchor_points(scene)]


@pytest.mark.slow
def test_without_depth_images_what_is_masked_is_not_compared(masked: Path, tmp_path: Path):
    bare = without_depth(masked, tmp_path / "bare")
    noisy = copied(bare, tmp_path / "noisy")
    paint_over(noisy, 0, ~LEFT, seed=1)
    found = [photograph_depths(opened(folder, 32)) for folder in (bare, noisy)]
    for one, other in zip(found[0].views, found[1].views, strict=True):
        assert torch.equal(one.depth, other.depth)
    first = found[0].views[found[0].numbers.index(0)].depth
    assert first[:, :16].any()
    assert not first[:, 16:].any()
    anchors = [anchor_points(opened(folder, 32)) for folder in (bare, noisy)]
    assert torch.equal(*anchors)


def put_ball(folder: Path, views: list[int]) -> dict[int, np.ndarray]:
    """Hang a green ball before the cameras of some views, in their depth as well.

    Returns:
        number of each view's frame -> where it does not hang.
    """
    scene, free = opened(folder), {}
    depth = depth_of(scene, 0)
    middle, ahead = pixel_rays(torch.tensor([[0.5, 0.5]]), scene.views[[0]])
    ball = middle + ahead[0] * 0.5 * depth[24, 32]
    radius = 0.12 * float(depth[24, 32])
    unit = 1e-3 * scene.train_outputs.dataparser_scale
    meta = json.loads((folder / "transforms.json").read_text())
    for view in views:
        centre, rays = pixel_rays(grid_places(*SIZE), scene.views[[view]])
        square, along = rays.square().sum(dim=1), rays @ (centre - ball)
        under = along**2 - square * ((centre - ball).square().sum() - radius**2)
        near = ((-along - under.clamp_min(0).sqrt()) / square).reshape(SIZE).numpy() / unit
        frame = frame_of(scene, view)
        file = folder / meta["frames"][frame]["depth_file_path"]
        stored = np.load(file)
        hit = (under.reshape(SIZE).numpy() > 0) & (near > 0) & (near < stored)
        np.save(file, np.where(hit, near, stored).astype(stored.dtype))
        paint_over(folder, frame, hit)
        free[frame] = ~hit
    return free


def test_depth_of_an_intruder_is_not_fused(tabletop: Path, tmp_path: Path):
    haunted, masked = (copied(tabletop, tmp_path / name) for name in ("haunted", "masked"))
    put_ball(haunted, list(range(12)))
    give_masks(masked, put_ball(masked, list(range(12))), SIZE)
    # A few views alone would be outvoted by those that see through the ball.
    green = [_greens(opened(folder)) for folder in (haunted, masked, tabletop)]
    assert green[0] > 5
    assert green[1] == green[2] == 0


def _greens(scene: PosedScene) -> int:
    """Voxels as green as the wall."""
    colour = volume_of_scene(scene).colour
    return int(((colour[:, 1] > 0.6) & (colour[:, [0, 2]].amax(dim=1) < 0.35)).sum())


@pytest.mark.parametrize("fisheye", [False, True])
def test_masks_go_through_the_lens_with_their_photographs(
    tabletop: Path, tmp_path: Path, fisheye: bool
):
    """What is painted where the mask is stays out of the working image, and hardly more is left out."""
    folder = copied(tabletop, tmp_path / "bent")
    model = "OPENCV_FISHEYE" if fisheye else "OPENCV"
    rewrite(folder, lambda meta: meta.update(k1=-0.15, k2=0.02, camera_model=model))
    hidden = np.zeros(SIZE, bool)
    hidden[10:30, 20:50] = True
    paint_over(folder, 0, hidden)
    scene = opened(give_masks(folder, {0: ~hidden}, SIZE), 48)
    bare = opened(folder, 48)
    greenish = bare.photograph(0)
    assert ((greenish[1] > 0.95) & (greenish[0] < 0.05)).any()
    image = scene.image(0)
    assert not ((image[1] > 0.9) & (image[0] < 0.3) & (image[2] < 0.3)).any()
    left_out = float((~scene.masks.valid(0)).float().mean())
    assert hidden.mean() * 0.8 < left_out < hidden.mean() * 1.6


def test_small_copies_of_large_masks_know_their_file(masked: Path, monkeypatch):
    monkeypatch.setattr(small_copies, "LARGE", 1)
    before = opened(masked, 32).masks.valid(0)
    again = opened(masked, 32).masks.valid(0)
    assert torch.equal(before, again)
    assert before.float().mean() == 0.5
    file = masked / "masks" / "00000.png"
    Image.fromarray((~LEFT).astype(np.uint8) * 255).save(file)
    os.utime(file, ns=(1, 1))
    after = opened(masked, 32)
    assert torch.equal(after.masks.valid(0), ~before)
    assert torch.equal(after.image(0)[:, :, 0], after.image(0)[:, :, 15])


def test_a_changed_mask_makes_other_volumes_and_anchors(masked: Path):
    digests = [opened(masked).digest]
    Image.fromarray(LEFT.astype(np.uint8)).save(masked / "masks" / "00003.png")
    digests.append(opened(masked).digest)
    assert digests[0] != digests[1]


def test_masks_that_are_missing_are_told_when_the_scene_is_opened(masked: Path):
    (masked / "masks" / "00002.png").unlink()
    with pytest.raises(UserError, match=r"scene masked: mask .*00002\.png does not exist; restore"):
        opened(masked)


def test_damaged_masks_are_told_before_anything_is_made(masked: Path):
    Image.new("L", (8, 8)).save(masked / "masks" / "00004.png")
    for make in (volume_of_scene, SceneAnchors):
        with pytest.raises(UserError, match=r"scene masked: mask .*00004\.png is 8 x 8 pixels"):
            make(opened(masked))


def test_masks_that_leave_nothing_are_told(tabletop: Path, tmp_path: Path):
    nothing = dict.fromkeys(range(14), np.zeros(SIZE, bool))
    scene = give_masks(copied(tabletop, tmp_path / "dark"), nothing, SIZE)
    for make in (volume_of_scene, SceneAnchors):
        with pytest.raises(UserError, match=r"scene dark: its masks leave out all .* a mask is 0"):
            make(opened(scene))


def test_one_photograph_may_be_masked_wholly(tabletop: Path, tmp_path: Path):
    nothing = {0: np.zeros(SIZE, bool)}
    scene = opened(give_masks(copied(tabletop, tmp_path / "dark"), nothing, SIZE))
    assert SceneAnchors(scene).points.isfinite().all()
    assert (scene.image(0) == 0.5).all()
    assert len(volume_of_scene(scene)) > 100


def batches(folder: Path) -> HeldOutExamples:
    scenes = OpenScenes(64, Teachers((), "cpu", 64), None)
    place = place_of(folder)
    return HeldOutExamples(
        (place,), scenes, lambda one, view: held_out_example(one, view, 3), "cpu"
    )


def test_batches_have_the_host_s_masks(tabletop: Path, tmp_path: Path):
    frame = frame_of(opened(tabletop), 12)
    scene = give_masks(copied(tabletop, tmp_path / "scene"), {frame: LEFT}, SIZE)
    (_, first), (_, second) = batches(scene)
    assert torch.equal(first["mask"], torch.from_numpy(LEFT)[..., None])
    assert "mask" not in second


def test_held_out_views_that_are_masked_wholly_are_left_out(tabletop: Path, tmp_path: Path):
    frame = frame_of(opened(tabletop), 12)
    masks = {frame: np.zeros(SIZE, bool)}
    scene = give_masks(copied(tabletop, tmp_path / "scene"), masks, SIZE)
    found = batches(scene)
    assert [batch["examples"][0].view for _, batch in found] == [13]


def test_masks_of_colmap_scenes_are_used(tabletop: Path, tmp_path: Path):
    folder = make_colmap_scene(tabletop, tmp_path / "garden")
    (folder / "masks").mkdir()
    for file in (folder / "images").iterdir():
        Image.fromarray(LEFT.astype(np.uint8) * 255).save(folder / "masks" / file.name)
    scene = opened(folder, masks_path="masks")
    assert torch.equal(scene.masks.valid(3), torch.from_numpy(LEFT))
    assert bool(opened(folder).masks.valid(3).all())
