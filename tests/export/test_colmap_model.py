"""pycolmap reads the model back: lenses, poses, points, tracks and colours."""

from dataclasses import replace

import numpy as np
import pycolmap
import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.export.colmap_model import write_colmap
from condense_ns.geometry.projection import project
from tests.keypoints.made_up_set import IDEAL, in_double, made_up_keypoints

RADIAL = (-0.08, 0.03, 0.0, 0.0, 0.0, 0.0)
TANGENTIAL = (-0.05, 0.01, 0.0, 0.0, 0.006, -0.004)
THREE_TERMS = (-0.05, 0.01, -0.004, 0.0, 0.006, -0.004)
FOUR_TERMS = (-0.05, 0.01, -0.004, 0.002, 0.0, 0.0)
FOUR_TERMS_TANGENTIAL = (-0.05, 0.01, -0.004, 0.002, 0.006, -0.004)


@pytest.fixture(params=["text", "binary"])
def kind(request):
    return request.param


def read_back(folder, keypoints, kind):
    write_colmap(folder, keypoints)
    return pycolmap.Reconstruction(folder / kind)


@pytest.mark.parametrize(
    ("distortion", "fisheye", "name"),
    [
        (IDEAL, False, "PINHOLE"),
        (RADIAL, False, "OPENCV"),
        (TANGENTIAL, False, "OPENCV"),
        (THREE_TERMS, False, "FULL_OPENCV"),
        (IDEAL, True, "OPENCV_FISHEYE"),
        (FOUR_TERMS, True, "OPENCV_FISHEYE"),
        (FOUR_TERMS_TANGENTIAL, True, "THIN_PRISM_FISHEYE"),
    ],
)
def test_every_lens_and_pose_projects_as_ours(tmp_path, kind, distortion, fisheye, name):
    keypoints = made_up_keypoints(distortions=[distortion], fisheye=fisheye)
    model = read_back(tmp_path / "model", keypoints, kind)
    assert {camera.model_name for camera in model.cameras.values()} == {name}
    for number, view in enumerate(keypoints.views, start=1):
        image = model.image(number)
        assert image.name == view.name
        assert np.allclose(image.projection_center(), view.camera.origin, atol=1e-6)
        expected, depth = project(keypoints.xyz, in_double(view.camera))
        assert (depth > 0).all()
        found = np.array([image.project_point(point) for point in keypoints.xyz.numpy()], float)
        assert np.abs(found - expected.numpy()).max() < 1e-3


def test_views_with_equal_lenses_share_a_camera(tmp_path, kind):
    keypoints = made_up_keypoints(views=5, distortions=[RADIAL, IDEAL])
    wide = replace(keypoints.views[4].camera, width=401)
    keypoints = replace(
        keypoints, views=(*keypoints.views[:4], replace(keypoints.views[4], camera=wide))
    )
    model = read_back(tmp_path / "model", keypoints, kind)
    assert [model.image(number).camera_id for number in range(1, 6)] == [1, 2, 1, 2, 3]
    assert [model.camera(number).width for number in (1, 2, 3)] == [400, 400, 401]
    assert np.allclose(model.camera(2).params, [300.0, 310.0, 205.0, 148.0])
    assert model.camera(2).height == 300


def test_points_colours_and_tracks_come_back(tmp_path, kind):
    keypoints = made_up_keypoints()
    model = read_back(tmp_path / "model", keypoints, kind)
    assert sorted(model.point3D_ids()) == list(range(1, 21))
    pairs = set()
    for number in range(20):
        point = model.point3D(number + 1)
        assert np.allclose(point.xyz, keypoints.xyz[number], atol=1e-12)
        assert np.array_equal(point.color, (255 * keypoints.colours[number]).round())
        for element in point.track.elements:
            seen = model.image(element.image_id).point2D(element.point2D_idx)
            assert seen.point3D_id == number + 1
            pairs.add((number, element.image_id - 1, *seen.xy.astype(np.float32).tolist()))
    seen = keypoints.observations
    columns = seen.keypoints.tolist(), seen.views.tolist(), *seen.pixels.T.tolist()
    assert pairs == set(zip(*columns, strict=True))


