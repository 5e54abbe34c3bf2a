"""The 2D probe: features that hold the classes are told from ones that do not."""

import pytest
import torch

from condense_ns.downstream import linear_probe
from condense_ns.downstream.linear_probe import (
    LabelledMap,
    LinearProbe,
    cell_labels,
    probe_figures,
)
from condense_ns.errors import UserError


def made_map(seed, told=True, size=(6, 8), pixels=(24, 32)):
    """Two or three classes in stripes; features hold them plainly, or not at all."""
    generator = torch.Generator().manual_seed(seed)
    cells = torch.randint(0, 3, (1, size[1]), generator=generator).expand(size)
    labels = cells.repeat_interleave(pixels[0] // size[0], 0)
    labels = labels.repeat_interleave(pixels[1] // size[1], 1).contiguous()
    features = 0.3 * torch.randn(*size, 5, generator=generator)
    if told:
        features[..., :3] += torch.nn.functional.one_hot(cells, 3) * 1000.0
    return LabelledMap(features, labels)


def test_features_with_the_classes_in_them_win():
    figures = {}
    for told in (True, False):
        maps = [made_map(seed, told) for seed in range(10)]
        figures[told] = probe_figures(maps[:7], maps[7:], 3)
    assert figures[True]["pixel_accuracy"] > 0.85  # what is missed lies between the cells
    assert figures[False]["pixel_accuracy"] < 0.6
    assert figures[True].keys() >= {"mean_iou", "class_accuracy", "penalty"}


def test_the_scale_of_features_does_not_matter():
    maps = [made_map(seed) for seed in range(6)]
    small = [LabelledMap(one.features * 1e-3 - 5, one.labels) for one in maps]
    one, other = (probe_figures(m[:4], m[4:], 3)["pixel_accuracy"] for m in (maps, small))
    assert one == pytest.approx(other, abs=0.03)


def test_it_is_the_same_each_time_and_leaves_the_global_seed_alone():
    maps = [made_map(seed, told=False) for seed in range(6)]
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first, again = (probe_figures(maps[:4], maps[4:], 3) for _ in range(2))
    assert first == again
    assert torch.equal(torch.rand(1), expected)


def test_cells_have_the_label_in_their_middle():
    labels = torch.arange(16).reshape(4, 4)
    found = cell_labels(LabelledMap(torch.zeros(2, 2, 1), labels))
    assert found.tolist() == [[5, 7], [13, 15]]


def test_logits_are_interpolated_between_cells():
    probe = LinearProbe(1, 2)
    with torch.no_grad():
        probe.linear.weight.copy_(torch.tensor([[0.0], [1.0]]))
        probe.linear.bias.zero_()
    features = torch.tensor([[[-1.0], [3.0]]])
    # Logits of class 1 at the four pixels: -1, 0, 2, 3.
    assert probe.answered(features, (1, 4)).tolist() == [[0, 0, 1, 1]]


def test_unlabelled_pixels_do_not_count():
    maps = [made_map(seed) for seed in range(6)]
    for one in maps[:4]:
        one.labels[:12] = -1
    assert probe_figures(maps[:4], maps[4:], 3)["pixel_accuracy"] > 0.8  # 0.33 by chance


def test_one_map_takes_the_penalty_in_the_middle():
    assert probe_figures([made_map(0)], [made_map(1)], 3)["penalty"] == 1e-4


def noisy_maps(squashed=1.0):
    """Two classes that overlap; what tells them may be hidden in a direction of hardly any variance."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(10):
        labels = torch.randint(0, 2, (30, 30), generator=generator)
        telling = labels.float() * 1.5 + torch.randn(30, 30, generator=generator)
        loud = torch.randn(30, 30, generator=generator)
        features = torch.stack([loud + squashed * telling, loud - squashed * telling], dim=-1)
        found.append(LabelledMap(features, labels))
    return found


def test_directions_of_little_variance_tell_as_much_as_others():
    plain, hidden = noisy_maps(), noisy_maps(squashed=0.05)
    one, other = (probe_figures(m[:7], m[7:], 2)["pixel_accuracy"] for m in (plain, hidden))
    assert one == pytest.approx(0.773, abs=0.02)  # a border 0.75 deviations away
    assert other == pytest.approx(one, abs=0.01)


def test_the_layer_is_at_the_minimum(monkeypatch: pytest.MonkeyPatch):
    maps = noisy_maps()
    lesson = linear_probe._drawn(maps, 2)
    probe = lesson.learned(1e-4)
    weight, bias = (one.detach().clone().requires_grad_() for one in probe.linear.parameters())
    logits = lesson.rows @ weight.T + bias
    loss = torch.nn.functional.cross_entropy(logits, lesson.labels) + 1e-4 * (weight**2).sum()
    gradients = torch.autograd.grad(loss, (weight, bias))
    assert max(float(one.abs().max()) for one in gradients) < 1e-4
    monkeypatch.setattr(linear_probe, "MOST_ROWS", 6000)
    fewer = linear_probe._drawn(maps, 2)
    assert (len(lesson.rows), len(fewer.rows)) == (9000, 6000)
    again = fewer.learned(1e-4).linear.weight
    torch.testing.assert_close(again, probe.linear.weight, atol=0.3, rtol=0)


@pytest.mark.parametrize(
    ("train", "test", "classes", "told"),
    [
        ([], [made_map(0)], 3, "needs maps for training and for testing"),
        (
            [made_map(0)],
            [LabelledMap(torch.zeros(2, 2, 4), torch.zeros(2, 2).long())],
            3,
            "4, 5 channels",
        ),
        ([made_map(0)], [made_map(1)], 2, "pixels are labelled 2, but there are 2 classes"),
        (
            [LabelledMap(torch.zeros(2, 2, 5), torch.full((2, 2), -1))],
            [made_map(1)],
            3,
            "no pixel of the training maps is labelled",
        ),
    ],
)
def test_maps_that_cannot_be_compared_are_refused(train, test, classes, told):
    with pytest.raises(UserError, match=told):
        probe_figures(train, test, classes)
