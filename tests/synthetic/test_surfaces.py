"""The tables of a scene against the scene."""

import numpy as np
import pytest

from condense_ns.synthetic.procedural_scene import make_scene
from condense_ns.synthetic.solids import ball, block
from condense_ns.synthetic.surfaces import interpolated, surfaces
from condense_ns.synthetic.vocabulary import CLASS_NAMES, PATTERNS, class_number
from tests.synthetic.simple_scene import GREY, RED, matt, one, scene_of


def test_two_things_by_hand():
    scene = scene_of(
        one("mug", block(1.0, 1.0, 1.0), matt(RED, gloss=0.4)), one("ball", ball(0.2), x=2.0)
    )
    tables = surfaces(scene)
    assert tables.instance.tolist() == [1, 2, 2, 2, 2, 3, 4, 5]  # four walls are one thing
    mug = tables.part == 6
    assert mug.sum() == 12
    assert tables.class_id[6] == class_number("mug")
    assert tables.colours[6] == pytest.approx([*RED, 0, 0, 0])
    assert tables.gloss[6] == pytest.approx(0.4)
    assert tables.colours[7, :3] == pytest.approx(GREY)
    assert tables.corners[tables.part == 7][..., 0].min() == pytest.approx(1.8)
    assert tables.local[tables.part == 7][:, 0].max() < 0.21  # in the thing's own space


def test_corners_and_edges_give_back_the_corners_and_normals():
    scene = make_scene(1, "tabletop")
    tables = surfaces(scene)
    own = np.concatenate([part.solid.corners for placed in scene.placed for part in placed.parts])
    normals = np.concatenate([s.normals for placed in scene.placed for s in placed.solids()])
    numbers = np.arange(len(own))
    for u, v, corner in ((0, 0, 0), (1, 0, 1), (0, 1, 2)):
        shares = [np.full(len(own), share, np.float32) for share in (u, v)]
        for table, expected in ((tables.local, own), (tables.normals, normals)):
            found = interpolated(table, numbers, *shares).T
            assert found == pytest.approx(expected[:, corner], abs=1e-5)


def test_values_change_evenly_over_a_triangle():
    table = np.array([[0, 10, 20, 1, 0, 0, 0, 2, -4], [5, 5, 5, 0, 0, 0, 0, 0, 0]], np.float32)
    half, quarter = np.full(3, 0.5, np.float32), np.full(3, 0.25, np.float32)
    found = interpolated(table, np.array([0, 1, 0]), half, quarter)
    assert found.T.tolist() == [[0.5, 10.5, 19], [5, 5, 5], [0.5, 10.5, 19]]


def test_labels_follow_the_order_of_the_things():
    scene = make_scene(2, "room")
    tables = surfaces(scene)
    names = [scene.instances[number - 1].class_name for number in tables.instance]
    assert [CLASS_NAMES[number] for number in tables.class_id] == names
    materials = [part.material for placed in scene.placed for part in placed.parts]
    assert [PATTERNS[number] for number in tables.pattern] == [one.pattern for one in materials]
    assert tables.corners.dtype == tables.local.dtype == tables.normals.dtype == np.float32
