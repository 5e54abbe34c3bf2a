"""Features at pixels and their colours."""

import pytest
import torch

from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators import OperatorError, SourceMap, build_operator
from condense_ns.operators.features import FeaturesOperator

COLOURS = "torch:colour_network:network"


@pytest.fixture
def operator():
    return build_operator(f"features:{COLOURS}", image_size=32)


def sources(operator, images):
    return [
        SourceMap(view, operator.encode(image[None])[0], *image.shape[-2:])
        for view, image in enumerate(images)
    ]


def test_features_are_interpolated(operator, image):
    feature_map = operator.encode(image[None])[0]
    answer = operator.decode(feature_map, image)
    torch.testing.assert_close(answer, on_grid(feature_map, 24, 32))
    assert operator.labels(answer) is None


def test_colours_do_not_depend_on_the_view(operator, image):
    feature_map = operator.encode(image[None])[0]
    operator.prepare(sources(operator, [image, image[:, :, :16].contiguous()]))  # of two sizes
    whole = operator.picture(operator.decode(feature_map, image))
    assert whole.shape == (3, 24, 32)
    assert 0.0 <= whole.min() < 0.1
    assert 0.9 < whole.max() <= 1.0
    part = operator.picture(operator.decode(feature_map, image)[:8, :8])
    assert torch.equal(part, whole[:, :8, :8])


def test_a_large_sample_is_thinned(operator, image, monkeypatch):
    monkeypatch.setattr("condense_ns.operators.features.MOST_FITTED", 10)
    seen = []
    original = "condense_ns.operators.features.fit_pca_colours"
    monkeypatch.setattr(
        original, lambda rows: seen.append(rows) or (torch.eye(3), torch.eye(3)[:2])
    )
    operator.prepare(sources(operator, [image]))
    assert 5 <= len(seen[0]) <= 10


@pytest.mark.parametrize("channels", [1, 2, 40])
def test_any_number_of_channels(channels, image):
    class Constant:
        fingerprint, device, concurrent = "0", "cpu", False

        def __init__(self):
            self.channels = channels

        def grid_size(self, height: int, width: int) -> tuple[int, int]:
            del height, width
            return 3, 4

        def encode(self, images):
            return torch.rand(len(images), 3, 4, channels)

    operator = FeaturesOperator("features:constant", Constant())
    operator.prepare(sources(operator, [image, image]))
    picture = operator.picture(operator.decode(operator.encode(image[None])[0], image))
    assert picture.shape == image.shape
    assert torch.isfinite(picture).all()


def test_colours_must_be_fixed_first(operator, image):
    answer = operator.decode(operator.encode(image[None])[0], image)
    with pytest.raises(OperatorError, match="colours are not fixed; call prepare"):
        operator.picture(answer)
    with pytest.raises(OperatorError, match="no source maps to fix the colours by"):
        operator.prepare([])
