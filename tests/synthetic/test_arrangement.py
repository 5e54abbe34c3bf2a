"""Things find places in which they stand on something and not in each other."""

from dataclasses import replace

import numpy as np
import pytest

from condense_ns.synthetic.arrangement import Arrangement
from condense_ns.synthetic.solids import block
from tests.synthetic.simple_scene import ROOM, one


@pytest.fixture
def arrangement():
    return Arrangement(np.random.default_rng(0), ROOM, [])


def cube(side=0.4, name="cabinet"):
    return one(name, block(side, side, side))


def overlap(first, second):
    a, b = first.bounds(), second.bounds()
    return bool((a[0] < b[1]).all() and (b[0] < a[1]).all())


def test_things_in_the_open_stay_apart_on_the_floor_of_the_room(arrangement):
    for _ in range(12):
        arrangement.in_the_open(cube())
    placed = arrangement.placed
    assert len(placed) > 6
    for number, thing in enumerate(placed):
        low, high = thing.bounds()
        assert low[2] == 0
        assert (low[:2] >= [-3, -2]).all()
        assert (high[:2] <= [3, 2]).all()
        assert not any(overlap(thing, other) for other in placed[:number])


def test_a_thing_along_a_wall_has_its_back_to_it(arrangement):
    deep = one("shelf", block(0.4, 0.2, 1.0, y=0.1))  # its back lies in y = 0
    for _ in range(8):
        placed = arrangement.along_wall(deep)
        low, high = placed.bounds()
        gaps = np.abs([low[0] + 3, low[1] + 2, high[0] - 3, high[1] - 2])
        assert gaps.min() == pytest.approx(0.01)
        backwards = np.array([np.sin(placed.turn), -np.cos(placed.turn)])
        assert np.dot(backwards, [placed.x, placed.y]) > 0


def test_a_picture_hangs_at_the_height_of_the_eyes(arrangement):
    hung = arrangement.on_wall(one("picture", block(0.5, 0.03, 0.4, y=0.015, z=-0.2)))
    low, high = hung.bounds()
    assert 1.2 <= low[2] < high[2] <= 1.9
    assert np.abs([low[0] + 3, low[1] + 2, high[0] - 3, high[1] - 2]).min() < 1e-9


def test_small_things_stand_on_the_upper_face_of_a_turned_table(arrangement):
    table = arrangement.keep(one("table", block(1.0, 0.5, 0.7), x=1.0, y=0.5, turn=0.7))
    for _ in range(6):
        mug = arrangement.on_top(cube(0.08, "mug"), [table])
        assert mug.z == pytest.approx(0.701)
        away = np.array([mug.x - 1.0, mug.y - 0.5])
        sine, cosine = np.sin(0.7), np.cos(0.7)
        along, across = away @ [cosine, sine], away @ [-sine, cosine]
        assert abs(along) <= 0.5
        assert abs(across) <= 0.25
    assert len(arrangement.of_class("mug")) == 6


def test_a_pillow_lies_on_its_sofa(arrangement):
    sofa = arrangement.keep(one("sofa", block(1.6, 0.8, 0.45), x=1.0, y=-1.0, turn=np.pi / 2))
    pillow = arrangement.on_seat(cube(0.1, "pillow"), sofa)
    assert pillow.z == 0.46
    assert np.hypot(pillow.x - sofa.x, pillow.y - sofa.y) < 0.4


def test_a_thing_without_a_free_place_is_left_out(arrangement):
    huge = cube(3.9)
    arrangement.in_the_middle(huge)
    unplaced = cube(2.5)
    assert arrangement.in_the_open(unplaced) is unplaced
    assert arrangement.placed == [huge]


def test_on_top_of_nothing_there_is_no_place(arrangement):
    mug = cube(0.08, "mug")
    assert arrangement.on_top(mug, []) is mug
    assert arrangement.placed == []


def test_a_table_takes_only_as_much_as_fits(arrangement):
    table = arrangement.keep(one("table", block(0.3, 0.3, 0.7)))
    for _ in range(10):
        arrangement.on_top(cube(0.2, "vase"), [table])
    vases = arrangement.of_class("vase")
    assert 1 <= len(vases) <= 2
    assert arrangement.of_class("table") == [table]


def test_equal_generators_give_equal_places():
    places = []
    for _ in range(2):
        arrangement = Arrangement(np.random.default_rng(5), ROOM, [])
        found = [arrangement.in_the_open(cube()) for _ in range(4)]
        places.append([replace(thing, parts=()) for thing in found])
    assert places[0] == places[1]
