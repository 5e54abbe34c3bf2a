"""One step of training: what is compared, what learns from it, and that seeds decide all."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.lifting.depth_proposal import CELL
from condense_ns.lifting.lift_example import LiftExample
from condense_ns.lifting.lift_training import LiftTraining, _window, example_losses
from condense_ns.lifting.lifting_network import LiftingNetwork
from tests.lifting.looking_views import (
    TARGET,
    plane_depths,
    texture,
)
from tests.lifting.plane_example import plane_example
from tests.lifting.random_network import random_network

TRAINING = LiftTraining(window=(32, 40), rays=64, feature_rays=24, picture_side=20)
OF_DEPTH = {"plane", "fine_plane", "depth"}
OF_COLOURS = {"picture", "rgb"}
ALL_LOSSES = {*OF_COLOURS, "feature_cosine", "feature_l2", *OF_DEPTH}
SHIFTS = {"proposer.leave.bias", "refiner.leave.bias", "blender.keys.bias"}
"""What moves all that it is compared with alike, and therefore learns nothing."""


@pytest.fixture
def example() -> LiftExample:
    return plane_example()


@pytest.fixture
def network() -> LiftingNetwork:
    """So few planes that all are near the likeliest."""
    return random_network(planes=5, spread=0.02)


def losses_of(network, example, seed=0, training=TRAINING):
    return example_losses(network, example, training, torch.Generator().manual_seed(seed))


def learning(network, losses):
    """Names of the parameters with a gradient; all gradients must be finite."""
    network.zero_grad()
    torch.stack(list(losses)).sum().backward()
    found = {}
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            assert parameter.grad.isfinite().all(), name
            found[name] = bool(parameter.grad.any())
    return {name for name, learns in found.items() if learns}


def test_all_losses_are_finite_and_every_weight_learns(network, example):
    losses = losses_of(network, example)
    assert set(losses) == ALL_LOSSES
    assert all(loss.isfinite() and loss > 0 for loss in losses.values())
    everything = {name for name, _ in network.named_parameters()}
    mute = everything - learning(network, losses.values())
    assert mute <= SHIFTS


def test_untrained_networks_learn_too(example):
    """Constant layers stop what lies before them in the first step, and only that."""
    torch.manual_seed(0)
    network = LiftingNetwork(planes=12, samples=4)
    mute = {name for name, _ in network.named_parameters()}
    mute -= learning(network, losses_of(network, example).values())
    before_constants = ("thickness.0", "colour.0", "gate.0", "mixing.0", "picture.")
    for name in mute - SHIFTS:
        assert any(part in name for part in before_constants), name


def test_pictures_teach_how_they_are_refined_and_nothing_else(network, example):
    refining = {name for name, _ in network.named_parameters() if name.startswith("picture.")}
    assert learning(network, [losses_of(network, example)["picture"]]) == refining
    alone = losses_of(network, example, training=replace(TRAINING, only_pictures=True))
    assert set(alone) == {"picture"}
    assert learning(network, alone.values()) == refining


def test_features_teach_no_density(network, example):
    losses = losses_of(network, example)
    taught = learning(network, [losses["feature_cosine"], losses["feature_l2"]])
    assert not {name for name in taught if name.startswith(("proposer.", "refiner."))}
    assert not {name for name in taught if name.startswith("aggregator.thickness")}
    assert not {name for name in taught if name.startswith("aggregator.colour")}
    assert {"blender.gate.0.weight", "aggregator.visibility.weight"} <= taught


def test_depth_teaches_the_proposal_and_nothing_of_features(network, example):
    losses = losses_of(network, example)
    taught = learning(network, [losses[name] for name in OF_DEPTH])
    assert not {name for name in taught if name.startswith("blender.")}
    assert {"proposer.leave.weight", "refiner.leave.weight"} <= taught
    assert {"source_features.to_matching.weight", "source_features.to_guiding.weight"} <= taught


def test_the_generator_decides_everything(network, example):
    first, again, other = (losses_of(network, example, seed) for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in ALL_LOSSES)
    assert all(not torch.equal(first[name], other[name]) for name in ALL_LOSSES)


def test_a_scene_without_depth_and_an_example_without_features(network, example):
    flat = replace(example, depth=None)
    assert set(losses_of(network, flat)) == {*OF_COLOURS, "feature_cosine", "feature_l2"}
    plain = replace(flat, target_features={}, source_features={})
    assert set(losses_of(network, plain)) == OF_COLOURS


def test_unknown_depth_does_not_count(network, example):
    unknown = replace(example, depth=torch.zeros_like(plane_depths(TARGET)))
    losses = losses_of(network, unknown)
    assert all(losses[name] == 0 for name in OF_DEPTH)
    half = plane_depths(TARGET)
    half[:, 32:] = 0.0
    assert losses_of(network, replace(example, depth=half))["plane"] > 0


def test_a_window_between_the_cells_of_an_encoder_compares_no_features(network, example):
    one_cell = replace(
        example,
        target_features={"waves": example.target_features["waves"][:1, :1]},
    )  # its centre is the middle of the image
    small = LiftTraining(window=(8, 8), rays=9, feature_rays=9)
    names = [set(losses_of(network, one_cell, seed, small)) for seed in range(8)]
    without = {*OF_COLOURS, *OF_DEPTH}
    assert without in names
    assert all(found in (without, ALL_LOSSES) for found in names)


def test_training_on_one_example_makes_its_losses_smaller(example):
    """Those of depth most of all; what is shown is good before, since depth is chosen without any weights, too."""
    torch.manual_seed(0)
    network = LiftingNetwork(planes=12, samples=4)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    found = []
    for step in range(40):
        losses = losses_of(network, example, step % 3)
        total = torch.stack(list(losses.values())).sum()
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        found.append({name: loss.item() for name, loss in losses.items()} | {"all": total.item()})
    remains = {
        name: sum(losses[name] for losses in found[-4:]) / sum(losses[name] for losses in found[:4])
        for name in ("plane", "fine_plane")
    }
    assert remains["plane"] < 0.35
    assert remains["fine_plane"] < 0.5
    assert sum(losses["all"] for losses in found[-4:]) / 4 < 4.5


def test_windows_lie_on_cells_within_the_target_and_reach_its_corners():
    corners = set()
    for seed in range(300):
        window = _window(TARGET, (32, 40), torch.Generator().manual_seed(seed))
        assert (window.view.height, window.view.width) == (32, 40)
        assert window.top % CELL == window.left % CELL == 0
        assert 0 <= window.top <= 48 - 32
        assert 0 <= window.left <= 64 - 40
        corners.add((window.top, window.left))
    assert {(0, 0), (16, 24), (0, 24), (16, 0)} <= corners


def test_rays_of_the_window_are_rays_of_the_target():
    window = _window(TARGET, (20, 24), torch.Generator().manual_seed(5))
    pixels = torch.tensor([[0.5, 0.5], [24.0, 20.0], [3.0, 7.25]])
    of_window = pixels / torch.tensor([24.0, 20.0])
    of_target = (pixels + torch.tensor([window.left, window.top])) / torch.tensor([64.0, 48.0])
    torch.testing.assert_close(window.places(TARGET, of_target), of_window)
    for ours, theirs in zip(
        pixel_rays(of_window, window.view), pixel_rays(of_target, TARGET), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_a_window_larger_than_the_target_is_the_target():
    window = _window(TARGET, (500, 40), torch.Generator().manual_seed(0))
    assert (window.view.height, window.view.width, window.top) == (48, 40, 0)


@pytest.mark.parametrize("size", [(45, 50), (3, 5)])
def test_targets_that_are_no_whole_cells(network, example, size):
    small = TARGET.resized(*size)
    centre, directions = pixel_rays(grid_places(*size), small)
    xyz = centre + plane_depths(small).reshape(-1, 1) * directions
    image = texture(xyz).T.reshape(3, *size).clamp(0, 1)
    odd = replace(example, target=small, image=image, depth=plane_depths(small))
    losses = losses_of(network, odd)
    assert set(losses) == ALL_LOSSES
    assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.gpu
def test_losses_on_a_gpu_are_those_of_the_cpu(network, example):
    there = losses_of(network.to("cuda"), example.to("cuda"))
    assert learning(network, there.values())
    here = losses_of(network.to("cpu"), example)
    for name, loss in here.items():
        assert there[name].item() == pytest.approx(loss.item(), rel=1e-3), name
