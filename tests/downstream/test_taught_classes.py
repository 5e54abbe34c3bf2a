"""Classes that no labelled cloud shows are named, and only they."""

import pytest

from condense_ns.downstream.prepared_cloud import Preparation
from condense_ns.downstream.prepared_split import PreparedSplit
from condense_ns.downstream.taught_classes import MOST_CLOUDS, untaught_classes
from tests.downstream.made_up_clouds import rooms_data, shapes_data

HOW = Preparation(resolution=6)


def untaught(data, places):
    return untaught_classes(data, PreparedSplit(data, data.train, HOW).chosen(places))


@pytest.mark.parametrize(
    ("data", "places", "missing"),
    [
        (shapes_data(), [0, 2], ["cube"]),
        (shapes_data(), [0, 1], []),
        (shapes_data("parts"), [1], ["ball: upper", "ball: lower"]),
        (shapes_data("parts"), [0, 1], []),
        (rooms_data(), [0], []),
        (rooms_data("detect"), [0], []),
    ],
)
def test_what_no_label_shows_is_named(data, places, missing):
    assert untaught(data, places) == missing


def test_many_clouds_are_not_looked_through():
    data = shapes_data(train=2 * MOST_CLOUDS + 2)
    assert untaught(data, range(0, 2 * MOST_CLOUDS + 2, 2)) == []
