"""Photographs and cameras agree: what one view sees of a surface, another sees there too."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace, recognised_place
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from tests.data.changed_scenes import copied, make_blender_scene, resize_frames, rewrite
from tests.scenes import make_textured_scene
from tests.training import COLOURS

SHARED = Path(__file__).parents[3] / "shared" / "data" / "scenes"
FOX = pytest.mark.skipif(not (SHARED / "fox").exists(), reason="needs ../shared/data")


def opened(folder: Path, size: int = 64, **options: object) -> PosedScene:
    place = recognised_place(folder)
    assert place is not None
    return PosedScene(replace(place, options=place.options | options), size)


def warp_error(scene: PosedScene, one: int, other: int) -> float:
    """Median difference of colours at points of one view that another sees as the nearest surface."""
    depth, far = scene.depth(one), scene.depth(other)
    assert depth is not None
    assert far is not None
    places = grid_places(depth.shape[0], depth.shape[1])
    centre, rays = pixel_rays(places, scene.views[[one]])
    seen = project_pinhole(centre + depth.reshape(-1, 1) * rays, scene.views[[other]])
    grid = (2 * seen.places - 1).clamp(-2, 2)[None]
    colours = F.grid_sample(scene.image(other)[None], grid, align_corners=False)[0, :, 0]
    there = F.grid_sample(far[None, None], grid, mode="nearest", align_corners=False)[0, 0, 0]
    same = seen.inside[0] & ((there - seen.depths[0]).abs() < 0.03 * there)
    assert same.sum() > 200
    difference = (colours - scene.image(one).reshape(3, -1)).abs().mean(dim=0)
    return float(difference[same].median())


def test_views_are_numbered_training_first(tabletop: Path):
    scene = opened(tabletop)
    assert (scene.name, scene.folder) == ("tabletop_000001", tabletop)
    assert scene.training == list(range(12))
    assert scene.held_out == [12, 13]
    assert len(scene) == len(scene.views) == 14
    assert [scene.file(view).name for view in (0, 12)] == ["00000.png", "00004.png"]


def test_points_keep_their_colour_from_view_to_view(tabletop: Path):
    scene = opened(tabletop)
    assert warp_error(scene, 0, 1) < 0.02
    assert warp_error(scene, 12, 3) < 0.02


def test_working_images_are_averages_of_the_photograph(tabletop: Path):
    scene = opened(tabletop, size=32)
    image = scene.image(3)
    assert image.shape == (3, 24, 32)
    photograph = scene.photograph(3)
    assert photograph.shape == (3, *scene.photograph_size(3)) == (3, 48, 64)
    assert torch.allclose(image, F.avg_pool2d(photograph, 2), atol=1e-5)
    same = opened(tabletop).views.resized(24, 32)
    assert torch.allclose(scene.views.intrinsics, same.intrinsics)
    assert torch.equal(scene.views.world_to_camera_cv, same.world_to_camera_cv)


def test_images_are_never_enlarged(tabletop: Path):
    scene = opened(tabletop, size=500)
    assert (scene.views.height, scene.views.width) == (48, 64)
    assert torch.equal(scene.image(0), scene.photograph(0))


def test_depth_is_in_scene_units_and_unknown_is_zero(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "scene")
    file = folder / "depth" / "00000.npy"
    stored = np.load(file)
    stored[:10], stored[10:20] = np.nan, -1.0
    np.save(file, stored)
    scene = opened(folder)
    depth = scene.depth(0)
    assert depth is not None
    assert (depth[:20] == 0).all()
    assert depth[20:].min() > 0
    unit = 1e-3 * scene.train_outputs.dataparser_scale
    assert torch.allclose(depth[30:], torch.from_numpy(stored[30:]) * unit)


def test_mixed_sizes_are_brought_to_one(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "mixed")
    # Frame 1 is smaller, frame 2 larger, frame 5 squeezed to another aspect ratio.
    resize_frames(folder, {1: (48, 36), 2: (128, 96), 5: (64, 64)})
    mixed, plain = opened(folder), opened(tabletop)
    assert (mixed.views.height, mixed.views.width) == (48, 64)
    assert torch.allclose(mixed.views.intrinsics, plain.views.intrinsics, atol=1e-4)
    for view in (0, 1, 2, 4):  # frame 5 is training view 4
        assert mixed.image(view).shape == (3, 48, 64)
        assert (mixed.image(view) - plain.image(view)).abs().mean() < 0.03  # blurred
    assert mixed.photograph(2).shape == (3, 96, 128)
    assert mixed.images([0, 1, 2]).shape == (3, 3, 48, 64)
    assert warp_error(mixed, 1, 2) < 0.03


@pytest.mark.parametrize("fisheye", [False, True])
def test_distorted_photographs_are_made_ideal(tabletop: Path, tmp_path: Path, fisheye: bool):
    folder = copied(tabletop, tmp_path / "bent")
    lens = {"k1": -0.15, "k2": 0.02, "p1": 0.0 if fisheye else 0.002}
    model = "OPENCV_FISHEYE" if fisheye else "OPENCV"
    rewrite(folder, lambda meta: meta.update(lens, camera_model=model))
    bent, plain = opened(folder), opened(tabletop)
    assert not torch.allclose(bent.views.intrinsics, plain.views.intrinsics, atol=0.5)
    # The frames show a pinhole's picture; read as a lens's, straight things become bent, but the
    # photograph and the working image still cover one field of view.
    small = opened(folder, size=32)
    assert torch.allclose(small.image(0), F.avg_pool2d(bent.photograph(0), 2), atol=1e-5)
    assert torch.allclose(small.views.resized(48, 64).intrinsics, bent.views.intrinsics, atol=1e-4)


def test_transparent_ground_takes_the_data_parser_s_colour(tmp_path: Path):
    folder = make_blender_scene(tmp_path / "disc")
    for colour, value in (("white", 1.0), ("black", 0.0)):
        scene = opened(folder, alpha_color=colour)
        assert scene.image(0)[:, 0, 0].tolist() == [value] * 3
        assert scene.image(0)[:, 8, 8].tolist() == [1.0, 0.0, 0.0]
        assert scene.held_out == [4, 5]
        assert scene.depth(0) is None


def test_a_held_out_view_that_is_also_for_training_is_one_view(tmp_path: Path):
    both = opened(make_textured_scene(tmp_path / "board"), eval_mode="all")
    assert both.training == both.held_out == list(range(12))
    assert len(both) == 12


def test_rounded_poses_become_rigid(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "rounded")
    rewrite(
        folder,
        lambda meta: [
            frame.update(transform_matrix=np.round(frame["transform_matrix"], 2).tolist())
            for frame in meta["frames"]
        ],
    )
    rotation = opened(folder).views.world_to_camera_cv[:, :3, :3]
    assert torch.allclose(rotation @ rotation.mT, torch.eye(3).expand(14, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(rotation), torch.ones(14), atol=1e-5)


def test_photographs_are_limited(tabletop: Path):
    place = ScenePlace("table", tabletop, "nerfstudio-data")
    scene = PosedScene(place, 64, largest_photograph=48)
    source = scene.feature_source(0)
    assert scene.photograph(0).shape == source.load().shape == (3, 36, 48)
    assert (source.height, source.width) == (36, 48)
    assert "undistorted to 48 x 36" in source.variant
    assert scene.image(0).shape == (3, 48, 64)


def test_of_a_large_photograph_a_copy_is_kept(
    tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert opened(tabletop).image(0).shape == (3, 48, 64)
    assert not (tmp_path / "cache").exists()  # the photographs are no larger
    small = opened(tabletop, size=16)
    assert torch.allclose(small.image(0), F.avg_pool2d(small.photograph(0), 4), atol=0.003)
    assert len(list((tmp_path / "cache").rglob("*.safetensors"))) == 1


def test_large_photographs_are_undistorted_reduced(
    tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = copied(tabletop, tmp_path / "bent")
    rewrite(folder, lambda meta: meta.update(k1=-0.15, k2=0.02))
    whole = opened(folder)
    monkeypatch.setattr("condense_ns.data.ideal_pixels.LARGEST_UNDISTORTED", 32)
    reduced = opened(folder)
    assert torch.equal(reduced.views.intrinsics, whole.views.intrinsics)
    image = F.avg_pool2d(whole.image(0), 2)
    assert (F.avg_pool2d(reduced.image(0), 2) - image).abs().mean() < 0.01
    depth, expected = reduced.depth(0), whole.depth(0)
    assert depth is not None
    assert expected is not None
    assert ((depth - expected).abs() < 0.05 * expected).float().mean() > 0.85


def test_features_are_those_of_the_photographs(tabletop: Path, tmp_path: Path):
    scene = opened(tabletop)
    maps = scene.feature_maps(build_encoder(COLOURS, "cpu", None), tmp_path)
    assert len(maps) == 14
    cells = maps.map(13).permute(2, 0, 1)  # mean colours
    small = F.interpolate(cells[None], (12, 16), mode="area")[0]
    assert (small - F.avg_pool2d(scene.photograph(13), 4)).abs().mean() < 0.01
    assert "undistorted" not in scene.feature_source(0).variant  # as any other method stores it


def test_recently_read_images_are_the_same_tensor(tabletop: Path):
    scene = opened(tabletop)
    assert scene.image(2) is scene.image(2)


def test_the_digest_changes_with_whatever_matters(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "scene")
    before = opened(folder).digest
    assert opened(folder).digest == before
    digests = {before, opened(folder, size=32).digest, opened(folder, scale_factor=2.0).digest}
    os.utime(folder / "images" / "00003.png", ns=(1, 1))
    digests.add(opened(folder).digest)
    assert len(digests) == 4


def test_damaged_files_are_named(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "torn")
    scene = opened(folder)
    scene.check()
    for name, ask in (("images/00007.png", scene.image), ("depth/00007.npy", scene.depth)):
        (folder / name).write_bytes((folder / name).read_bytes()[:200])
        with pytest.raises(UserError, match=rf"scene torn: .*{name}.* cannot be read"):
            ask(6)
    with pytest.raises(UserError, match=r"scene torn: .*00007.png"):
        scene.check()


def test_a_photograph_of_another_size_than_its_camera_is_found(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "small")
    file = folder / "images" / "00009.png"
    Image.open(file).resize((20, 20)).save(file)
    with pytest.raises(UserError, match=r"scene small: .*00009.png is 20 x 20"):
        opened(folder).check()


@pytest.mark.data
@FOX
def test_the_fox_s_lens_is_undone():
    scene = PosedScene(ScenePlace("fox", SHARED / "fox", "nerfstudio-data"), 256)
    assert (scene.views.height, scene.views.width) == (256, 144)
    assert scene.photograph(0).shape == (3, 480, 270)
    assert len(scene.held_out) == 6
    assert (
        scene.image(0) - F.interpolate(scene.photograph(0)[None], (256, 144), mode="area")[0]
    ).abs().mean() < 0.01


@pytest.mark.data
@FOX
def test_the_kitchen_s_depth_lifts_pixels_to_where_other_views_see_them():
    scene = PosedScene(ScenePlace("kitchen", SHARED / "kitchen", "nerfstudio-data"), 160)
    assert warp_error(scene, 10, 11) < 0.06


@pytest.mark.data
@FOX
def test_the_lego_stands_on_white():
    scene = PosedScene(ScenePlace("lego", SHARED / "lego", "blender-data"), 256)
    assert (scene.views.height, scene.views.width) == (200, 200)
    assert scene.image(0)[:, 0, 0].tolist() == [1.0, 1.0, 1.0]
    assert (len(scene.training), len(scene.held_out)) == (100, 20)
