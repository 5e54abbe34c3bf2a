"""The words and boxes of placed things."""

from dataclasses import replace

import numpy as np
import pytest

from condense_ns.synthetic.scene import Instance
from condense_ns.synthetic.solids import ball, block
from tests.synthetic.simple_scene import one, scene_of


def called(colour, pattern, class_name):
    return Instance("any", class_name, colour, pattern).caption


def test_captions_by_hand():
    assert called("red", "striped", "chair") == "a red striped chair"
    assert called("white", "plain", "mug") == "a white mug"
    assert called("orange", "spotted", "rug") == "an orange spotted rug"


def test_a_scene_is_called_after_the_things_in_it():
    scene = scene_of(one("mug", ball(0.1)))
    assert scene.caption == "a room with a grey mug"
    more = scene_of(*(one(name, ball(0.1)) for name in ("mug", "vase", "bowl")))
    assert replace(more, kind="tabletop").caption == (
        "a table with a grey mug, a grey vase and a grey bowl"
    )
    assert [instance.class_name for instance in more.instances[:4]] == [
        *("floor", "wall", "ceiling", "mug")
    ]


def test_the_box_around_a_turned_thing():
    placed = one("table", block(2.0, 1.0, 0.5, z=0.1), x=1.0, y=-1.0, z=0.2, turn=np.pi / 2)
    assert placed.bounds() == pytest.approx(np.array([[0.5, -2.0, 0.3], [1.5, 0.0, 0.8]]))


@pytest.mark.parametrize("turn", [0.3, 1.9, -2.5])
def test_a_box_holds_exactly_the_corners_of_its_solids(turn):
    placed = one("vase", ball(0.3, x=0.5), x=-0.7, y=0.2, z=1.1, turn=turn)
    corners = np.concatenate([solid.corners.reshape(-1, 3) for solid in placed.solids()])
    expected = np.stack([corners.min(axis=0), corners.max(axis=0)])
    assert placed.bounds() == pytest.approx(expected, abs=1e-6)
