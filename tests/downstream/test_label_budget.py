"""Shares of labels: at least one of each class, the smaller within the larger."""

from collections import Counter

import pytest

from condense_ns.downstream.label_budget import labelled_places
from condense_ns.downstream.labelled_cloud import Split
from condense_ns.errors import UserError
from tests.downstream.made_up_clouds import shape

SHAPES = Split(shape, range(300), [number % 3 for number in range(300)])
ROOMS = Split(shape, range(40))


@pytest.mark.parametrize(("percent", "each"), [(0.1, 1), (1.0, 1), (10.0, 10), (100.0, 100)])
def test_every_class_has_its_share(percent, each):
    places = labelled_places(SHAPES, percent, seed=1)
    assert SHAPES.categories is not None
    assert Counter(SHAPES.categories[place] for place in places) == dict.fromkeys(range(3), each)


@pytest.mark.parametrize(("percent", "count"), [(1.0, 1), (10.0, 4), (99.0, 40), (100.0, 40)])
def test_without_classes_all_are_one_heap(percent, count):
    assert len(labelled_places(ROOMS, percent, seed=0)) == count


def test_small_shares_are_within_larger_ones_and_seeds_differ():
    one, ten = (set(labelled_places(SHAPES, percent, 3)) for percent in (1.0, 10.0))
    assert one < ten
    assert set(labelled_places(SHAPES, 10.0, 4)) != ten


@pytest.mark.parametrize("percent", [0.0, -1.0, 100.5])
def test_other_shares_are_refused(percent):
    with pytest.raises(UserError, match=r"--labels is .*, it must be above 0 and at most 100"):
        labelled_places(ROOMS, percent, 0)
