"""Style transfer as an operator."""

import numpy as np
import pytest
import torch

from condense_ns.operators import OperatorError, build_operator
from condense_ns.operators.base import SourceMap
from condense_ns.operators.checking import checked_decode, checked_encode
from condense_ns.retrieval.photograph import read_photograph


@pytest.mark.parametrize("size", [(24, 32), (26, 35), (4, 4), (40, 9)])
def test_any_size_of_image(style_folder, size):
    operator = build_operator(f"style:{style_folder}")
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    maps = checked_encode(operator, image[None])
    rows, columns = operator.grid_size(*size)
    assert maps.shape == (1, rows, columns, 128)
    assert abs(4 * rows - size[0]) <= 3
    assert abs(4 * columns - size[1]) <= 3
    answer = checked_decode(operator, maps[0], image)
    assert answer.shape == (*size, 3)
    assert 0.0 <= answer.min() <= answer.max() <= 1.0
    assert torch.equal(operator.picture(answer), answer.permute(2, 0, 1))


@pytest.fixture
def pointing(style_arrays, style_writer, tmp_path):
    """A style whose kernels copy the pixel under their middle; its blocks add nothing."""
    arrays = {name: np.zeros_like(array) for name, array in style_arrays.items()}
    for layer in range(16):
        kernel, shift, scale = (_name(3 * layer + part) for part in range(3))
        middle = len(arrays[kernel]) // 2
        if not 3 <= layer < 13:
            arrays[kernel][middle, middle] = np.eye(*arrays[kernel].shape[2:])
            arrays[shift][:] = 10.0 if layer < 15 else 0.0  # so that nothing is cut at 0
            arrays[scale][:] = 1.0 if layer < 15 else 0.1  # so that tanh does not saturate
    style_writer(tmp_path / "pointing", arrays)
    return build_operator(f"style:{tmp_path / 'pointing'}")


def _name(number):
    return f"Variable_{number}" if number else "Variable"


def test_a_cell_looks_half_a_pixel_beside_its_centre(pointing):
    """The centre of cell (2, 3) is the corner of four pixels, of which (9, 13) is one."""
    grey = torch.full((1, 3, 24, 32), 0.5)
    for row, column, seen in ((9, 13, True), (10, 13, False), (9, 12, False)):
        image = grey.clone()
        image[..., row, column] = 1.0
        feature_map = pointing.encode(image)[0, ..., 0]
        changed = (feature_map - feature_map.median()).abs() > 0.1
        assert changed.nonzero().tolist() == ([[2, 3]] if seen else [])


def test_a_cell_is_painted_where_it_was_seen(pointing):
    image = torch.zeros(3, 24, 32)
    feature_map = torch.zeros(6, 8, 128)
    plain = pointing.decode(feature_map, image)
    feature_map[2, 3] = 1.0
    change = (pointing.decode(feature_map, image) - plain).abs().sum(dim=-1)
    assert change.argmax() == 9 * 32 + 13


def test_image_size_is_what_the_network_sees(style_folder):
    operator = build_operator(f"style:{style_folder}", image_size=16)
    assert operator.grid_size(24, 32) == (3, 4)
    image = torch.rand(3, 24, 32)
    assert operator.decode(operator.encode(image[None])[0], image).shape == (24, 32, 3)
    assert operator.fingerprint != build_operator(f"style:{style_folder}").fingerprint


def test_fingerprint_follows_the_weights(style_folder, style_arrays, style_writer, tmp_path):
    other = {**style_arrays, "Variable_46": style_arrays["Variable_46"] + 1}
    style_writer(tmp_path / "other", other)
    style_writer(tmp_path / "same", style_arrays)
    first = build_operator(f"style:{style_folder}").fingerprint
    assert build_operator(f"style:{tmp_path / 'other'}").fingerprint != first
    assert build_operator(f"style:{tmp_path / 'same'}").fingerprint == first


def test_missing_weights(tmp_path):
    with pytest.raises(OperatorError, match=r"nowhere/manifest\.json is missing; give the folder"):
        build_operator(f"style:{tmp_path / 'nowhere'}")


@pytest.mark.data
@pytest.mark.parametrize("style", ["la_muse", "wave"])
def test_a_real_style(shared_data, style):
    """The photograph stays recognisable, in other colours, without a frame along its borders."""
    photograph = read_photograph(shared_data / "scenes/fern/images/image000.jpg").rgb
    image = torch.nn.functional.interpolate(
        photograph[None], size=(144, 192), antialias=True, mode="bilinear"
    )
    operator = build_operator(f"style:{shared_data / 'models/fast_style' / style}")
    answer = operator.decode(operator.encode(image)[0], image[0])
    grey = torch.stack([answer.mean(dim=-1).flatten(), image[0].mean(dim=0).flatten()])
    assert torch.corrcoef(grey)[0, 1] > 0.4
    assert answer.std(dim=(0, 1)).min() > 0.1
    assert (answer - image[0].permute(1, 2, 0)).abs().mean() > 0.1
    border = torch.cat([answer[-6:].flatten(0, 1), answer[:, -6:].flatten(0, 1)])
    assert (border.mean(dim=0) - answer.mean(dim=(0, 1))).abs().max() < 0.15


def test_prepared_for_a_scene_a_part_looks_as_in_the_whole(style_folder):
    torch.manual_seed(0)
    operator, images = build_operator(f"style:{style_folder}"), torch.rand(2, 3, 48, 64)
    images[1] *= 0.3
    maps = operator.encode(images)
    alone = [operator.decode(one, image) for one, image in zip(maps, images, strict=True)]
    part, seen = maps[0, 2:9, 3:12].contiguous(), torch.zeros(3, 28, 36)
    apart = (operator.decode(part, seen) - alone[0][8:36, 12:48])[8:-8, 8:-8].abs().mean()
    operator.prepare([SourceMap(at, one, 48, 64) for at, one in enumerate(maps)])
    whole = operator.decode(maps[0], images[0])
    settled = (operator.decode(part, seen) - whole[8:36, 12:48])[8:-8, 8:-8].abs().mean()
    assert settled < 1e-4 < apart
    for one, image, expected in zip(maps, images, alone, strict=True):
        assert torch.equal(operator.decode_alone(one, image), expected)
