"""What holds for every kind of encoder, with networks that read out the colour of a patch."""

import pytest
import torch

from condense_ns.encoders import EncoderError, TextImageEncoder


# The last two are shrunk and enlarged; no side but those of the first is a multiple of the patch.
@pytest.mark.parametrize("size", [(48, 64), (50, 71), (97, 61), (30, 20), (21, 90)])
def test_cells_look_at_their_centres(family, tmp_path, position_error, size):
    encoder = family.build(tmp_path / "net")
    assert position_error(encoder, family, *size) < 0.05


def test_shape_type_and_attributes(family, tmp_path):
    encoder = family.build(tmp_path / "net")
    features = encoder.encode(torch.rand(2, 3, 50, 71))
    assert features.shape == (2, *encoder.grid_size(50, 71), encoder.channels)
    assert (encoder.channels, encoder.patch_size) == (family.channels, 8)
    assert features.dtype == torch.float32
    assert features.is_contiguous()
    assert not features.requires_grad
    # 50 x 71 fills 64 pixels, that is 8 cells, along its longer side.
    assert encoder.grid_size(50, 71) == (6, 8)


def test_an_image_has_the_same_features_in_any_batch(family, tmp_path):
    encoder = family.build(tmp_path / "net")
    images = torch.rand(3, 3, 50, 71, generator=torch.Generator().manual_seed(0))
    together = encoder.encode(images)
    assert torch.equal(together, encoder.encode(images))
    alone = torch.cat([encoder.encode(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-4)


def test_fingerprint_follows_weights_and_settings_only(family, tmp_path):
    first = family.build(tmp_path / "net").fingerprint
    assert family.build(tmp_path / "net").fingerprint == first
    assert family.build(tmp_path / "elsewhere").fingerprint == first
    assert family.build(tmp_path / "net", blue=0.1).fingerprint != first
    if family.image_size is not None:
        assert family.build(tmp_path / "net", finer=2).fingerprint != first


def test_text_is_answered_or_refused_in_one_sentence(family, tmp_path):
    encoder = family.build(tmp_path / "net")
    assert isinstance(encoder, TextImageEncoder) == family.text
    if not family.text:
        with pytest.raises(EncoderError, match=r"does not understand text .*use an encoder"):
            encoder.encode_text(["a chair"])
