"""Losses of both branches, and what keeps them from becoming constant."""

from dataclasses import replace

import pytest
import torch

from condense_ns.fields.branch_2d import Branch2D
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.losses.branches import feature_distance
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.joint_training import OBJECTIVES, joint_losses
from condense_ns.pretraining.pretrain_example import PretrainExample
from tests.pretraining.made_up_example import CHANNELS, GRIDS, example, network

NAMES = {
    "condense": {"lifted", "refined", "steady", "alike", "told", "anchor"},
    "refine": {"steady", "alike", "told", "anchor"},
    "mvnet": {"transfer", "correspondence"},
    "sparse": {
        "score_consistency",
        "score_peakedness",
        "score_repeatability",
        "score_prior",
    },
    "language": {"language"},
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_has_its_losses(objective):
    losses = joint_losses(network(), [example()], [objective])
    assert set(losses) == NAMES[objective]
    assert all(loss.isfinite() for loss in losses.values())
    assert all(loss.requires_grad for loss in losses.values())


def test_losses_are_means_over_the_examples_and_scenes_do_not_mix():
    made = network()
    both = joint_losses(made, [example(0), example(1)], OBJECTIVES)
    alone = [joint_losses(made, [example(seed)], OBJECTIVES) for seed in (0, 1)]
    for name, loss in both.items():
        torch.testing.assert_close(loss, (alone[0][name] + alone[1][name]) / 2)


def test_every_weight_learns():
    made = network()
    for maps in made.branch_2d.refiners:  # whose last layers are zero
        for weight in maps.parameters():
            torch.nn.init.normal_(weight, std=0.1)
    kinds = [replace(example().volume, kind=kind) for kind in ("radiance", "depth", "points")]
    examples = [replace(example(), volume=volume) for volume in kinds]
    sum(joint_losses(made, examples, OBJECTIVES).values()).backward()  # type: ignore[union-attr]
    lacking = [
        name
        for name, weight in made.named_parameters()
        if weight.grad is None or not weight.grad.any()
    ]
    assert lacking == []


def test_scores_do_not_shape_features():
    made = network()
    sum(joint_losses(made, [example()], ["sparse"]).values()).backward()  # type: ignore[union-attr]
    learning = {name for name, weight in made.named_parameters() if weight.grad is not None}
    heads = ("score_3d.", "branch_2d.score.")
    assert learning == {name for name, _ in made.named_parameters() if name.startswith(heads)}


def test_to_refine_the_3d_network_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    made, examples = network(), [example(0), example(1)]
    whole = joint_losses(made, examples, ["condense"])
    monkeypatch.setattr(JointNetwork, "latents", None)
    alone = joint_losses(made, examples, ["refine"])
    assert all(torch.equal(loss, whole[name]) for name, loss in alone.items())


def of_one_view(whole: PretrainExample) -> PretrainExample:
    """Its first view, of which nobody has said anything."""
    return replace(
        whole,
        target=whole.target[[0]],
        features={spec: maps[:1] for spec, maps in whole.features.items()},
        seen={
            spec: replace(
                cells,
                **{
                    name: getattr(cells, name)[:1]
                    for name in ("voxels", "weights", "surface", "depth", "points", "counted")
                },
            )
            for spec, cells in whole.seen.items()
        },
        captions={},
        landings={},
        priors=None,
    )


def test_an_example_with_one_view_has_no_losses_of_pairs():
    losses = joint_losses(network(), [of_one_view(example())], OBJECTIVES)
    assert set(losses) == {"lifted", "refined", "anchor", "transfer"}


@pytest.mark.parametrize("objective", ["sparse", "language"])
def test_examples_without_any_loss_have_one_that_is_zero_and_changes_nothing(objective):
    made, one = network(), of_one_view(example())
    losses = joint_losses(made, [one, one], [objective])
    assert set(losses) <= NAMES[objective]
    (loss,) = losses.values()
    assert loss.item() == 0.0
    loss.backward()
    assert not any(w.grad.any() for w in made.parameters() if w.grad is not None)
    nothing = replace(one, seen={}, features={})  # as no encoder answers
    assert [one.item() for one in joint_losses(made, [nothing], OBJECTIVES).values()] == [0.0]


def test_photographs_do_not_follow_what_is_rendered_without_colours():
    made, whole = network(), example()
    alone = joint_losses(made, [whole.without_colour()], ["condense"])
    assert set(alone) == {"lifted", "steady", "alike", "told", "anchor"}
    together = joint_losses(made, [whole, whole.without_colour()], ["condense"])
    torch.testing.assert_close(
        together["refined"], joint_losses(made, [whole], ["condense"])["refined"]
    )


def test_shared_cells_are_compared_with_both_maps_where_they_land_in_the_next_view(
    monkeypatch,
):
    made, given = network(), example()
    torch.nn.init.normal_(made.branch_2d.read_outs[0].weight)  # type: ignore[arg-type]
    monkeypatch.setattr(type(made), "refined", lambda self, spec, original, trunks: 0.5 * original)
    given = replace(given, features={"fine": given.features["fine"]}, captions={})
    found = joint_losses(made, [given], ["condense"])
    maps, landings = made.standardised("fine", given.features["fine"]), given.landings["fine"]
    total, apart, missed, count = 0.0, 0.0, 0.0, 0
    for view in range(3):
        for cell in torch.nonzero(landings.shared[view])[:, 0].tolist():
            here = 0.5 * maps[view].flatten(0, 1)[[cell]]
            place = landings.places[view, cell][None, None]
            there = sample_cells(maps[[(view + 1) % 3]], place)[0]
            total += float(feature_distance(here, there, torch.ones(1)))
            apart += 1 - float(torch.cosine_similarity(here, 0.5 * there))
            missed += float((made.branch_2d.read_outs[0](here) - there).detach().square().mean())
            count += 1
    assert count > 20
    assert abs(float(found["steady"]) - total / count) < 1e-4
    assert abs(float(found["alike"]) - apart / count) < 1e-4
    assert abs(float(found["told"]) - missed / count) < 1e-4


@pytest.mark.slow
def test_what_is_steady_is_what_views_have_in_common():
    """Noise of each view's own goes, what is painted on the cube stays; the other losses are left out."""
    made, given = network(), example()
    made.branch_2d = Branch2D(CHANNELS, 32)
    cells, generator = given.seen["fine"], torch.Generator().manual_seed(0)
    sides = (given.volume.voxel_indices > 0).float()  # large patches of eight colours
    painted = cells.composite(sides @ torch.randn(3, 5, generator=generator))
    painted = painted.unflatten(1, GRIDS["fine"])
    optimiser = torch.optim.Adam(made.branch_2d.parameters(), lr=1e-2)
    for _ in range(200):
        noisy = painted + 0.5 * torch.randn(painted.shape, generator=generator)
        given = replace(given, features={"fine": noisy}, captions={})
        optimiser.zero_grad()
        joint_losses(made, [given], ["condense"])["steady"].backward()
        optimiser.step()
    noisy = painted + 0.5 * torch.randn(painted.shape, generator=generator)
    wanted, original = (made.standardised("fine", maps) for maps in (painted, noisy))
    shared = given.landings["fine"].shared
    wrong, noise = (
        (maps - wanted).flatten(1, 2)[shared].norm()
        for maps in (made.refined("fine", original), original)
    )
    assert wrong < 0.85 * noise


def test_correspondence_is_learned_from_projected_features_alone():
    made, given = network(), example()
    optimiser = torch.optim.Adam(made.parameters(), lr=5e-3)
    distances = []
    for _ in range(25):
        loss = joint_losses(made, [given], ["mvnet"])["correspondence"]
        distances.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert distances[-1] < 0.5 * distances[0]


@pytest.mark.gpu
def test_losses_on_a_gpu_are_those_of_the_cpu():
    made, given = network(), example()
    expected = joint_losses(made, [given], OBJECTIVES)
    found = joint_losses(made.cuda(), [given.to("cuda")], OBJECTIVES)
    for name, loss in expected.items():
        torch.testing.assert_close(found[name].cpu(), loss, atol=1e-4, rtol=1e-3)
    sum(found.values()).backward()  # type: ignore[union-attr]


def spread(made: JointNetwork, given: PretrainExample) -> float:
    """Of the refined features of what is seen about their mean, relative to the encoder's own."""
    original = made.standardised("fine", given.features["fine"])
    visible = given.seen["fine"].visible
    refined, original = (
        maps.flatten(1, 2)[visible] for maps in (made.refined("fine", original), original)
    )
    return float((refined - refined.mean(dim=0)).norm() / (original - original.mean(dim=0)).norm())


@pytest.mark.parametrize("anchored", [True, False])
def test_without_the_anchor_the_branches_collapse(anchored, monkeypatch):
    made, given = network(), example()
    generator = torch.Generator().manual_seed(0)
    made.branch_2d = Branch2D(CHANNELS, 64)
    weights = [*made.branch_2d.refiners.parameters(), *made.decoders.parameters()]
    optimiser = torch.optim.Adam(weights, lr=2e-2)
    kept_latents = [latents.detach() for latents in made.latents([given])]
    monkeypatch.setattr(made, "latents", lambda examples: kept_latents)
    for _ in range(120):
        noise = torch.randn(given.features["fine"].shape, generator=generator)
        given = replace(given, features={"fine": noise}, captions={})  # no two views agree
        losses = joint_losses(made, [given], ["condense"])
        pull = losses["lifted"] + losses["refined"]
        pull = pull + 2 * losses["anchor"] if anchored else pull
        optimiser.zero_grad()
        pull.backward()
        optimiser.step()
    kept = spread(made, given)
    assert kept > 0.5 if anchored else kept < 0.4, kept
