"""Networks in ONNX files: inputs, outputs, scaling, padding, and every file that is refused."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from condense_ns.encoders import EncoderError, build_encoder
from condense_ns.encoders.preprocessing import resize_to_grid


@pytest.fixture
def image():
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))


def patch_means(image):
    """The slow answer: the mean of every patch of 8 pixels."""
    patches = image.unfold(2, 8, 8).unfold(3, 8, 8)
    return patches.mean(dim=(-1, -2)).permute(0, 2, 3, 1)


@pytest.mark.parametrize(
    ("option", "metadata", "expected"),
    [
        ("", None, lambda colours: colours * 255),
        ("?input=unit", None, lambda colours: colours),
        ("", {"Image.NominalPixelRange": "Normalized_0_1"}, lambda colours: colours),
        ("#negated?input=unit", None, lambda colours: -colours),
        ("#1", None, lambda colours: -colours * 255),
        (
            "?input=imagenet",
            None,
            lambda colours: (
                (colours - torch.tensor([0.485, 0.456, 0.406]))
                / torch.tensor([0.229, 0.224, 0.225])
            ),
        ),
    ],
)
def test_output_and_scaling(
    tmp_path, onnx_writer, colour_weight, image, option, metadata, expected
):
    onnx_writer(tmp_path / "net.onnx", colour_weight(), metadata=metadata)
    encoder = build_encoder(f"onnx:{tmp_path / 'net.onnx'}{option}", image_size=64)
    features = encoder.encode(image)
    torch.testing.assert_close(features, expected(patch_means(image)), rtol=1e-5, atol=1e-4)


def test_a_fixed_input_is_filled_along_one_side(tmp_path, onnx_writer, colour_weight):
    onnx_writer(tmp_path / "net.onnx", colour_weight(), size=(48, 64), batch=1)
    encoder = build_encoder(f"onnx:{tmp_path / 'net.onnx'}?input=unit")
    # 96 x 64 pixels fill the 6 rows; 4 of the 8 columns hold the image, the others padding.
    assert encoder.encode(torch.full((2, 3, 96, 64), 0.5)).shape == (2, 6, 4, 3)
    image = torch.rand(1, 3, 48, 24)
    torch.testing.assert_close(encoder.encode(image), patch_means(image))


@pytest.mark.parametrize("patch", [5, 6, 14])
def test_the_patch_of_a_network_of_any_size_is_found(tmp_path, onnx_writer, patch):
    onnx_writer(tmp_path / "net.onnx", torch.rand(7, 3, patch, patch))
    encoder = build_encoder(f"onnx:{tmp_path / 'net.onnx'}")
    assert (encoder.patch_size, encoder.channels) == (patch, 7)


def write_unet(path, halvings=3):
    """Joins the colours with their means, enlarged again, after each of several halvings."""
    shape = ["batch", "colours", "height", "width"]
    image = helper.make_tensor_value_info("kept0", TensorProto.FLOAT, ["batch", 3, *shape[2:]])
    nodes = [
        helper.make_node(
            "AveragePool", [f"kept{at}"], [f"kept{at + 1}"], kernel_shape=[2, 2], strides=[2, 2]
        )
        for at in range(halvings)
    ]
    below = f"kept{halvings}"
    for at in reversed(range(halvings)):
        nodes += [
            helper.make_node("Resize", [below, "", "twice"], [f"large{at}"], mode="nearest"),
            helper.make_node("Concat", [f"kept{at}", f"large{at}"], [f"joined{at}"], axis=1),
        ]
        below = f"joined{at}"
    output = helper.make_tensor_value_info(below, TensorProto.FLOAT, shape)
    twice = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice")
    graph = helper.make_graph(nodes, "unet", [image], [output], [twice])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(path))


def test_a_network_with_skip_connections_gets_sides_that_it_takes(tmp_path, capfd):
    write_unet(tmp_path / "unet.onnx")
    encoder = build_encoder(f"onnx:{tmp_path / 'unet.onnx'}?input=unit", image_size=70)
    assert (encoder.patch_size, encoder.channels) == (1, 12)
    for size, grid in [((48, 64), (48, 64)), ((50, 70), (48, 64)), ((300, 100), (64, 24))]:
        image = torch.rand(1, 3, *size)
        maps = encoder.encode(image)
        assert maps.shape == (1, *grid, 12) == (1, *encoder.grid_size(*size), 12)
        torch.testing.assert_close(
            maps[..., :3], resize_to_grid(image, grid, 1).permute(0, 2, 3, 1)
        )
    assert capfd.readouterr().err == ""  # not a word about the sizes that failed


def test_an_assumed_scaling_is_told_once(tmp_path, onnx_writer, colour_weight, capsys):
    path = tmp_path / "net.onnx"
    onnx_writer(path, colour_weight())
    encoders = [build_encoder(f"onnx:{path}"), build_encoder(f"onnx:{path}#1")]
    for encoder in encoders:
        encoder.encode(torch.rand(1, 3, 16, 16))
    told = capsys.readouterr().err
    assert told.startswith(
        f"{path}: nothing says what colours it expects, RGB in 0..255 is assumed;"
    )
    assert told.count("\n") == 1
    build_encoder(f"onnx:{path}?input=255")
    onnx_writer(path, colour_weight(), metadata={"Image.NominalPixelRange": "NominalRange_0_255"})
    build_encoder(f"onnx:{path}")
    assert capsys.readouterr().err == ""


def test_fingerprint_covers_output_scaling_and_weights_in_another_file(
    tmp_path, onnx_writer, colour_weight
):
    def fingerprint(blue, option=""):
        (tmp_path / "weights.bin").unlink(missing_ok=True)
        onnx_writer(tmp_path / "net.onnx", colour_weight(blue), external="weights.bin")
        return build_encoder(f"onnx:{tmp_path / 'net.onnx'}{option}").fingerprint

    first = fingerprint(0.0)
    assert (tmp_path / "weights.bin").stat().st_size > 0
    others = [fingerprint(0.1), fingerprint(0.0, "#1"), fingerprint(0.0, "?input=unit")]
    assert len({first, *others}) == 4
    assert fingerprint(0.0, "#colours") == first


def write_identity(path, shape, kind=TensorProto.FLOAT, inputs=1):
    """A network that answers its first input."""
    nodes = [helper.make_node("Identity", ["in0"], ["out"])]
    values = [helper.make_tensor_value_info(f"in{i}", kind, shape) for i in range(inputs)]
    output = helper.make_tensor_value_info("out", kind, shape)
    graph = helper.make_graph(nodes, "identity", values, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, str(path))


@pytest.mark.parametrize(
    ("shape", "kind", "inputs"),
    [
        ([1, 10], TensorProto.FLOAT, 1),
        ([1, 4, 8, 8], TensorProto.FLOAT, 1),
        ([1, 3, 8, 8], TensorProto.INT64, 1),
        ([1, 3, 8, 8], TensorProto.FLOAT, 2),
    ],
)
def test_a_network_of_something_else_is_refused(tmp_path, shape, kind, inputs):
    write_identity(tmp_path / "net.onnx", shape, kind, inputs)
    with pytest.raises(EncoderError, match=r"expected one float input of shape .* found in0"):
        build_encoder(f"onnx:{tmp_path / 'net.onnx'}")


@pytest.mark.parametrize("shape", [[2, 3, 8, 8], [1, 3, 8, "width"]])
def test_batches_and_half_fixed_sizes_are_refused(tmp_path, shape):
    write_identity(tmp_path / "net.onnx", shape)
    with pytest.raises(EncoderError, match=r"must have a batch of 1 .* export it again"):
        build_encoder(f"onnx:{tmp_path / 'net.onnx'}")


def test_cells_that_are_no_square_patches_are_refused(tmp_path, onnx_writer, colour_weight):
    onnx_writer(tmp_path / "net.onnx", colour_weight(), size=(50, 64))
    with pytest.raises(EncoderError, match="no whole square patch; choose another output"):
        build_encoder(f"onnx:{tmp_path / 'net.onnx'}")
    onnx_writer(tmp_path / "odd.onnx", torch.rand(1, 3, 11, 11))
    with pytest.raises(EncoderError, match="no patch size explains"):
        build_encoder(f"onnx:{tmp_path / 'odd.onnx'}")


@pytest.mark.parametrize(
    ("option", "image_size", "message"),
    [
        ("#depth", None, "output depth is not one .* the outputs are 0: colours .* 1: negated"),
        ("#2", None, "output 2 is not one"),
        ("?scale=2", None, r"unknown option \?scale=2; known are \?input=255"),
        ("?input=bgr", None, "unknown option"),
        ("", 32, "takes images of 48 x 64 pixels only, not image_size 32; leave image_size out"),
    ],
)
def test_options_that_do_not_fit(tmp_path, onnx_writer, colour_weight, option, image_size, message):
    onnx_writer(tmp_path / "net.onnx", colour_weight(), size=(48, 64))
    with pytest.raises(EncoderError, match=message):
        build_encoder(f"onnx:{tmp_path / 'net.onnx'}{option}", image_size=image_size)


def test_an_unknown_pixel_range_is_refused(tmp_path, onnx_writer, colour_weight):
    metadata = {"Image.NominalPixelRange": "Normalized_1_1"}
    onnx_writer(tmp_path / "net.onnx", colour_weight(), metadata=metadata)
    with pytest.raises(EncoderError, match=r"unknown pixel range Normalized_1_1; say .*\?input="):
        build_encoder(f"onnx:{tmp_path / 'net.onnx'}")


def test_files_that_are_missing_or_no_networks(tmp_path):
    with pytest.raises(EncoderError, match=r"gone\.onnx is no file; give the path"):
        build_encoder(f"onnx:{tmp_path / 'gone.onnx'}")
    (tmp_path / "text.onnx").write_text("not a network\n")
    with pytest.raises(EncoderError, match=r"text\.onnx cannot be read as an ONNX network"):
        build_encoder(f"onnx:{tmp_path / 'text.onnx'}")


@pytest.mark.data
def test_a_real_network(xfeat):
    encoder = build_encoder(xfeat)
    assert (encoder.channels, encoder.patch_size, encoder.grid_size(480, 270)) == (64, 8, (80, 45))
    image = torch.rand(1, 3, 480, 270, generator=torch.Generator().manual_seed(0))
    features = encoder.encode(image)
    assert features.shape == (1, 80, 45, 64)
    assert torch.equal(features, encoder.encode(image))
    assert build_encoder(f"{xfeat}#1").channels == 65
