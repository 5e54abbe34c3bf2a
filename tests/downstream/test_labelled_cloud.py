"""Splits are read one by one; data sets that cannot be learned from are refused."""

from dataclasses import replace

import pytest

from condense_ns.downstream.labelled_cloud import Split
from condense_ns.errors import UserError
from tests.downstream.made_up_clouds import shape, shapes_data


def test_a_part_of_a_split_keeps_its_classes():
    part = shapes_data().train.chosen([1, 4])
    assert [cloud.name for cloud in part] == ["shape 1", "shape 4"]
    assert part.categories == [1, 0]
    assert part[1].name == "shape 4"


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_split_is_refused(split):
    with pytest.raises(UserError, match=r"shapes has no .* clouds; check the files"):
        replace(shapes_data(), **{split: Split(shape, [])})


def test_a_class_that_is_never_taught_is_named():
    data = shapes_data()
    with pytest.raises(UserError, match="no training cloud of cube; check the files"):
        replace(data, train=data.train.chosen([0, 2]))


def test_a_class_without_a_name_is_refused():
    data = shapes_data()
    with pytest.raises(UserError, match=r"clouds of class 1, but only classes 0 to 0 have names"):
        replace(data, class_names=("ball",))
