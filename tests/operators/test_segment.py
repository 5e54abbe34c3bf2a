"""Segmentation by networks in files."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from condense_ns.encoders import EncoderError
from condense_ns.operators import OperatorError, SourceMap, build_operator
from condense_ns.operators.checking import checked_decode, checked_encode
from condense_ns.operators.segment import parse_segment
from condense_ns.retrieval.photograph import read_photograph
from tests.operators.tiny_tflite import write_tflite


@pytest.fixture
def tflite(tmp_path):
    write_tflite(tmp_path / "net.tflite", (12, 16), 4, 4)
    return tmp_path / "net.tflite"


@pytest.fixture
def one_channel(tmp_path):
    """Green of patches of 4 pixels less a half, as a logit and as a probability."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "rows", "columns"])
        for name in ("logits", "probabilities")
    ]
    weight = np.zeros((1, 3, 4, 4), np.float32)
    weight[:, 1] = 1 / 16
    nodes = [
        helper.make_node("Conv", ["image", "weight", "bias"], ["logits"], strides=[4, 4]),
        helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
    ]
    constants = [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(np.array([-0.5], np.float32), "bias"),
    ]
    graph = helper.make_graph(nodes, "network", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(tmp_path / "one.onnx"))
    return tmp_path / "one.onnx"


