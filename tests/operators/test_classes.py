"""Segmentation by words."""

import pytest
import torch

from condense_ns.encoders.base import TextImageEncoder
from condense_ns.operators import OperatorError, build_operator
from condense_ns.operators.classes import ClassesOperator, parse_classes
from condense_ns.rendering.class_colours import class_colours

WORDS = {"red": [1.0, 0, 0], "crimson": [1.0, 0, 0], "green": [0, 1.0, 0], "blue": [0, 0, 1.0]}


class ColourWords(TextImageEncoder):
    """Features are the colours of patches of 4 pixels; the words name them."""

    spec, channels, patch_size, fingerprint, device = "colour-words", 3, 4, "0", "cpu"
    inverse_temperature = 2.0

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        return height // 4, width // 4

    def encode(self, images):
        return torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)

    def encode_text(self, texts):
        return torch.tensor([WORDS[text] for text in texts])


@pytest.fixture
def operator():
    return ClassesOperator("classes:words", ColourWords(), ["red;crimson", "green", "blue"])


def test_probabilities_by_hand(operator):
    feature_map = torch.tensor([[[5.0, 0.0, 0.0]]])  # of any length
    answer = operator.decode(feature_map, torch.zeros(3, 2, 2))
    expected = torch.tensor([2.0, 0.0, 0.0]).softmax(dim=0)
    torch.testing.assert_close(answer, expected.expand(2, 2, 3))


def test_labels_and_colours(operator):
    image = torch.zeros(3, 8, 12)
    for third in range(3):
        image[third, :, 4 * third : 4 * third + 4] = 0.7
    answer = operator.decode(operator.encode(image[None])[0], image)
    assert operator.label_names == ("red", "green", "blue")
    labels = operator.labels(answer)
    assert labels is not None
    assert labels[:, [0, 1, 5, 6, 10, 11]].tolist() == [[0, 0, 1, 1, 2, 2]] * 8
    assert torch.equal(operator.picture(answer).permute(1, 2, 0), class_colours(labels))
    torch.testing.assert_close(answer.sum(dim=-1), torch.ones(8, 12))


def test_the_spec_is_split_at_the_last_question_mark():
    spec = "classes:onnx:net.onnx?input=unit?a chair; stool, table ,floor"
    assert parse_classes(spec) == ("onnx:net.onnx?input=unit", ["a chair; stool", "table", "floor"])


@pytest.mark.parametrize(
    "spec", ["classes:mini", "classes:mini?", "classes:?chair", "classes:mini? ,"]
)
def test_specs_without_encoder_or_classes(spec):
    with pytest.raises(OperatorError, match="expected classes:<encoder>"):
        build_operator(spec)


def test_an_encoder_without_text_is_refused():
    with pytest.raises(OperatorError, match="colour_network:network does not understand text; use"):
        build_operator("classes:torch:colour_network:network?chair")


def test_the_shipped_encoder_tells_classes_apart():
    operator = build_operator("classes:mini?chair,table,floor", image_size=96)
    image = torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0))
    answer = operator.decode(operator.encode(image[None])[0], image)
    assert answer.shape == (48, 64, 3)
    torch.testing.assert_close(answer.sum(dim=-1), torch.ones(48, 64))
