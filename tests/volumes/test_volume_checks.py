"""What is no volume is refused with a sentence that names what is wrong."""

from dataclasses import replace

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.volumes.volume_checks import arrays_of, refuse_shapes, validated
from tests.volumes.made_up_volumes import random_volume, volume_of


def changed(name, place, value):
    """A sound volume but for one number."""
    volume = random_volume()
    values = getattr(volume, name).clone()
    values[place] = value
    return replace(volume, **{name: values})


def refused(volume, wrong):
    with pytest.raises(UserError, match=rf"^the volume {wrong}; make it anew$"):
        validated(volume)


def test_a_sound_volume_is_given_back():
    volume = random_volume()
    assert validated(volume) is volume
    bare = replace(volume, features=None, encoder="")
    assert validated(bare) is bare


@pytest.mark.parametrize(
    ("name", "place", "value", "wrong"),
    [
        ("density", 3, -0.1, "has a negative density"),
        ("density", 3, torch.nan, "has numbers that are not finite in density"),
        ("density", 3, torch.inf, "has numbers that are not finite in density"),
        ("origin", 1, torch.nan, "has numbers that are not finite in origin"),
        ("features", (2, 1), -torch.inf, "has numbers that are not finite in features"),
        ("colour", (0, 1), 1.01, r"has a colour outside \[0, 1\]"),
        ("colour", (0, 1), -0.01, r"has a colour outside \[0, 1\]"),
        ("normal", 0, 0.9, "has a normal that is neither of unit length nor zero"),
        ("voxel_indices", 0, 2**20, "has voxel indices beyond 1048574"),
    ],
)
def test_a_wrong_number_is_told(name, place, value, wrong):
    refused(changed(name, place, value), wrong)


def test_voxels_that_occur_twice_or_in_disorder_are_told():
    refused(volume_of([[0, 0, 1], [0, 0, 1]]), "holds a voxel twice")
    refused(volume_of([[0, 0, 1], [0, 0, 0]]), "has voxels that are not sorted")


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_size_is_told(size):
    refused(replace(random_volume(), voxel_size=size), f"has voxels of size {size}")


def test_a_volume_without_voxels_is_told():
    refused(volume_of([]), "holds no voxels")


def test_features_of_nobody_are_told():
    refused(replace(random_volume(), encoder=""), "has features without the name of their encoder")


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("density", torch.ones(3), r"density of shape \(3,\) instead of \(\d+,\)"),
        ("colour", torch.ones(3, 4), r"colour of shape \(3, 4\) instead of \(\d+, 3\)"),
        ("voxel_indices", torch.ones(3, 2).int(), r"indices of shape \(3, 2\) instead of \(3, 3\)"),
        ("origin", torch.ones(3), "origin of type torch.float32 instead of torch.float64"),
        ("features", torch.ones(4), r"features of shape \(4,\) instead of \(\d+, 4\)"),
    ],
)
def test_arrays_of_wrong_shapes_and_types_are_told(name, value, wrong):
    arrays = arrays_of(random_volume()) | {name: value}
    with pytest.raises(UserError, match=rf"^it has .*{wrong}; make it anew$"):
        refuse_shapes(arrays, "it")


def test_a_missing_array_is_told():
    arrays = arrays_of(random_volume())
    del arrays["colour"]
    with pytest.raises(UserError, match=r"^file\.x lacks colour; make it anew$"):
        refuse_shapes(arrays, "file.x")
