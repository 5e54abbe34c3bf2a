"""A scene met again: one thing moved, another light, the same things."""

from dataclasses import replace

import numpy as np
import pytest

from condense_ns.synthetic.near_duplicate import SMALLEST_MOVE, met_again
from condense_ns.synthetic.procedural_scene import FURNISHED, make_scene
from condense_ns.synthetic.solids import block
from tests.synthetic.simple_scene import one, scene_of


@pytest.fixture(scope="module", params=FURNISHED)
def pairs(request):
    scenes = [make_scene(seed, request.param) for seed in range(4)]
    return [(scene, met_again(scene, time)) for scene in scenes for time in (1, 2)]


def moved_things(scene, again):
    return [
        (before, after)
        for before, after in zip(scene.placed, again.placed, strict=True)
        if (before.x, before.y, before.z, before.turn) != (after.x, after.y, after.z, after.turn)
    ]


def test_exactly_one_thing_is_moved_so_that_it_can_be_seen(pairs):
    for scene, again in pairs:
        ((before, after),) = moved_things(scene, again)
        assert before.parts is after.parts
        assert before.instance == after.instance
        assert np.hypot(before.x - after.x, before.y - after.y) >= SMALLEST_MOVE


def test_everything_else_stays_but_the_light(pairs):
    for scene, again in pairs:
        assert again.instances == scene.instances
        assert again.light != scene.light
        assert again.time in (1, 2)
        assert replace(again, placed=scene.placed, light=scene.light, time=0) == scene


def test_the_moved_thing_stands_on_something_and_in_nothing(pairs):
    for scene, again in pairs:
        _, after = moved_things(scene, again)[0]
        box = after.bounds()
        others = [thing for thing in again.placed[3:] if thing.instance != after.instance]
        for other in others:
            if other.instance.class_name not in ("rug", "pillow"):
                low, high = other.bounds()
                assert not ((box[0] < high).all() and (low < box[1]).all())
        tops = [0.0, *(other.bounds()[1, 2] for other in others)]
        assert np.abs(np.subtract(tops, after.z)).min() < 2e-3


def test_the_same_time_gives_the_same_scene_and_others_differ():
    scene = make_scene(3, "tabletop")
    first, again, other = (met_again(scene, time) for time in (1, 1, 2))
    assert first == again
    assert first.light != other.light
    assert first.placed != other.placed


def test_if_nothing_can_be_moved_only_the_light_changes():
    scene = scene_of(one("table", block(1.0, 1.0, 0.7)), one("sofa", block(1.0, 1.0, 0.5), x=2.0))
    again = met_again(scene, 1)
    assert again.placed == scene.placed
    assert again.light != scene.light


def test_a_thing_that_has_no_other_place_stays():
    table = one("table", block(0.2, 0.2, 0.7))
    mug = one("mug", block(0.1, 0.1, 0.1), z=0.701)
    scene = scene_of(table, mug)
    assert met_again(scene, 1).placed == scene.placed
