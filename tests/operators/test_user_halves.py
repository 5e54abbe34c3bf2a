"""Objects of the user's own with two halves."""

from typing import Any

import pytest
import torch

from condense_ns.encoders import EncoderError
from condense_ns.operators import OperatorError, build_operator
from condense_ns.operators.base import Operator
from condense_ns.operators.checking import checked_decode, checked_encode
from tests.operators.own_operators import COLOURS

SOURCE = """
import os
import torch
import torch.nn.functional as F

class Sharpener:
    '''Twice the size and back, with an odd number of cells.'''
    seen = []

    def encode(self, images):
        self.seen.append(tuple(images.shape))
        return F.adaptive_avg_pool2d(images, (images.shape[2] // 3, images.shape[3] // 5))

    def decode(self, maps, images):
        return F.interpolate(maps, size=images.shape[2:]) + images

class Segmenter(torch.nn.Module):
    label_names = ["dark", "bright"]
    channels = 1

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.drop = torch.nn.Dropout()

    def grid_size(self, height, width):
        return height // 2, width // 2

    def encode(self, images):
        return self.drop(F.avg_pool2d(images.mean(dim=1, keepdim=True), 2)) * self.weight

    def decode(self, maps, images):
        bright = F.interpolate(maps, size=images.shape[2:]).to(torch.float64)
        return torch.cat([0.5 - bright, bright - 0.5], dim=1)

class Grey(Sharpener):
    def decode(self, maps, images):
        return images.mean(dim=1, keepdim=True)

class Five(Sharpener):
    def decode(self, maps, images):
        return images.mean(dim=1, keepdim=True).expand(-1, 5, -1, -1)

class Pictured(Five):
    def picture(self, answers):
        return answers[:, 2:5] * 2

class WrongPicture(Five):
    def picture(self, answers):
        return answers

class WrongSize(Sharpener):
    def decode(self, maps, images):
        return maps

class WrongCount(Segmenter):
    def decode(self, maps, images):
        return images

class Larger(Sharpener):
    answers, tall, wide = 3, 3, 3

    def decode(self, maps, images):
        larger = F.interpolate(images, scale_factor=(self.tall, self.wide))
        return larger.repeat(1, 2, 1, 1)[:, : self.answers]

class LargerClasses(Larger):
    label_names = ["red", "green", "blue"]

class Prompted(Sharpener):
    def __init__(self):
        self.fingerprint = os.environ["PROMPT"]

class Painter(Sharpener):
    rendered_share = 0
    painted_share = 0.3

class Flat(Sharpener):
    def encode(self, images):
        return images.mean(dim=(2, 3))

class Tired(Sharpener):
    def encode(self, images):
        raise RuntimeError("no memory\\nat all")

class Changing(Sharpener):
    channels = 7

class HalfOnly:
    encode = Sharpener.encode

class Nothing:
    def encode(self, images):
        return None
    decode = encode
"""


@pytest.fixture(autouse=True)
def _halves(write_module):
    write_module(SOURCE)


def operator(name, **options) -> Any:
    return build_operator(f"torch:halves:{name}", **options)


def test_halves_are_called_with_channels_first(image):
    sharpener = operator("Sharpener")
    assert (sharpener.channels, sharpener.grid_size(24, 32)) == (3, (8, 6))
    maps = checked_encode(sharpener, image[None])
    expected = torch.nn.functional.adaptive_avg_pool2d(image[None], (8, 6))
    torch.testing.assert_close(maps, expected.permute(0, 2, 3, 1))
    answer = checked_decode(sharpener, maps[0], image)
    enlarged = torch.nn.functional.interpolate(expected, size=(24, 32))[0]
    torch.testing.assert_close(answer, (enlarged + image).permute(1, 2, 0))
    assert torch.equal(sharpener.picture(answer), answer.permute(2, 0, 1).clamp(0, 1))
    assert sharpener.labels(answer) is None


def test_a_module_that_segments(image):
    segmenter = operator("Segmenter")
    maps = checked_encode(segmenter, image[None])  # frozen: nothing is dropped
    torch.testing.assert_close(
        maps[0, ..., 0], torch.nn.functional.avg_pool2d(image.mean(0)[None], 2)[0]
    )
    answer = checked_decode(segmenter, maps[0], image)
    labels = segmenter.labels(answer)
    assert labels is not None
    assert torch.equal(labels[::2, ::2], (maps[0, ..., 0] > 0.5).long())
    assert segmenter.label_names == ("dark", "bright")
    assert segmenter.picture(answer).shape == image.shape


def test_a_grid_is_asked_for_once_per_size(image):
    sharpener = operator("Sharpener")
    seen = sharpener._halves.seen
    asked = len(seen)
    for _ in range(3):
        checked_encode(sharpener, image[None])
    assert len(seen) == asked + 4
    told = operator("Segmenter")
    told._halves.encode = None  # asking for it would fail
    assert told.grid_size(24, 32) == (12, 16)


def test_image_size_is_what_encode_sees(image):
    sharpener = operator("Sharpener", image_size=16)
    maps = checked_encode(sharpener, image[None])
    assert sharpener._halves.seen[-1] == (1, 3, 12, 16)
    assert checked_decode(sharpener, maps[0], image).shape == (24, 32, 3)
    assert sharpener.fingerprint != operator("Sharpener").fingerprint


