"""Folders of raw arrays."""

import json

import numpy as np
import pytest
import torch

from condense_ns.operators import OperatorError
from condense_ns.operators.style_weights import read_weights, weight_files

SHAPES = {"kernel": (2, 3), "shift": (4,)}
ARRAYS = {"kernel": np.arange(6.0).reshape(2, 3), "shift": np.ones(4), "more": np.ones(9)}


@pytest.fixture
def folder(tmp_path, style_writer):
    style_writer(tmp_path / "style", ARRAYS)
    return tmp_path / "style"


def change_manifest(folder, change):
    path = folder / "manifest.json"
    entries = json.loads(path.read_text())
    change(entries)
    path.write_text(json.dumps(entries))


def test_arrays_come_back(folder):
    weights = read_weights(folder, SHAPES)
    assert sorted(weights) == ["kernel", "shift"]
    assert weights["kernel"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert weights["shift"].dtype == torch.float32
    assert weight_files(folder, SHAPES) == [folder / "kernel", folder / "shift"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"manifest\.json is missing; give the folder of a style"),
        (b"{", r"manifest\.json cannot be read"),
        (b"\xff\xfe", r"manifest\.json cannot be read"),
        (b"[]", r"holds a list, not an object"),
    ],
)
def test_manifests_that_are_none(folder, content, message):
    (folder / "manifest.json").unlink()
    if content is not None:
        (folder / "manifest.json").write_bytes(content)
    with pytest.raises(OperatorError, match=message):
        read_weights(folder, SHAPES)


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries.pop("kernel"),
        lambda entries: entries.update(kernel=3),
        lambda entries: entries["kernel"].pop("filename"),
        lambda entries: entries["kernel"].update(filename="../../etc/passwd"),
        lambda entries: entries["kernel"].update(filename="/etc/passwd"),
    ],
)
def test_files_must_be_named_and_lie_in_the_folder(folder, change):
    change_manifest(folder, change)
    with pytest.raises(OperatorError, match="names no file of this folder for kernel"):
        read_weights(folder, SHAPES)


def test_another_network_is_refused(folder):
    change_manifest(folder, lambda entries: entries["kernel"].update(shape=[3, 2]))
    with pytest.raises(OperatorError, match=r"kernel has the shape \[3, 2\], expected \[2, 3\]"):
        read_weights(folder, SHAPES)


def test_files_are_measured_before_they_are_read(folder):
    (folder / "kernel").write_bytes(bytes(20))
    with pytest.raises(OperatorError, match="kernel has 20 bytes, expected 24 bytes; download"):
        read_weights(folder, SHAPES)
    (folder / "kernel").unlink()
    with pytest.raises(OperatorError, match="kernel is missing, expected 24 bytes"):
        read_weights(folder, SHAPES)
    np.array([1, 2, np.nan, 4, 5, 6], "<f4").tofile(folder / "kernel")
    with pytest.raises(OperatorError, match="kernel holds numbers that are not finite"):
        read_weights(folder, SHAPES)
