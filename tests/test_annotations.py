"""Reading class and instance maps, and what is said about files that are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from condense_ns.annotations import AnnotatedThing, SceneAnnotations, read_annotations
from condense_ns.errors import UserError

CONTENT = {
    "classes": ["nothing", "chair", "mug"],
    "instances": [{"class": "chair", "caption": "a red chair", "size": 3}, {"class": "mug"}],
    "caption": "a mug on a chair",
    "weather": "fair",
}
IMAGE = Path("anywhere/00000.jpg")


def annotated(folder, content=CONTENT):
    folder.mkdir(exist_ok=True)
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def annotations_of(folder: Path) -> SceneAnnotations:
    """The annotations, which must be there."""
    found = read_annotations(folder)
    assert found is not None
    return found


def listed(numbers):
    """The rows of a map, which must be there and hold what is promised."""
    assert numbers is not None
    assert numbers.dtype == np.int64
    return numbers.tolist()


def with_map(folder, pixels, kind="classes", mode=None):
    (folder / kind).mkdir(exist_ok=True)
    picture = Image.fromarray(np.asarray(pixels))
    (picture.convert(mode) if mode else picture).save(folder / kind / "00000.png")
    return annotations_of(folder)


def test_names_and_captions_by_hand(tmp_path):
    found = annotations_of(annotated(tmp_path))
    assert found.classes == ("nothing", "chair", "mug")
    assert found.things == (AnnotatedThing("chair", "a red chair"), AnnotatedThing("mug", "mug"))
    assert found.caption == "a mug on a chair"


def test_only_classes_are_needed(tmp_path):
    found = annotations_of(annotated(tmp_path, {"classes": ["nothing", "chair"]}))
    assert found.things == ()
    assert found.caption == ""


def test_a_folder_without_annotations_has_none(tmp_path):
    assert read_annotations(tmp_path) is None
    assert read_annotations(tmp_path / "absent") is None


def test_maps_belong_to_images_of_the_same_stem(tmp_path):
    pixels = np.array([[0, 1], [2, 1]], np.uint8)
    found = with_map(annotated(tmp_path), pixels)
    assert listed(found.class_map(IMAGE)) == pixels.tolist()
    assert found.class_map(Path("anywhere/00001.jpg")) is None
    assert found.instance_map(IMAGE) is None


def test_instance_maps_may_have_16_bits(tmp_path):
    content = {**CONTENT, "instances": [{"class": "chair"}] * 700}
    found = with_map(
        annotated(tmp_path, content), np.array([[0, 1, 700]], np.uint16), kind="instances"
    )
    assert listed(found.instance_map(IMAGE)) == [[0, 1, 700]]


def test_maps_of_a_labelling_tool_may_have_a_palette_or_one_bit(tmp_path):
    picture = Image.fromarray(np.array([[0, 2, 1]], np.uint8))
    picture = picture.convert("P")
    picture.putpalette([0, 0, 0, 9, 9, 9, 200, 0, 0])
    (annotated(tmp_path) / "classes").mkdir()
    picture.save(tmp_path / "classes" / "00000.png")
    assert listed(annotations_of(tmp_path).class_map(IMAGE)) == [[0, 2, 1]]
    found = with_map(tmp_path, np.array([[0, 255]], np.uint8), mode="1")
    assert listed(found.class_map(IMAGE)) == [[0, 1]]


@pytest.mark.parametrize(
    ("kind", "method"), [("classes", "class_map"), ("instances", "instance_map")]
)
def test_a_number_without_a_name_is_refused(tmp_path, kind, method):
    found = with_map(annotated(tmp_path), np.full((2, 2), 9, np.uint8), kind)
    sentence = rf"00000\.png holds the number 9, .* names {kind} up to 2 only; add the missing"
    with pytest.raises(UserError, match=sentence):
        getattr(found, method)(IMAGE)


def test_a_coloured_picture_is_no_map(tmp_path):
    found = with_map(annotated(tmp_path), np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(UserError, match=r"00000\.png has several channels; a map has one"):
        found.class_map(IMAGE)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "chunk"])
def test_a_broken_file_is_named(tmp_path, damage):
    found = with_map(annotated(tmp_path), np.zeros((40, 40), np.uint8))
    file = tmp_path / "classes" / "00000.png"
    whole = file.read_bytes()
    broken = bytearray(whole)
    broken[whole.index(b"IDAT")] ^= 0xFF
    file.write_bytes(
        {"cut": whole[:50], "text": b"map", "empty": b"", "chunk": bytes(broken)}[damage]
    )
    with pytest.raises(UserError, match=r"00000\.png cannot be read as an image; write it again"):
        found.class_map(IMAGE)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"classes": None},
        {"classes": "chair"},
        {"classes": ["nothing", "chair"], "instances": [{"caption": "a chair"}]},
        {"classes": ["nothing", "chair"], "instances": ["chair"]},
        {"classes": ["nothing", "chair"], "instances": 3},
    ],
)
def test_what_is_not_as_described_is_refused(tmp_path, content):
    with pytest.raises(UserError, match=r"annotations\.json cannot be read .* a list `classes`"):
        read_annotations(annotated(tmp_path, content))


def test_what_is_no_json_is_refused(tmp_path):
    (tmp_path / "annotations.json").write_bytes(b"\xff{")
    with pytest.raises(UserError, match=r"annotations\.json cannot be read"):
        read_annotations(tmp_path)


@pytest.mark.parametrize(
    ("content", "culprit"),
    [
        ({"classes": ["nothing"]}, "is too short"),
        ({"classes": []}, "is too short"),
        (
            {"classes": ["nothing", "chair"], "instances": [{"class": "mug"}, {"class": "cup"}]},
            "does not list cup, mug",
        ),
    ],
)
def test_classes_must_name_what_things_are(tmp_path, content, culprit):
    with pytest.raises(UserError, match=rf"`classes` {culprit}; name 0 is for unlabelled"):
        read_annotations(annotated(tmp_path, content))
