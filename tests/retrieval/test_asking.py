"""Queries from words, pictures and features."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.retrieval.asking import (
    class_embeddings,
    crop_query,
    feature_query,
    mean_inside,
    text_query,
)
from condense_ns.retrieval.relevancy import relevancy
from condense_ns.retrieval.segmentation import segment

CENTRE = torch.zeros(3)


class AveragingEncoder(ImageEncoder):
    """Features are the mean colours of cells of 4 x 4 pixels."""

    spec, channels, patch_size, fingerprint, device = "averages", 3, 4, "00", "cpu"

    def grid_size(self, height, width):
        return height // 4, width // 4

    def encode(self, images):
        return torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)


class NamingEncoder(AveragingEncoder, TextImageEncoder):
    """Knows three words, one per axis."""

    spec = "names"

    def encode_text(self, texts):
        return torch.stack([torch.eye(3)[["red", "green", "blue"].index(text)] for text in texts])


@pytest.fixture
def red_left_blue_right(tmp_path) -> Path:
    picture = Image.new("RGB", (16, 8), (255, 0, 0))
    picture.paste((0, 0, 255), (8, 0, 16, 8))
    picture.save(tmp_path / "halves.png")
    return tmp_path / "halves.png"


def test_words_find_their_colour():
    query = text_query(NamingEncoder(), [" red ", ""], ["green", "blue"], CENTRE, 0.7)
    assert (query.encoder, query.label, query.rule) == ("names", "red", "softmax")
    scores = relevancy(torch.eye(3), query)
    assert scores[0] > 0.99
    assert (scores[1:] < 0.01).all()


def test_several_positives_describe_one_thing():
    query = text_query(NamingEncoder(), ["red", "green"], ["blue"], CENTRE, 0.5)
    assert query.positives.shape == (2, 3)
    assert query.label == "red; green"


@pytest.mark.parametrize(
    ("positives", "negatives", "sentence"),
    [([" ", ""], ["blue"], "at least one positive"), (["red"], [" "], "at least one negative")],
)
def test_words_must_be_there(positives, negatives, sentence):
    with pytest.raises(UserError, match=sentence):
        text_query(NamingEncoder(), positives, negatives, CENTRE, 0.5)


def test_an_encoder_brings_its_own_inverse_temperature():
    encoder = NamingEncoder()
    assert text_query(encoder, ["red"], ["blue"], CENTRE, None).inverse_temperature == 10.0
    encoder.inverse_temperature = 42.0
    asked = text_query(encoder, ["red"], ["blue"], CENTRE, None)
    assert (asked.inverse_temperature, asked.threshold) == (42.0, None)
    encoder.inverse_temperature = -1.0
    with pytest.raises(UserError, match=r"inverse temperature of names is -1\.0"):
        text_query(encoder, ["red"], ["blue"], CENTRE, None)


def test_classes_of_several_words():
    first, second = class_embeddings(NamingEncoder(), ["red; green ;", "blue"])
    assert torch.equal(first, torch.eye(3)[:2])
    assert torch.equal(second, torch.eye(3)[2:])
    features = torch.eye(3) + 0.1
    assert segment(features, [first, second], 10.0).tolist() == [0, 0, 1]


@pytest.mark.parametrize("classes", [[], ["red", " ; "], [""]])
def test_classes_need_words(classes):
    with pytest.raises(UserError, match="at least one, each with a word"):
        class_embeddings(NamingEncoder(), classes)


def test_threshold_outside_its_range():
    with pytest.raises(UserError, match=r"threshold is 1\.5"):
        text_query(NamingEncoder(), ["red"], ["blue"], CENTRE, 1.5)


def test_features_are_averaged_and_compared_with_the_mean_of_the_scene():
    centre = torch.tensor([1.0, 1.0, 1.0])
    query = feature_query(
        "e", torch.tensor([[3.0, 1.0, 0.0], [3.0, 1.0, 2.0]]), centre, 0.5, "click"
    )
    assert torch.equal(query.positives, torch.tensor([[3.0, 1.0, 1.0]]))
    scores = relevancy(torch.tensor([[9.0, 1.0, 1.0], [1.0, 5.0, 1.0], [0.0, 1.0, 1.0]]), query)
    assert torch.allclose(scores, torch.tensor([1.0, 0.0, 0.0]))


def test_no_features_and_features_that_are_not_finite():
    with pytest.raises(UserError, match="rectangle holds no features"):
        feature_query("e", torch.zeros(0, 3), CENTRE, 0.5, "rectangle")
    with pytest.raises(UserError, match="not finite"):
        feature_query("e", torch.tensor([[float("nan"), 0.0, 0.0]]), CENTRE, 0.5, "click")


def test_a_crop_is_the_mean_of_its_part(red_left_blue_right):
    encoder = AveragingEncoder()
    left = crop_query(encoder, red_left_blue_right, (0, 0, 8, 8), CENTRE, 0.5)
    whole = crop_query(encoder, red_left_blue_right, None, CENTRE, 0.5)
    assert torch.allclose(left.positives, torch.tensor([[1.0, 0.0, 0.0]]))
    assert torch.allclose(whole.positives, torch.tensor([[0.5, 0.0, 0.5]]))
    assert left.label == "halves.png 0,0,8,8"
    assert whole.label == "halves.png"


def test_cells_count_by_the_area_that_is_covered():
    feature_map = torch.tensor([[[0.0], [1.0]], [[2.0], [3.0]]])  # cells of 10 x 10 pixels
    covered = mean_inside(feature_map, (5, 0, 20, 10), 20, 20)
    assert torch.allclose(covered, torch.tensor([(0.5 * 0.0 + 1.0 * 1.0) / 1.5]))
    inside_one_cell = mean_inside(feature_map, (12, 13, 13, 14), 20, 20)
    assert torch.allclose(inside_one_cell, torch.tensor([3.0]))


@pytest.mark.parametrize("crop", [(0, 0, 17, 8), (-1, 0, 8, 8), (8, 0, 8, 8), (0, 8, 8, 2)])
def test_a_crop_must_lie_inside(red_left_blue_right, crop):
    with pytest.raises(UserError, match="16 x 8 pixels"):
        crop_query(AveragingEncoder(), red_left_blue_right, crop, CENTRE, 0.5)
