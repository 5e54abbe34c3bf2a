"""DINOv2 from a folder of transformers: which tokens, which input, and folders that are refused."""

from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
)

from condense_ns.encoders import EncoderError, build_encoder
from tests.tiny_transformers import SIZES


@pytest.fixture(params=["plain", "registers"])
def network(request, tmp_path):
    """A random network, saved to `tmp_path`."""
    torch.manual_seed(0)
    if request.param == "plain":
        network = Dinov2Model(Dinov2Config(**SIZES))
    else:
        network = Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**SIZES))
    network.save_pretrained(tmp_path)
    return network.eval()


def test_features_are_the_last_patch_tokens(network, tmp_path):
    encoder = build_encoder(f"dinov2-small:{tmp_path}", image_size=70)
    image = torch.rand(1, 3, 42, 70)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        tokens = network((image - mean) / std).last_hidden_state
    # The last 3 x 5 tokens are the patches, row by row; class and registers come first.
    expected = tokens[:, -15:].reshape(1, 3, 5, 12)
    torch.testing.assert_close(encoder.encode(image), expected, rtol=1e-4, atol=1e-5)


def test_image_size_is_that_of_the_published_training_unless_asked_for(network, tmp_path):
    assert build_encoder(f"dinov2-small:{tmp_path}").grid_size(480, 640) == (28, 37)
    with pytest.raises(EncoderError, match="image_size 13 is smaller than one patch"):
        build_encoder(f"dinov2-small:{tmp_path}", image_size=13)


def test_weights_in_half_precision_are_read_as_float32(tmp_path):
    torch.manual_seed(0)
    network: Any = Dinov2Model(Dinov2Config(**SIZES))
    network.to(torch.bfloat16).save_pretrained(tmp_path)
    features = build_encoder(f"dinov2-small:{tmp_path}", image_size=70).encode(
        torch.rand(1, 3, 70, 70)
    )
    assert features.dtype == torch.float32
    assert not torch.equal(features, features.to(torch.bfloat16).float())


def test_a_folder_without_weights_or_of_another_network_is_refused(tmp_path):
    spec = f"dinov2-small:{tmp_path}"
    with pytest.raises(EncoderError, match=r"holds no weights .* copy a whole model folder"):
        build_encoder(spec)
    config = BertConfig(
        vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4
    )
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="holds a network of type bert; expected one of dinov2"):
        build_encoder(spec)


def test_weights_in_several_files_are_read_if_all_are_there(network, tmp_path):
    whole = build_encoder(f"dinov2-small:{tmp_path}", image_size=70)
    network.save_pretrained(tmp_path / "split", max_shard_size="10kB")
    parts = sorted((tmp_path / "split").glob("model-*.safetensors"))
    assert len(parts) > 1
    spec, image = f"dinov2-small:{tmp_path / 'split'}", torch.rand(1, 3, 70, 70)
    found = build_encoder(spec, image_size=70).encode(image)
    torch.testing.assert_close(found, whole.encode(image))
    parts[1].unlink()
    with pytest.raises(EncoderError, match=f"of which {parts[1].name} is missing; copy the whole"):
        build_encoder(spec)


def test_damaged_weights_are_refused(tmp_path):
    network = Dinov2Model(Dinov2Config(**SIZES))
    weights = dict(network.state_dict())
    weights.pop("layernorm.weight")
    network.save_pretrained(tmp_path, state_dict=weights)
    spec = f"dinov2-small:{tmp_path}"
    with pytest.raises(
        EncoderError, match=r"lack 1 tensors, layernorm\.weight among them; download"
    ):
        build_encoder(spec)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EncoderError, match=r"cannot read the network in .* download it again"):
        build_encoder(spec)


def test_a_source_that_is_neither_folder_nor_hub_id_is_refused():
    with pytest.raises(
        EncoderError, match=r"no_such is no folder; name a folder with config\.json"
    ):
        build_encoder("dinov2-small:./no_such")
