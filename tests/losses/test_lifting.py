"""What lift3d is trained by."""

import math

import pytest
import torch

from condense_ns.losses.lifting import (
    FARTHEST_APART,
    colour_distance,
    feature_distances,
    plane_cross_entropy,
    plane_distance,
)

NAN = float("nan")


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def gradient_of(loss, values):
    loss.backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    return values.grad


def test_colours_a_tenth_apart_count_as_much_in_both_parts():
    true = torch.full((5, 3), 0.5)
    assert colour_distance(true + 0.1, true).item() == pytest.approx(0.1 + 10 * 0.01)
    assert colour_distance(true, true).item() == 0.0


def test_cross_entropy_of_planes_by_hand():
    log_probabilities = torch.tensor([[0.5, 0.25, 0.25]]).log().T.expand(3, 4)
    indices = torch.tensor([0.0, 0.5, 1.25, 2.0])
    halves, quarters = math.log(2), math.log(4)
    expected = [halves, (halves + quarters) / 2, quarters, quarters]
    found = plane_cross_entropy(log_probabilities, indices)
    assert found.item() == pytest.approx(sum(expected) / 4)


def test_unknown_cells_and_those_beyond_the_planes_do_not_count():
    log_probabilities = random(5, 6).log_softmax(dim=0).requires_grad_()
    indices = torch.tensor([NAN, -0.1, 4.1, 1.5, math.inf, 2.0])
    found = plane_cross_entropy(log_probabilities, indices)
    alone = plane_cross_entropy(log_probabilities[:, [3, 5]], indices[[3, 5]])
    torch.testing.assert_close(found, alone)
    gradient = gradient_of(found, log_probabilities)
    assert (gradient[:, [0, 1, 2, 4]] == 0).all()
    assert (gradient[1:3, 3] != 0).all()


def test_cross_entropy_is_least_for_the_two_planes_around_the_surface():
    indices = torch.tensor([1.25])
    best = torch.tensor([1e-6, 0.75, 0.25, 1e-6])
    least = plane_cross_entropy(best.log()[:, None], indices)
    for other in ([0.1, 0.65, 0.15, 0.1], [1e-6, 0.25, 0.75, 1e-6], [0.25] * 4):
        assert plane_cross_entropy(torch.tensor(other).log()[:, None], indices) > least


def test_distance_in_planes_by_hand():
    found = torch.tensor([1.0, 5.0, 3.0, 100.0], requires_grad=True)
    true = torch.tensor([1.5, 3.0, NAN, 0.0])
    loss = plane_distance(found, true)
    assert loss.item() == pytest.approx((0.5 + 2.0 + FARTHEST_APART) / 3)
    assert gradient_of(loss, found).tolist() == pytest.approx([-1 / 3, 1 / 3, 0, 0])


def slow_feature_distances(rendered, wanted, seen):
    mean = wanted.mean(dim=0)
    variance = ((wanted - mean) ** 2).mean()
    cosines, squares = [], []
    for at in range(len(rendered)):
        if seen[at]:
            first, second = rendered[at] - mean, wanted[at] - mean
            cosines.append(1 - first @ second / (first.norm() * second.norm()))
            squares.append(((rendered[at] - wanted[at]) ** 2).mean() / variance)
    return sum(cosines) / len(cosines), sum(squares) / len(squares)


def test_feature_distances_agree_with_a_loop():
    rendered, wanted = random(30, 7), 3 + random(30, 7, seed=1)
    seen = random(30, seed=2) > 0
    found = feature_distances(rendered, wanted, seen)
    for ours, theirs in zip(found, slow_feature_distances(rendered, wanted, seen), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_feature_distances_of_two_rays_by_hand():
    wanted = torch.tensor([[3.0, 1.0], [1.0, 1.0]])  # one to each side of (2, 1)
    rendered = torch.tensor([[2.0, 3.0], [0.0, 1.0]])  # at a right angle, and twice as far
    cosine, square = feature_distances(rendered, wanted, torch.tensor([True, True]))
    assert cosine.item() == pytest.approx((1 + 0) / 2)
    assert square.item() == pytest.approx(((1 + 4) / 2 + 1 / 2) / 2 / 0.5)


def test_feature_distances_know_neither_scale_nor_origin():
    rendered, wanted, seen = random(30, 7), random(30, 7, seed=1), torch.ones(30, dtype=torch.bool)
    moved = feature_distances(100 * rendered + 7, 100 * wanted + 7, seen)
    for ours, theirs in zip(moved, feature_distances(rendered, wanted, seen), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wanted", [torch.zeros(4, 3), random(1, 3).expand(4, 3)])
def test_features_that_are_all_alike_give_finite_gradients(wanted):
    rendered = wanted.clone().requires_grad_()
    cosine, square = feature_distances(rendered, wanted, torch.ones(4, dtype=torch.bool))
    gradient_of(cosine + square, rendered)


def test_nothing_that_counts_is_no_loss_with_a_gradient_of_zeros():
    rendered = random(4, 3).requires_grad_()
    cosine, square = feature_distances(rendered, random(4, 3, seed=1), torch.zeros(4) > 0)
    assert cosine.item() == square.item() == 0.0
    assert (gradient_of(cosine + square, rendered) == 0).all()
    depth = random(4).requires_grad_()
    assert (gradient_of(plane_distance(depth, torch.full((4,), NAN)), depth) == 0).all()
    planes = random(3, 4).requires_grad_()
    unknown = plane_cross_entropy(planes, torch.full((4,), NAN))
    assert (gradient_of(unknown, planes) == 0).all()
