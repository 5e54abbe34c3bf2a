"""ScanNet scans in their own format, written here in small."""

import json

import numpy as np
import pytest
import torch

from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.downstream.scannet import CLASSES, read_scannet
from condense_ns.downstream.scannet_boxes import BOXED
from condense_ns.errors import UserError
from condense_ns.export.ply import COLOUR, POSITION, filled, write_ply

POINTS = np.array([[x, y, z] for x in (0, 1, 2) for y in (0, 3) for z in (0.0, 1)], np.float32)
NYU = np.array([1, 2, 5, 5, 39, 40, 0, 13, 2, 2, 2, 36])
ALIGNMENT = "0 -1 0 5 1 0 0 0 0 0 1 0 0 0 0 1"  # a quarter turn, then 5 along x


def write_scan(folder, name):
    scan = folder / "scans" / name
    scan.mkdir(parents=True)
    vertices = filled(len(POINTS), [(POSITION, POINTS), (COLOUR, np.full((len(POINTS), 3), 51))])
    write_ply(scan / f"{name}_vh_clean_2.ply", {"vertex": vertices})
    labels = filled(len(POINTS), [(POSITION, POINTS), ([("label", "u2")], NYU[:, None])])
    write_ply(scan / f"{name}_vh_clean_2.labels.ply", {"vertex": labels})
    (scan / f"{name}.txt").write_text(f"numDepthFrames = 3\naxisAlignment = {ALIGNMENT} \n")
    segments = {"sceneId": name, "segIndices": [7, 7, 7, 7, 2, 2, 2, 2, 3, 3, 3, 3]}
    (scan / f"{name}_vh_clean_2.0.010000.segs.json").write_text(json.dumps(segments))
    groups = [
        {"objectId": 0, "segments": [7], "label": "office chair"},
        {"objectId": 1, "segments": [2, 3], "label": "wall"},
        {"objectId": 2, "segments": [99], "label": "office chair"},
    ]
    (scan / f"{name}.aggregation.json").write_text(json.dumps({"segGroups": groups}))
    return scan


@pytest.fixture
def folder(tmp_path):
    for split, name in (("train", "scene0000_00"), ("val", "scene0001_00")):
        (tmp_path / f"scannetv2_{split}.txt").write_text(f"{name}\n")
        write_scan(tmp_path, name)
    table = "id\traw_category\tnyu40id\n1\toffice chair\t5\n2\twall\t1\n3\tthing\t\n"
    (tmp_path / "scannetv2-labels.combined.tsv").write_text(table)
    return tmp_path


def test_nyu_numbers_become_the_20_classes(folder):
    data = read_scannet(folder, "segment")
    names = list(CLASSES)
    assert len(names) == 20
    found = data.test[0].labels
    assert found is not None
    expected = ["wall", "floor", "chair", "chair", "other furniture", None, None, None]
    expected += ["floor"] * 3 + ["bathtub"]
    assert found.tolist() == [-1 if name is None else names.index(name) for name in expected]
    assert data.test[0].viewpoints is not None
    assert data.test[0].viewpoints.tolist() == [[1, 0.75, 1.5], [1, 2.25, 1.5]]
    prepared(data.test[0], data, Preparation())


def test_boxes_are_the_extent_of_things_in_the_aligned_room(folder):
    data = read_scannet(folder, "detect")
    assert data.class_names == tuple(BOXED)
    assert len(BOXED) == 18
    boxes = data.test[0].boxes
    assert boxes is not None
    assert boxes.classes.tolist() == [list(BOXED).index("chair")]
    # The chair is x = 0, y from 0 to 3, z from 0 to 1; a quarter turn sends (x, y) to (5 - y, x).
    assert boxes.boxes[0].tolist() == pytest.approx([3.5, 0, 0.5, 3, 0, 1, 0])


def test_a_scene_without_alignment_stays_as_it_is(folder):
    (folder / "scans" / "scene0001_00" / "scene0001_00.txt").write_text("numDepthFrames = 3\n")
    boxes = read_scannet(folder, "detect").test[0].boxes
    assert boxes is not None
    assert boxes.boxes[0].tolist() == pytest.approx([0, 1.5, 0.5, 0, 3, 1, 0])


def test_a_scene_without_things_has_no_boxes(folder):
    path = folder / "scans" / "scene0001_00" / "scene0001_00.aggregation.json"
    path.write_text(json.dumps({"segGroups": []}))
    boxes = read_scannet(folder, "detect").test[0].boxes
    assert boxes is not None
    assert boxes.boxes.shape == (0, 7)
    assert boxes.classes.dtype == torch.long


@pytest.mark.parametrize("name", ["scannetv2_val.txt", "scannetv2-labels.combined.tsv"])
def test_missing_lists_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"{name} cannot be read as a .*; ask for ScanNet"):
        read_scannet(folder, "detect")


@pytest.mark.parametrize(
    ("ending", "content", "told"),
    [
        (".txt", "axisAlignment = 1 2 3", "cannot be read as a scene's text"),
        (".txt", "axisAlignment = a b", "cannot be read as a scene's text"),
        (".aggregation.json", "{}", "has no readable annotations"),
        (".aggregation.json", None, "has no readable annotations"),
        ("_vh_clean_2.0.010000.segs.json", '{"segIndices": [1]}', "is of 1 points, not 12"),
    ],
)
def test_wrong_files_of_a_scan_are_told(folder, ending, content, told):
    path = folder / "scans" / "scene0001_00" / f"scene0001_00{ending}"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=told):
        read_scannet(folder, "detect").test[0]


@pytest.mark.parametrize("wrong", ["number", "property", "count"])
def test_wrong_labels_are_told(folder, wrong):
    path = folder / "scans" / "scene0001_00" / "scene0001_00_vh_clean_2.labels.ply"
    count = 11 if wrong == "count" else 12
    numbers = np.full((count, 1), 41 if wrong == "number" else 1)
    name = "colour" if wrong == "property" else "label"
    vertices = filled(count, [(POSITION, POINTS[:count]), ([(name, "u2")], numbers)])
    write_ply(path, {"vertex": vertices})
    told = {
        "number": "has points of class 41, NYU-40 ends at 40",
        "property": "has no property `label`",
        "count": "has 11 labels for 12 points",
    }
    data = read_scannet(folder, "segment")
    with pytest.raises(UserError, match=told[wrong]):
        prepared(data.test[0], data, Preparation())


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("scene0000_00 scene0001_00", "lists scene0000_00 for training and for testing"),
        ("scene0001_00 scene0002_00", "lists scene0002_00, but .* is not there"),
        ("", "scannet has no test clouds"),
    ],
)
def test_wrong_lists_are_told_before_a_scan_is_read(folder, listed, told):
    (folder / "scannetv2_val.txt").write_text(listed)
    for task in ("segment", "detect"):
        with pytest.raises(UserError, match=told):
            read_scannet(folder, task)
