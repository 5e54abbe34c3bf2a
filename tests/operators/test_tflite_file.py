"""TFLite files: inputs, cuts, and every file that is refused."""

import sys

import pytest

from condense_ns.operators import OperatorError, build_operator
from condense_ns.operators.tflite_file import (
    FREE_SIDE,
    cut_tensor,
    image_tensor,
    open_interpreter,
)
from tests.operators.tiny_tflite import ENLARGED, POOLED, STEP, write_tflite


@pytest.fixture
def path(tmp_path):
    write_tflite(tmp_path / "net.tflite", (12, 16), 4, 4)
    return tmp_path / "net.tflite"


def test_the_cut_lies_before_everything_that_enlarges_or_reads_out(path):
    interpreter = open_interpreter(path, 1)
    assert image_tensor(interpreter, path).shape == (12, 16, 3)
    assert cut_tensor(interpreter, path, None).shape == (3, 4, 3)


@pytest.mark.parametrize(
    ("name", "shape"), [(POOLED, (3, 4, 3)), ("3", (12, 16, 3)), (ENLARGED, (12, 16, 3))]
)
def test_any_map_can_be_cut_at(path, name, shape):
    assert cut_tensor(open_interpreter(path, 1), path, name).shape == shape


def test_quantisation_is_found(tmp_path):
    path = tmp_path / "net.tflite"
    write_tflite(path, (12, 16), 4, 4, quantised=True)
    tensor = cut_tensor(open_interpreter(path, 1), path, None)
    assert (tensor.scale, tensor.zero) == (STEP, 128)


@pytest.mark.parametrize(
    ("free", "image_size", "shape"),
    [
        ((1, 2), None, (FREE_SIDE, FREE_SIDE, 3)),
        ((0, 1, 2), 24, (24, 24, 3)),
        ((2,), 32, (12, 32, 3)),  # 12 rows are fixed
        ((0,), None, (12, 16, 3)),
    ],
)
def test_sides_that_the_file_leaves_free_get_a_length(tmp_path, free, image_size, shape):
    path = tmp_path / "net.tflite"
    write_tflite(path, (12, 16), 4, 4, free=free)
    interpreter = open_interpreter(path, 1, image_size)
    assert image_tensor(interpreter, path).shape == shape
    assert cut_tensor(interpreter, path, None).shape == (shape[0] // 4, shape[1] // 4, 3)


def test_sizes_that_the_network_does_not_take(tmp_path, path, monkeypatch):
    with pytest.raises(OperatorError, match="has its own input size; leave image_size out"):
        open_interpreter(path, 1, 32)
    from ai_edge_litert.interpreter import Interpreter

    def fail(self):
        raise RuntimeError("dims do not match\nNode number 3 failed")

    write_tflite(path, (12, 16), 4, 4, free=(1, 2))
    monkeypatch.setattr(Interpreter, "invoke", fail)
    with pytest.raises(
        OperatorError,
        match=r"fails on 24 x 24 pixels \(dims do not match\); convert it with a fixed",
    ):
        open_interpreter(path, 1, 24)


@pytest.mark.parametrize("name", ["labels", "5", "size", "99", "nobody", "-1"])
def test_what_is_no_map_is_refused(path, name):
    with pytest.raises(
        OperatorError, match=r"is no map .* the last are 1: \[3, 4, 3\], 3: \[12, 16, 3\]"
    ):
        cut_tensor(open_interpreter(path, 1), path, name)


def test_files_that_are_missing_or_no_networks(tmp_path, path):
    with pytest.raises(OperatorError, match=r"gone\.tflite is no file; give the path"):
        build_operator(f"segment:{tmp_path / 'gone.tflite'}")
    content = path.read_bytes()
    for wrong in (b"", b"not a network\n" * 20, content[: len(content) // 2]):
        (tmp_path / "wrong.tflite").write_bytes(wrong)
        with pytest.raises(
            OperatorError, match=r"wrong\.tflite cannot be read as a TFLite network"
        ):
            build_operator(f"segment:{tmp_path / 'wrong.tflite'}")


def test_another_input_is_refused(tmp_path):
    write_tflite(tmp_path / "net.tflite", (12, 16), 4, 4, colours=4)
    with pytest.raises(
        OperatorError, match=r"shape \(1, height, width, 3\), found image \[1, 12, 16, 4\]"
    ):
        build_operator(f"segment:{tmp_path / 'net.tflite'}?input=unit")


def test_the_package_may_be_missing(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(
        OperatorError, match=r"ai-edge-litert, .*; pip install 'condense_ns\[tflite\]'"
    ):
        build_operator(f"segment:{path}?input=unit")
