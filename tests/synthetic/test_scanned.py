"""Scans of single things and of rooms: labels and boxes are those of what the points lie on."""

import numpy as np
import pytest

from condense_ns.synthetic.catalogue import CATALOGUE, thing
from condense_ns.synthetic.part_names import PART_NAMES
from condense_ns.synthetic.scanned import scanned_room, scanned_thing
from condense_ns.synthetic.vocabulary import CLASS_NAMES

SEEDS = range(12)


@pytest.mark.parametrize("class_name", CATALOGUE)
def test_parts_have_the_names_that_are_listed_and_all_of_them_occur(class_name):
    found = {part.name for seed in SEEDS for part in thing((seed, 2), class_name).parts}
    assert found == set(PART_NAMES[class_name])


def test_points_of_a_thing_have_the_names_of_the_parts_they_lie_on():
    table = scanned_thing((3, 2), "table", 2000)
    points = table.points
    assert (points.classes == CLASS_NAMES.index("table")).all()
    top = thing((3, 2), "table").bounds()[1, 2]
    is_top = table.part_names == PART_NAMES["table"].index("top")
    assert 0.1 < is_top.mean() < 1
    assert points.position[is_top, 2].min() > top - 0.05
    assert points.position[~is_top, 2].max() <= top - 0.03


def test_a_seed_makes_the_same_scan_and_others_vary():
    first, again, other = (scanned_thing((seed, 2), "chair", 100) for seed in (1, 1, 2))
    assert np.array_equal(first.points.position, again.points.position)
    assert not np.array_equal(first.points.position, other.points.position)


def test_boxes_of_a_room_hold_the_points_of_their_things():
    room = scanned_room(5, 6000)
    assert len(room.boxes) == len(room.class_names)
    assert "floor" in room.class_names
    for number, (box, name) in enumerate(zip(room.boxes, room.class_names, strict=True), start=1):
        chosen = room.points.instances == number
        assert (room.points.classes[chosen] == CLASS_NAMES.index(name)).all()
        away = room.points.position[chosen] - box[:3]
        cosine, sine = np.cos(box[6]), np.sin(box[6])
        local = np.column_stack(
            [away @ [cosine, sine, 0], away @ [-sine, cosine, 0], away @ [0, 0, 1]]
        )
        assert (np.abs(local) <= box[3:6] / 2 + 1e-4).all()
