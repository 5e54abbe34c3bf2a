"""Cameras are upright, inside the room, apart from things, and look at the scene in three ways."""

from dataclasses import replace

import numpy as np
import pytest

from condense_ns.synthetic.procedural_scene import FURNISHED, make_scene
from condense_ns.synthetic.solids import block
from condense_ns.synthetic.trajectories import FIELD_OF_VIEW, trajectory
from tests.synthetic.simple_scene import one, scene_of

TRAJECTORIES = ("orbit", "forward", "walk")


@pytest.fixture(scope="module")
def scenes():
    return [make_scene(seed, kind) for seed in (0, 1) for kind in FURNISHED]


def poses_of(scene, kind, count=24, seed=0):
    cameras = trajectory(scene, kind, count, 64, 48, seed)
    return np.stack([camera.camera_to_world for camera in cameras])


@pytest.mark.parametrize("kind", TRAJECTORIES)
def test_poses_are_upright_rotations(scenes, kind):
    poses = np.concatenate([poses_of(scene, kind) for scene in scenes])
    rotation = poses[:, :, :3]
    assert rotation @ rotation.transpose(0, 2, 1) == pytest.approx(
        np.broadcast_to(np.eye(3), rotation.shape)
    )
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert poses[:, 2, 0] == pytest.approx(0)  # right is level
    assert poses[:, 2, 1].min() > 0  # up leans upwards


@pytest.mark.parametrize("kind", TRAJECTORIES)
def test_cameras_are_in_the_room_and_apart_from_all_things(scenes, kind):
    for scene in scenes:
        eyes = poses_of(scene, kind)[:, :, 3]
        half = np.array(scene.room[:2]) / 2
        assert (np.abs(eyes[:, :2]) < half - 0.1).all()
        assert (eyes[:, 2] > 0.3).all()
        assert (eyes[:, 2] < scene.room[2]).all()
        for thing in scene.placed[3:]:
            low, high = thing.bounds()
            outside = np.maximum(low - eyes, eyes - high).max(axis=1)
            assert outside.min() > 0.29


@pytest.mark.parametrize("kind", ["orbit", "forward"])
def test_the_focus_is_in_the_middle_of_the_picture(scenes, kind):
    for scene in scenes:
        poses = poses_of(scene, kind)
        way = np.array(scene.focus) - poses[:, :, 3]
        ahead = np.einsum("ij,ij->i", way, -poses[:, :, 2])
        angles = np.degrees(np.arccos(ahead / np.linalg.norm(way, axis=1)))
        assert angles.max() < FIELD_OF_VIEW / 2 * 0.6


def test_an_orbit_goes_all_the_way_round_and_forward_views_come_from_one_side(scenes):
    for scene in scenes:
        around, ahead = (
            np.degrees(np.unwrap(np.arctan2(poses[:, 1, 3], poses[:, 0, 3])))
            for poses in (poses_of(scene, "orbit"), poses_of(scene, "forward"))
        )
        assert abs(around[-1] - around[0]) == pytest.approx(360 * 23 / 24, abs=10)
        assert np.ptp(ahead) < 60
        looking = poses_of(scene, "forward")[:, :, 2]
        assert (looking @ looking.T).min() > np.cos(np.radians(50))


def test_a_walk_looks_where_it_goes():
    poses = poses_of(scene_of(one("rug", block(1.0, 1.0, 0.01))), "walk", count=60)
    steps = np.diff(poses[:, :2, 3], axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    ahead = -poses[:-1, :2, 2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", steps, ahead).min() > 0.7
    assert np.ptp(poses[:, :2, 3], axis=0).min() > 2
    assert (poses[:, 2, 2] > 0).all()  # down a little


def test_a_camera_in_a_thing_is_raised_above_it():
    low = scene_of(one("rug", block(0.1, 0.1, 0.01)))
    high = scene_of(one("cabinet", block(5.0, 3.0, 1.6)))
    before, after = (poses_of(scene, "orbit")[:, :, 3] for scene in (low, high))
    assert before[:, 2].min() < 1.9
    assert after[:, 2] == pytest.approx(np.maximum(before[:, 2], 1.9), abs=1e-5)
    assert after[:, :2] == pytest.approx(before[:, :2])


@pytest.mark.parametrize("kind", TRAJECTORIES)
def test_a_seed_decides_and_changes_all_views(scenes, kind):
    first, again, other = (poses_of(scenes[0], kind, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert (np.abs(first - other).max(axis=(1, 2)) > 1e-3).all()
    assert not np.allclose(first, poses_of(replace(scenes[0], seed=9), kind))


def test_the_field_of_view_spans_the_longer_side(scenes):
    for width, height in ((64, 48), (48, 64)):
        camera = trajectory(scenes[0], "orbit", 1, width, height, 0)[0]
        assert (camera.width, camera.height) == (width, height)
        assert 2 * np.degrees(np.arctan(32 / camera.focal)) == pytest.approx(FIELD_OF_VIEW)