def test_points_of_an_image_stand_in_the_order_of_its_observations(tmp_path, kind):
    keypoints = made_up_keypoints()
    model = read_back(tmp_path / "model", keypoints, kind)
    seen = keypoints.observations
    for view in range(4):
        points = model.image(view + 1).points2D
        numbers = [point.point3D_id - 1 for point in points]
        assert numbers == seen.keypoints[seen.views == view].tolist()


def test_the_error_is_the_mean_distance_in_pixels(tmp_path, kind):
    keypoints = made_up_keypoints(distortions=[TANGENTIAL])
    generator = torch.Generator().manual_seed(5)
    off = torch.randn(keypoints.observations.pixels.shape, generator=generator)
    seen = replace(keypoints.observations, pixels=keypoints.observations.pixels + off)
    model = read_back(tmp_path / "model", replace(keypoints, observations=seen), kind)
    for number in range(20):
        expected = off[seen.keypoints == number].norm(dim=1).mean()
        assert model.point3D(number + 1).error == pytest.approx(float(expected), abs=1e-3)


def test_a_point_that_no_view_sees_has_no_track(tmp_path, kind):
    keypoints = made_up_keypoints()
    seen = keypoints.observations
    others = seen.keypoints != 3
    seen = replace(
        seen,
        keypoints=seen.keypoints[others],
        views=seen.views[others],
        pixels=seen.pixels[others],
    )
    model = read_back(tmp_path / "model", replace(keypoints, observations=seen), kind)
    assert model.point3D(4).track.length() == 0
    assert model.num_points3D() == 20


def test_binary_files_keep_names_with_blanks(tmp_path):
    keypoints = made_up_keypoints(views=1)
    view = replace(keypoints.views[0], name="my photographs/größe 1.png")
    model = read_back(tmp_path / "model", replace(keypoints, views=(view,)), "binary")
    assert model.image(1).name == "my photographs/größe 1.png"


@pytest.mark.parametrize(("count", "views"), [(0, 3), (0, 0)])
def test_a_set_without_keypoints_is_a_model_too(tmp_path, kind, count, views):
    model = read_back(tmp_path / "model", made_up_keypoints(count, views), kind)
    assert (model.num_points3D(), model.num_images()) == (0, views)


def test_the_model_is_in_the_frame_of_the_set(tmp_path, kind):
    keypoints = made_up_keypoints().in_frame("dataset")
    model = read_back(tmp_path / "model", keypoints, kind)
    assert np.allclose(model.point3D(1).xyz, keypoints.xyz[0], atol=1e-12)
    assert model.compute_mean_reprojection_error() < 1e-3


def test_a_lens_that_colmap_lacks_is_named_with_its_view(tmp_path):
    keypoints = made_up_keypoints(distortions=[IDEAL, FOUR_TERMS])
    with pytest.raises(UserError, match=r"images/view_1\.png: COLMAP .* k4 = 0\.002; undistort"):
        write_colmap(tmp_path / "model", keypoints)
    assert not list(tmp_path.iterdir())


def test_an_older_model_is_replaced_and_other_files_are_refused(tmp_path, kind):
    write_colmap(tmp_path / "model", made_up_keypoints(count=30))
    assert read_back(tmp_path / "model", made_up_keypoints(), kind).num_points3D() == 20
    (tmp_path / "model" / "text" / "notes.md").touch()
    with pytest.raises(UserError, match=r"model holds text/notes.md, .*; choose another folder"):
        write_colmap(tmp_path / "model", made_up_keypoints(count=30))
    assert pycolmap.Reconstruction(tmp_path / "model" / kind).num_points3D() == 20


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file cannot be written .*; choose another"):
        write_colmap(tmp_path / "file", made_up_keypoints())
