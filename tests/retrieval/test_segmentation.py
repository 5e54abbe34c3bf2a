"""Which class a feature belongs to, against a loop over single features."""

import math

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.retrieval import segmentation as segmentation_module
from condense_ns.retrieval.relevancy import Query, relevancy
from condense_ns.retrieval.segmentation import class_scores, segment

X, Y, Z = torch.eye(3)
AXES = [X[None], Y[None], Z[None]]


def random_case(count=60, classes=4):
    generator = torch.Generator().manual_seed(0)
    features = 20.0 * torch.randn(count, 8, generator=generator)
    return features, [torch.randn(1 + k, 8, generator=generator) for k in range(classes)]


def slow_scores(feature, embeddings, inverse_temperature):
    """The module's docstring, word by word."""
    logits = []
    for words in embeddings:
        direction = torch.zeros_like(feature)
        for word in words:
            direction += word / math.sqrt(float(word @ word))
        lengths = math.sqrt(float(direction @ direction)) * math.sqrt(float(feature @ feature))
        logits.append(inverse_temperature * float(direction @ feature) / lengths)
    total = sum(math.exp(logit) for logit in logits)
    return [math.exp(logit) / total for logit in logits]


def test_three_axes_by_hand():
    scores = class_scores(torch.stack([5 * X, Y + Z]), AXES, 10.0)
    e, half = math.exp(10), math.exp(10 / math.sqrt(2))
    expected = [[e, 1, 1], [1, half, half]]
    expected = torch.tensor([[value / sum(row) for value in row] for row in expected])
    assert torch.allclose(scores, expected, atol=1e-6)
    assert segment(torch.stack([5 * X, Z, 0.1 * Y]), AXES, 10.0).tolist() == [0, 2, 1]


@pytest.mark.parametrize("inverse_temperature", [0.5, 10.0, 100.0])
def test_agrees_with_a_loop(inverse_temperature):
    features, embeddings = random_case()
    scores = class_scores(features, embeddings, inverse_temperature)
    expected = [slow_scores(feature, embeddings, inverse_temperature) for feature in features]
    assert torch.allclose(scores, torch.tensor(expected), atol=1e-4)
    assert torch.allclose(scores.sum(dim=-1), torch.ones(60))
    labels = [row.index(max(row)) for row in expected]
    assert segment(features, embeddings, inverse_temperature).tolist() == labels
    rejecting = [k if row[k] >= 0.6 else -1 for k, row in zip(labels, expected, strict=True)]
    assert segment(features, embeddings, inverse_temperature, 0.6).tolist() == rejecting


def test_two_classes_are_a_query_with_one_negative():
    features, (first, second, *_) = random_case()
    asked = Query("fake", first, second[:1], torch.zeros(8), inverse_temperature=7.0)
    scores = class_scores(features, [first, second[:1]], 7.0)
    assert torch.allclose(scores[:, 0], relevancy(features, asked), atol=1e-6)


def test_permuted_classes_permute_the_labels():
    features, embeddings = random_case()
    order = [2, 0, 3, 1]
    permuted = [embeddings[k] for k in order]
    labels = segment(features, permuted, 10.0)
    assert torch.equal(torch.tensor(order)[labels], segment(features, embeddings, 10.0))
    scores = class_scores(features, embeddings, 10.0)
    assert torch.allclose(class_scores(features, permuted, 10.0), scores[:, order], atol=1e-6)


def test_lengths_do_not_matter():
    features, embeddings = random_case()
    longer = [words * 3.0 for words in embeddings]
    scores = class_scores(features, embeddings, 10.0)
    assert torch.allclose(class_scores(0.01 * features, longer, 10.0), scores, atol=1e-5)


@pytest.mark.parametrize("count", [4, 5, 6, 13])
def test_chunks_leave_no_seam(monkeypatch, count):
    features, embeddings = random_case(count)
    whole = class_scores(features, embeddings, 10.0), segment(features, embeddings, 10.0, 0.5)
    monkeypatch.setattr(segmentation_module, "CHUNK", 5)
    assert torch.allclose(class_scores(features, embeddings, 10.0), whole[0], atol=1e-6)
    assert torch.equal(segment(features, embeddings, 10.0, 0.5), whole[1])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3, 5)])
def test_the_shape_of_the_features_is_kept(shape):
    features = torch.randn(*shape, 3, generator=torch.Generator().manual_seed(0))
    assert class_scores(features, AXES, 10.0).shape == (*shape, 3)
    labels = segment(features, AXES, 10.0)
    assert labels.shape == shape
    assert labels.dtype == torch.long


def test_ties_go_to_the_first_class_exactly():
    features = torch.stack([X + Y, Y + Z, X + Y + Z, torch.zeros(3), -X]).repeat(50, 1)
    assert segment(features, AXES, 10.0).reshape(50, 5).unique(dim=0).tolist() == [[0, 1, 0, 0, 1]]


def test_classes_whose_probabilities_both_round_to_one_half_are_told_apart():
    features = torch.tensor([[1.0, 1.0 + 1e-6, 0.0]])
    assert segment(features, AXES, 0.01).tolist() == [1]


def test_a_zero_vector_is_equally_like_every_class():
    assert torch.allclose(class_scores(torch.zeros(1, 3), AXES, 10.0), torch.full((1, 3), 1 / 3))
    assert segment(torch.zeros(1, 3), AXES, 10.0, 0.5).tolist() == [-1]


def test_one_class_is_everywhere():
    features, embeddings = random_case()
    assert torch.equal(class_scores(features, embeddings[:1], 10.0), torch.ones(60, 1))
    assert segment(features, embeddings[:1], 10.0, 1.0).unique().tolist() == [0]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"embeddings": []}, "at least one class"),
        ({"embeddings": [X[None], torch.zeros(0, 3)]}, "words for each"),
        ({"embeddings": [X[None], torch.zeros(1, 4)]}, r"classes have \[3, 4\] channels"),
        ({"features": torch.zeros(2, 4)}, r"\[3\] channels, the features 4"),
        ({"features": torch.full((2, 3), float("nan"))}, "not finite"),
        ({"inverse_temperature": 0.0}, r"classes is 0\.0, it must lie in \(0, 1000\]"),
        ({"inverse_temperature": float("nan")}, "inverse temperature of the classes is nan"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, told):
    arguments = {"features": X[None], "embeddings": AXES, "inverse_temperature": 10.0} | fields
    for function in (class_scores, segment):
        with pytest.raises(UserError, match=told):
            function(**arguments)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_rejection_outside_its_range(wrong):
    with pytest.raises(UserError, match="reject_below is"):
        segment(X[None], AXES, 10.0, wrong)
