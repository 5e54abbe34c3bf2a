"""Inputs are of the order of 1, unknown is zero, and each kind of source has its own adapter."""

from dataclasses import replace

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.fields.input_adapters import (
    InputAdapters,
    backbone_inputs,
    refuse_not_finite,
)
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.volumes.sparse_volume import KINDS
from tests.voxel_scenes import made_volume

TWO = torch.tensor([[0, 0, 0], [0, 0, 1]])


def test_inputs_by_hand():
    volume = replace(
        made_volume(TWO),
        voxel_size=0.5,
        density=torch.tensor([0.0, 2 * torch.log(torch.tensor(4.0))]),
        colour=torch.tensor([[0.5, 0.5, 0.5], [1.0, 0.0, 0.75]]),
        normal=torch.tensor([[0.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    )
    expected = [[0, 0, 0, 0, 0, 0, 0, 1, 0], [0.75, 1, -1, 0.5, 0, -1, 0, 1, 1]]
    assert torch.allclose(backbone_inputs(volume), torch.tensor(expected).float())


def test_a_volume_that_is_grey_all_over_is_without_colour():
    inputs = backbone_inputs(replace(made_volume(TWO), colour=torch.full((2, 3), 0.5)))
    assert (inputs[:, 1:4] == 0).all()
    assert (inputs[:, 7] == 0).all()


def test_huge_densities_stay_of_the_order_of_one():
    inputs = backbone_inputs(replace(made_volume(TWO), density=torch.tensor([1e9, 3e38])))
    assert torch.equal(inputs[:, 0], torch.ones(2))


def test_the_same_scene_in_other_units_has_the_same_inputs():
    volume = made_volume(TWO)
    larger = replace(volume, voxel_size=10 * volume.voxel_size, density=volume.density / 10)
    assert torch.allclose(backbone_inputs(larger), backbone_inputs(volume))


def test_each_kind_has_its_own_adapter():
    torch.manual_seed(0)
    adapters = InputAdapters(8)
    found = [adapters(made_volume(TWO, kind)) for kind in KINDS]
    assert all(one.shape == (2, 8) for one in found)
    assert not torch.allclose(found[0], found[1])
    assert not torch.allclose(found[1], found[2])


def test_an_unknown_kind_is_refused():
    volume = made_volume(TWO)
    object.__setattr__(volume, "kind", "mesh")
    with pytest.raises(UserError, match="'mesh' has no input adapter; use one of radiance, depth"):
        InputAdapters(8)(volume)


@pytest.mark.parametrize("part", ["density", "colour", "normal"])
def test_values_that_are_not_finite_are_refused(part):
    volume = made_volume(TWO)
    getattr(volume, part).view(-1)[1] = float("nan")
    with pytest.raises(UserError, match="not finite; make it anew"):
        refuse_not_finite(volume)
    with pytest.raises(UserError, match="not finite; make it anew"):
        OctreeBackbone("S")([volume])