def test_pictures_of_other_answers(image):
    zeros = torch.zeros(8, 6, 3)
    grey = operator("Grey")
    picture = grey.picture(checked_decode(grey, zeros, image))
    torch.testing.assert_close(picture, image.mean(dim=0).expand(3, -1, -1))
    own = operator("Pictured")
    picture = own.picture(checked_decode(own, zeros, image))
    torch.testing.assert_close(picture, (2 * image.mean(dim=0)).clamp(max=1).expand(3, -1, -1))
    five = operator("Five")
    with pytest.raises(
        OperatorError, match="nothing tells what its 5 answers look like; define picture"
    ):
        five.picture(checked_decode(five, zeros, image))
    wrong = operator("WrongPicture")
    with pytest.raises(OperatorError, match=r"picture answers .* expected \(1, 3, 24, 32\)"):
        wrong.picture(checked_decode(wrong, zeros, image))


def test_fingerprint_follows_source_and_weights(write_module):
    first = [operator(name).fingerprint for name in ("Sharpener", "Segmenter")]
    assert [operator(name).fingerprint for name in ("Sharpener", "Segmenter")] == first
    assert first[0] != first[1]
    write_module(SOURCE.replace("torch.ones(1)", "torch.zeros(1)"))
    assert operator("Segmenter").fingerprint != first[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HalfOnly", "returned a HalfOnly without decode; define both halves"),
        ("Flat", r"encode answers \(1, 3\) for \(1, 3, 224, 224\); expected \(1, any, any, any\)"),
        ("Nothing", "encode answers NoneType for"),
        ("Tired", r"encode fails on \(1, 3, 224, 224\) \(no memory\)"),
    ],
)
def test_what_is_no_operator_is_refused(name, message):
    with pytest.raises(OperatorError, match=message):
        operator(name)


def test_answers_of_another_shape_are_refused(image):
    with pytest.raises(
        OperatorError, match=r"encode answers \(1, 3, 8, 6\) .* expected \(1, 7, 8, 6\)"
    ):
        operator("Changing").encode(image[None])
    with pytest.raises(
        OperatorError, match=r"decode answers \(1, 3, 8, 6\) .* expected \(1, any, 24, 32\)"
    ):
        operator("WrongSize").decode(torch.zeros(8, 6, 3), image)
    with pytest.raises(
        OperatorError, match=r"decode answers \(1, 3, 24, 32\) .* expected \(1, 2, 24, 32\)"
    ):
        operator("WrongCount").decode(torch.zeros(12, 16, 1), image)


def test_a_picture_may_be_larger_than_its_view(image):
    larger = operator("Larger")
    for times in (2, 3, 8):
        larger._halves.tall = larger._halves.wide = times
        answer = checked_decode(larger, torch.zeros(8, 6, 3), image)
        expected = image.repeat_interleave(times, dim=1).repeat_interleave(times, dim=2)
        assert torch.equal(answer, expected.permute(1, 2, 0))
        assert torch.equal(larger.picture(answer), expected)


@pytest.mark.parametrize(
    "settings",
    [{"tall": 2}, {"tall": 9, "wide": 9}, {"tall": 1.5, "wide": 1.5}, {"answers": 4}],
)
def test_other_larger_answers_are_refused(image, settings):
    larger = operator("Larger")
    for name, value in settings.items():
        setattr(larger._halves, name, value)
    expected = r"expected \(1, any, 24, 32\) or, as a picture, \(1, 3, n \* 24, n \* 32\) with a whole n of 2"
    with pytest.raises(OperatorError, match=rf"decode answers .* {expected} to 8$"):
        larger.decode(torch.zeros(8, 6, 3), image)


def test_scores_of_classes_have_the_size_of_the_view(image):
    classes = operator("LargerClasses")
    with pytest.raises(OperatorError, match=r"\(1, 3, 72, 96\) .* expected \(1, 3, 24, 32\)$"):
        classes.decode(torch.zeros(8, 6, 3), image)


def test_a_module_may_hold_several_words_and_the_environment_another(image, monkeypatch):
    own = "torch:tests.operators.own_operators"
    monkeypatch.setenv("EDIT", "blue")
    maps = torch.full((6, 8, 3), 0.5)
    golden, blue = (build_operator(f"{own}:{name}") for name in ("golden", "editor"))
    for editor, word in ((golden, "gold"), (blue, "blue")):
        edited = 0.5 * torch.tensor(COLOURS[word]) * 0.5 + 0.5 * image.permute(1, 2, 0)
        torch.testing.assert_close(checked_decode(editor, maps, image), edited)
    monkeypatch.delenv("EDIT")
    with pytest.raises(EncoderError, match="calling it failed"):
        build_operator(f"{own}:editor")


def test_what_no_code_tells_is_in_the_fingerprint_if_the_object_has_one(monkeypatch):
    found = []
    for prompt in ("turn it gold", "turn it blue", "turn it gold"):
        monkeypatch.setenv("PROMPT", prompt)
        found.append(operator("Prompted").fingerprint)
    assert found[0] == found[2] != found[1]


def test_shares_are_the_object_s_own_or_the_usual_ones():
    for name, shares in (("Sharpener", (Operator.rendered_share, 0.0)), ("Painter", (0.0, 0.3))):
        found = operator(name)
        assert (found.rendered_share, found.painted_share) == shares


@pytest.mark.parametrize("share", ["1.5", "-0.1", "float('nan')", "'much'", "None"])
def test_a_share_that_is_none_is_refused(write_module, share):
    write_module(SOURCE.replace("painted_share = 0.3", f"painted_share = {share}"))
    with pytest.raises(
        OperatorError, match=r"painted_share is .*; it must be a number in \[0, 1\]$"
    ):
        operator("Painter")


def test_callables_that_cannot_be_found():
    with pytest.raises(EncoderError, match="expected torch:<module>:<callable>"):
        build_operator("torch:halves")
    with pytest.raises(EncoderError, match="the module must be importable"):
        build_operator("torch:no_such_module:Sharpener")
