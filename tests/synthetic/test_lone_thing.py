"""One thing alone: every class in turn, filling its photographs, cut out of the hall around it."""

import json

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData

from condense_ns.synthetic.catalogue import CATALOGUE
from condense_ns.synthetic.procedural_scene import make_scene
from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_plan import ScenePlan
from condense_ns.synthetic.trajectories import trajectory

SEEDS = range(40, 40 + len(CATALOGUE))


@pytest.fixture(scope="module")
def scenes():
    return [make_scene(seed, "thing") for seed in SEEDS]


def test_seeds_that_follow_each_other_have_things_of_all_classes(scenes):
    names = [scene.instances[-1].class_name for scene in scenes]
    assert sorted(names) == sorted(CATALOGUE)


def test_only_the_last_one_is_no_scenery(scenes):
    for scene in scenes:
        around = {instance.class_name for instance in scene.instances[: scene.scenery]}
        assert around <= {"floor", "wall", "ceiling", "rug"}
        assert scene.scenery == len(scene.placed) - 1
        assert scene.caption == scene.instances[-1].caption


@pytest.mark.parametrize("kind", ["orbit", "forward"])
def test_cameras_are_as_far_away_as_the_thing_is_large(scenes, kind):
    for scene in scenes:
        low, high = scene.placed[-1].bounds()
        size = np.linalg.norm(high - low)
        for camera in trajectory(scene, kind, 12, 64, 48, 0):
            eye = camera.camera_to_world[:, 3]
            assert 0.8 * size < np.linalg.norm(eye - (low + high) / 2) < 1.8 * size
            assert (np.abs(eye[:2]) < np.array(scene.room[:2]) / 2).all()
            assert 0 < eye[2] < scene.room[2]


def test_depth_and_points_show_the_thing_alone_and_photographs_all(tmp_path):
    plan = ScenePlan(43, "thing", views=6, width=64, height=48, points=300)
    folder = write_scene(plan, tmp_path)
    number = len(plan.scene().placed)
    for view in range(6):
        instances = np.array(Image.open(folder / f"instances/{view:05d}.png"))
        depth = np.load(folder / f"depth/{view:05d}.npy")
        assert np.array_equal(depth > 0, instances == number)
        assert (instances > 0).all()
        assert 0.05 < (instances == number).mean() < 0.95
    points = PlyData.read(folder / "points.ply")["vertex"].data
    assert len(points) == 300
    assert (points["instance"] == number).all()
    low, high = plan.scene().placed[-1].bounds()
    places = np.stack([points[axis] for axis in "xyz"], axis=1)
    assert (places >= low - 1e-4).all()
    assert (places <= high + 1e-4).all()
    assert json.loads((folder / "annotations.json").read_text())["plan"]["kind"] == "thing"
