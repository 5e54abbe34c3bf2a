"""How relevant features are to a query, against a loop over single features."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from condense_ns.encoders.base import TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.retrieval import relevancy as relevancy_module
from condense_ns.retrieval.relevancy import (
    Query,
    Rule,
    margin,
    mean_direction,
    relevancy,
    relevancy_of_margin,
)

X, Y, Z = torch.eye(3)
ORIGIN = torch.zeros(3)


def query(
    positives=X[None],
    negatives=Y[None],
    centre=ORIGIN,
    rule: Rule = "softmax",
    threshold: float | None = 0.5,
    label="",
    inverse_temperature=10.0,
):
    return Query("fake", positives, negatives, centre, rule, threshold, label, inverse_temperature)


def random_query(rule):
    generator = torch.Generator().manual_seed(0)
    positives, negatives, centre = torch.randn(7, 8, generator=generator).split([2, 4, 1])
    return Query("fake", positives, negatives, centre[0], rule)


def cosine(first, second):
    lengths = math.sqrt(float(first @ first)) * math.sqrt(float(second @ second))
    return float(first @ second) / lengths if lengths > 0 else 0.0


def slow_relevancy(feature, asked):
    """The module's docstring, word by word, for one feature."""
    if asked.rule == "cosine":
        directions = [F.normalize(part - asked.centre, dim=0) for part in asked.positives]
        return max(0.0, cosine(feature - asked.centre, sum(directions)))
    positive = sum(F.normalize(part, dim=0) for part in asked.positives)
    shares = []
    for negative in asked.negatives:
        wanted, other = (math.exp(10 * cosine(feature, p)) for p in (positive, negative))
        shares.append(wanted / (wanted + other))
    return min(shares)


def test_softmax_rule_by_hand():
    features = torch.stack([X, Y, X + Y, -X, Z, 7 * X])
    share = math.exp(10) / (math.exp(10) + 1)
    expected = [share, 1 - share, 0.5, 1 / (math.exp(10) + 1), 0.5, share]
    assert torch.allclose(relevancy(features, query()), torch.tensor(expected), atol=1e-6)


@pytest.mark.parametrize("inverse_temperature", [0.1, 10.0, 30.0])
def test_the_inverse_temperature_is_the_slope_of_the_logit(inverse_temperature):
    features = torch.stack([X, X + Y, 3 * X + Y, Z - Y])
    asked = query(inverse_temperature=inverse_temperature)
    found = relevancy(features.double(), to_double(asked))
    margins = margin(features.double(), to_double(asked))
    assert torch.allclose(margins[:3], torch.tensor([1.0, 0.0, 2.0 / math.sqrt(10)]).double())
    assert torch.allclose(torch.logit(found), inverse_temperature * margins, rtol=1e-4)
    assert torch.equal(relevancy_of_margin(margins, asked), found)


def to_double(asked):
    vectors = ("positives", "negatives", "centre")
    return replace(asked, **{name: getattr(asked, name).double() for name in vectors})


def test_the_margin_of_an_example_keeps_its_negative_half():
    asked = query(negatives=torch.zeros(0, 3), rule="cosine")
    assert margin(torch.stack([-X, X]), asked).tolist() == [-1.0, 1.0]
    assert relevancy(torch.stack([-X, X]), asked).tolist() == [0.0, 1.0]


def test_an_automatic_threshold_must_be_chosen_before_it_is_used():
    assert query(threshold=0.3).cut == 0.3
    with pytest.raises(UserError, match="threshold of the query 'a chair' has not been chosen"):
        query(threshold=None, label="a chair").cut  # noqa: B018


def test_encoders_and_queries_have_the_same_inverse_temperature_by_default():
    assert TextImageEncoder.inverse_temperature == query().inverse_temperature == 10.0


def test_the_closest_negative_counts():
    asked = query(negatives=torch.stack([Y, X, Z]))
    assert relevancy(X[None], asked).item() == pytest.approx(0.5)


def test_cosine_rule_by_hand():
    asked = query(positives=(X + Y)[None], negatives=torch.zeros(0, 3), centre=Y, rule="cosine")
    features = torch.stack([Y + 5 * X, Y - X, Y + X + Z, Y])
    expected = torch.tensor([1.0, 0.0, math.sqrt(0.5), 0.0])
    assert torch.allclose(relevancy(features, asked), expected, atol=1e-6)


@pytest.mark.parametrize("rule", ["softmax", "cosine"])
def test_agrees_with_a_loop(rule):
    asked = random_query(rule)
    features = torch.randn(50, 8, generator=torch.Generator().manual_seed(1)) * 30
    found = relevancy(features, asked)
    expected = [slow_relevancy(feature, asked) for feature in features]
    assert torch.allclose(found, torch.tensor(expected), atol=1e-5)
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("rule", ["softmax", "cosine"])
@pytest.mark.parametrize("count", [4, 5, 6, 12, 13])
def test_chunks_leave_no_seam(monkeypatch, rule, count):
    asked = random_query(rule)
    features = torch.randn(count, 8, generator=torch.Generator().manual_seed(1))
    whole = relevancy(features, asked)
    monkeypatch.setattr(relevancy_module, "CHUNK", 5)
    assert torch.allclose(relevancy(features, asked), whole, atol=1e-6)


@pytest.mark.parametrize("rule", ["softmax", "cosine"])
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3, 4)])
def test_the_shape_of_the_features_is_kept(rule, shape):
    features = torch.randn(*shape, 8, generator=torch.Generator().manual_seed(1))
    found = relevancy(features, random_query(rule))
    assert found.shape == shape
    if shape == (2, 3, 4):
        assert torch.allclose(found[1, 2], relevancy(features[1, 2], random_query(rule)), atol=1e-6)


def test_zero_vectors_get_a_number():
    assert relevancy(torch.zeros(1, 3), query()).tolist() == [0.5]
    assert relevancy(torch.zeros(1, 3), query(rule="cosine")).tolist() == [0.0]


def test_lengths_of_positives_and_negatives_do_not_matter():
    features = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    short, long = query(torch.stack([X, Z])), query(torch.stack([X, 50 * Z]), 9 * Y[None])
    assert torch.allclose(relevancy(features, short), relevancy(features, long), atol=1e-6)
    assert torch.allclose(mean_direction(torch.stack([X, 50 * Z])), (X + Z) / math.sqrt(2))


def test_moving_a_query_keeps_all_of_it():
    asked = query(threshold=0.7, label="a chair", inverse_temperature=3.0)
    moved = asked.to("cpu")
    assert moved.inverse_temperature == 3.0
    assert (moved.threshold, moved.label, moved.rule) == (0.7, "a chair", "softmax")
    assert (moved.encoder, torch.equal(moved.centre, asked.centre)) == ("fake", True)


def test_features_of_another_encoder_are_refused():
    with pytest.raises(UserError, match=r"'a chair' has 3 channels \(fake\), the features have 4"):
        relevancy(torch.zeros(2, 4), query(label="a chair"))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"positives": torch.zeros(0, 3)}, "at least one positive"),
        ({"negatives": torch.zeros(0, 3)}, "'softmax' needs at least one negative"),
        ({"threshold": 1.5}, r"threshold is 1\.5"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"inverse_temperature": 0.0}, r"inverse temperature of fake is 0\.0"),
        ({"inverse_temperature": 1001.0}, r"it must lie in \(0, 1000\]"),
        ({"inverse_temperature": float("nan")}, "inverse temperature of fake is nan"),
    ],
)
def test_queries_that_make_no_sense_are_refused(fields, told):
    with pytest.raises(UserError, match=told):
        query(**fields)
