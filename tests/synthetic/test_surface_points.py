"""Points lie on what is seen, spread evenly, with the labels of the thing they lie on."""

import numpy as np
import pytest

from condense_ns.synthetic.procedural_scene import make_scene
from condense_ns.synthetic.solids import ball, block
from condense_ns.synthetic.surface_points import surface_points
from condense_ns.synthetic.vocabulary import class_number
from tests.synthetic.simple_scene import RED, matt, one, scene_of
from tests.synthetic.test_photographer import as_bytes

EYE = np.array([[1.0, 0.5, 1.5]])


def test_an_empty_room_is_covered_evenly_from_inside():
    points = surface_points(scene_of(), EYE, 5000, seed=0)
    assert len(points.position) == 5000
    inside = np.abs(points.position - [0, 0, 1.5]) <= np.array([3, 2, 1.5]) + 1e-5
    assert inside.all()
    area = {"floor": 24, "ceiling": 24, "wall": 60}
    for name, size in area.items():
        share = (points.classes == class_number(name)).mean()
        assert share == pytest.approx(size / 108, abs=0.03)
    halves = points.position[points.classes == class_number("floor"), 0] > 0
    assert halves.mean() == pytest.approx(0.5, abs=0.06)


def test_a_table_is_scanned_only_where_it_is_seen():
    board = one("table", block(1.0, 1.0, 0.1, z=1.0), matt(RED))
    points = surface_points(scene_of(board), np.array([[0.0, 0.0, 2.0]]), 4000, seed=0)
    table = points.instances == 4
    assert table.sum() > 20
    assert points.position[table, 2] == pytest.approx(1.1, abs=1e-5)
    assert points.normal[table] == pytest.approx(np.broadcast_to([0.0, 0, 1], (table.sum(), 3)))
    assert points.rgb[table] == pytest.approx(
        np.tile(as_bytes(np.array(RED)), (table.sum(), 1)), abs=1
    )
    below = (points.classes == class_number("floor")) & (np.abs(points.position[:, :2]) < 1).all(
        axis=1
    )
    assert not below.any()  # the eye at 2 m sees the floor from 1.11 m away from the middle on


def test_points_of_a_ball_lie_on_it_and_face_an_eye():
    sphere = one("ball", ball(0.5), z=1.0)
    points = surface_points(scene_of(sphere), EYE, 6000, seed=0)
    chosen = points.instances == 4
    position, normal = points.position[chosen], points.normal[chosen]
    assert chosen.sum() > 20
    away = position - [0, 0, 1.5]
    assert np.linalg.norm(away, axis=1) == pytest.approx(0.5, abs=0.01)
    assert normal == pytest.approx(2 * away, abs=0.05)
    assert (np.einsum("ij,ij->i", EYE - position, normal) > 0).all()


def test_more_eyes_see_more():
    board = one("table", block(1.0, 1.0, 0.1, z=1.0))
    both = np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 0.5]])
    points = surface_points(scene_of(board), both, 4000, seed=0)
    heights = points.position[points.instances == 4, 2]
    assert {round(float(z), 3) for z in (heights.min(), heights.max())} == {1.0, 1.1}


def test_a_seed_decides():
    scene = make_scene(0, "tabletop")
    eyes = np.array([[0.0, 0.0, 2.0]])
    first, again, other = (surface_points(scene, eyes, 300, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.position, again.position)
    assert np.array_equal(first.rgb, again.rgb)
    assert not np.array_equal(first.position, other.position)
    assert np.linalg.norm(first.normal, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("eyes", "count"), [(EYE, 0), (np.zeros((0, 3)), 10)])
def test_without_an_eye_or_a_wish_there_are_no_points(eyes, count):
    points = surface_points(scene_of(), eyes, count, seed=0)
    assert points.position.shape == (0, 3)
    assert points.classes.shape == (0,)