@pytest.fixture
def onnx_file(tmp_path):
    """Means of patches of 4 pixels, and the same negated."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "rows", "columns"])
        for name in ("means", "negated")
    ]
    nodes = [
        helper.make_node("AveragePool", ["image"], ["means"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Neg", ["means"], ["negated"]),
    ]
    graph = helper.make_graph(nodes, "network", [image], outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(tmp_path / "net.onnx"))
    return tmp_path / "net.onnx"


def painted():
    """Red, green and blue from left to right."""
    image = torch.zeros(3, 24, 48)
    for third in range(3):
        image[third, :, 16 * third : 16 * third + 16] = 0.8
    return image


def segmented(operator, image):
    answer = checked_decode(operator, checked_encode(operator, image[None])[0], image)
    labels = operator.labels(answer)
    assert labels is not None
    return labels


def test_largest_logits_win_in_every_format(tflite, onnx_file):
    image = painted()
    for spec in (f"{tflite}?input=unit", f"{onnx_file}?input=unit", f"{onnx_file}#means"):
        labels = segmented(build_operator(f"segment:{spec}"), image)
        assert (
            labels[:, [0, 8, 12, 20, 24, 28, 36, 44, 47]].tolist()
            == [[0, 0, 0, 1, 1, 1, 2, 2, 2]] * 24
        )
    assert segmented(build_operator(f"segment:{onnx_file}#negated"), image)[0, 0] != 0


@pytest.mark.parametrize("output", ["logits", "probabilities"])
@pytest.mark.parametrize("prepared", [True, False])
def test_one_channel_tells_a_foreground_from_the_background(one_channel, output, prepared):
    operator = build_operator(f"segment:{one_channel}#{output}?input=unit")
    image = painted()
    if prepared:
        operator.prepare([SourceMap(0, checked_encode(operator, image[None])[0], 24, 48)])
    labels = segmented(operator, image)
    assert (
        labels[:, [0, 8, 14, 18, 24, 30, 34, 40, 47]].tolist() == [[0, 0, 0, 1, 1, 1, 0, 0, 0]] * 24
    )
    assert operator.label_names == ("background", "foreground")
    colours = operator.picture(operator.decode(operator.encode(image[None])[0], image))
    assert colours[:, 0, 0].std() == 0  # dark grey
    assert colours[:, 0, 24].std() > 0.1


def test_the_scene_decides_what_one_channel_holds(one_channel):
    """Logits of a view may happen to be like probabilities; those of the scene are not."""
    operator = build_operator(f"segment:{one_channel}#logits?input=unit")
    view, image = torch.full((6, 12, 1), 0.3), painted()
    assert operator.decode(view, image).argmax(dim=-1).unique().tolist() == [0]
    operator.prepare([SourceMap(at, view - at, 24, 48) for at in range(2)])
    assert operator.decode(view, image).argmax(dim=-1).unique().tolist() == [1]


def test_names_of_one_channel(one_channel, tmp_path):
    path = tmp_path / "names.txt"
    for content, names in [
        ("person\n", ("background", "person")),
        ("sky\nland\n", ("sky", "land")),
    ]:
        path.write_text(content)
        operator = build_operator(f"segment:{one_channel}?input=unit&labels={path}")
        assert operator.label_names == names
    path.write_text("a\nb\nc\n")
    with pytest.raises(OperatorError, match=r"names 3 classes, .* has 2; write one name"):
        build_operator(f"segment:{one_channel}?input=unit&labels={path}")


def test_names_of_classes(tflite, tmp_path):
    assert build_operator(f"segment:{tflite}?input=unit").label_names == (
        "class 0",
        "class 1",
        "class 2",
    )
    (tmp_path / "some_labels.txt").write_text("background\nchair\n table \n\nand a remark\n")
    operator = build_operator(f"segment:{tflite}?input=unit")
    assert operator.label_names == ("background", "chair", "table")
    grey = operator.picture(torch.eye(3)[None])[:, 0, 0]
    assert grey.std() == 0
    (tmp_path / "other_labels.txt").write_text("a\nb\n")  # which of the two is not told
    assert build_operator(f"segment:{tflite}?input=unit").label_names[0] == "class 0"
    named = build_operator(f"segment:{tflite}?input=unit&labels={tmp_path / 'some_labels.txt'}")
    assert named.label_names == operator.label_names


def test_labels_that_do_not_fit(tflite, tmp_path):
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(
        OperatorError, match=r"names\.txt names 2 classes, .* has 3; write one name"
    ):
        build_operator(f"segment:{tflite}?input=unit&labels={tmp_path / 'names.txt'}")
    with pytest.raises(
        OperatorError, match=r"gone\.txt cannot be read .*; give a text file of labels"
    ):
        build_operator(f"segment:{tflite}?input=unit&labels={tmp_path / 'gone.txt'}")


def test_parts_of_a_spec():
    source = parse_segment("segment:a/b.tflite#some;name?labels=c.txt&input=signed")
    assert (str(source.path), source.cut, source.scaling) == ("a/b.tflite", "some;name", "signed")
    assert str(source.labels) == "c.txt"
    source = parse_segment("segment:b.onnx")
    assert (source.cut, source.scaling, source.labels) == (None, None, None)


@pytest.mark.parametrize(
    "spec",
    [
        "segment:net.pt",
        "segment:net.onnx?colours=3",
        "segment:net.tflite?input",
        "segment:?input=unit",
    ],
)
def test_specs_that_cannot_be_read(spec):
    with pytest.raises(OperatorError, match=r"expected segment:<file.tflite or file.onnx>"):
        build_operator(spec)


def test_options_that_do_not_fit(tflite, onnx_file):
    with pytest.raises(OperatorError, match="has its own input size; leave image_size out"):
        build_operator(f"segment:{tflite}?input=unit", image_size=32)
    write_tflite(tflite, (12, 16), 4, 4, free=(1, 2))
    free = build_operator(f"segment:{tflite}?input=unit", image_size=32)
    assert free.grid_size(480, 640) == (8, 8)
    with pytest.raises(EncoderError, match=r"unknown option \?input=bgr"):
        build_operator(f"segment:{onnx_file}?input=bgr")


@pytest.mark.data
@pytest.mark.parametrize(
    ("photograph", "expected"),
    [
        ("fox/images/0001.jpg", {"dog", "cat"}),  # there is no fox among the classes
        ("kitchen/images/000000.jpg", {"diningtable", "chair"}),
    ],
)
def test_deeplab(shared_data, photograph, expected):
    """Sensible classes, and nearly the network's own answer at its own 513 x 513 pixels."""
    model = shared_data / "models/deeplabv3_mnv2_pascal_quant.tflite"
    operator: Any = build_operator(f"segment:{model}")
    image = read_photograph(shared_data / "scenes" / photograph).rgb
    assert operator.grid_size(*image.shape[-2:]) == (33, 33)
    assert (operator.channels, operator.label_names[15]) == (21, "person")
    labels = segmented(operator, image)
    counts = torch.bincount(labels.flatten(), minlength=21)
    assert len(counts) == 21
    names = {operator.label_names[number] for number in counts.argsort()[-2:].tolist()}
    assert "background" in names
    assert names & expected
    interpreter = operator._encoder._interpreter
    own = torch.from_numpy(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))[0]
    rows, columns = (((torch.arange(side) + 0.5) * 513 / side).long() for side in image.shape[-2:])
    agreement = (own[rows][:, columns] == labels).float().mean()
    assert agreement >= 0.97
