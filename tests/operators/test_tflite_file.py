"""TFLite files: inputs, cuts, and every file that is refused."""

import sys

import pytest

from condense_ns.operators import OperatorError, build_operator
from condense_ns.operators.tflite_file import cut_tensor, image_tensor, open_interpreter
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
