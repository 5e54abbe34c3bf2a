"""CLIP of open_clip: dense tokens in the space of texts, texts, and weights on disk."""

import json

import open_clip
import pytest
import torch
from open_clip import CLIP

from condense_ns.encoders import EncoderError, build_encoder
from condense_ns.encoders.openclip import OpenClipEncoder, dense_tokens, resized_positions

TEXTS = ["a photo of a chair", "a photo of a fox"]


def read_config(folder):
    return json.loads((folder / "open_clip_config.json").read_text())


@pytest.fixture
def clip(tmp_path, tiny_clip):
    """The encoder, and open_clip's own network with the same weights."""
    encoder = build_encoder(tiny_clip())
    assert isinstance(encoder, OpenClipEncoder)
    network = CLIP(**read_config(tmp_path)["model_cfg"]).eval()
    open_clip.load_checkpoint(network, str(tmp_path / "open_clip_pytorch_model.bin"))
    return encoder, network


def test_dense_tokens_are_the_last_attention_of_every_token_to_itself(clip):
    """Slow reference: open_clip's own network, the last attention masked down to its diagonal."""
    _, network = clip
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    visual = network.visual
    last = visual.transformer.resblocks[-1]
    seen = []
    handle = last.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        network.encode_image(images)
        handle.remove()
        normal = last.ln_1(seen[0])
        only_itself = torch.full((17, 17), -torch.inf).fill_diagonal_(0.0)
        attended = last.attn(normal, normal, normal, attn_mask=only_itself)[0]
        expected = visual.ln_post(attended) @ visual.proj
        dense = dense_tokens(visual, images)
    torch.testing.assert_close(dense.flatten(1, 2), expected[:, 1:], rtol=1e-4, atol=1e-5)


def test_images_and_texts_share_a_space(clip):
    encoder, network = clip
    features = encoder.encode(torch.rand(1, 3, 32, 32))
    embeddings = encoder.encode_text(TEXTS)
    assert features.shape == (1, 4, 4, 6)
    assert embeddings.shape == (2, 6)
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(2))
    tokens = open_clip.SimpleTokenizer(context_length=16)(TEXTS)
    with torch.no_grad():
        torch.testing.assert_close(embeddings, network.encode_text(tokens, normalize=True))


def test_any_number_of_texts(clip):
    encoder, _ = clip
    assert encoder.encode_text([]).shape == (0, 6)
    many = encoder.encode_text(TEXTS * 40)
    torch.testing.assert_close(many, encoder.encode_text(TEXTS).repeat(40, 1))
    assert encoder.encode_text(["word " * 100]).shape == (1, 6)


def test_positions_stretch_about_the_borders_of_the_image():
    """A table that grows linearly still does, and reads the coordinate of its cell."""
    x = (torch.arange(16) + 0.5) / 16
    table = torch.cat([torch.tensor([[9.0]]), x.repeat(16)[:, None]])
    assert resized_positions(table, (16, 16), (16, 16)) is table
    stretched = resized_positions(table, (16, 16), (8, 24))
    assert stretched[0] == 9.0
    rows = stretched[1:].reshape(8, 24)
    expected = (torch.arange(24) + 0.5) / 24
    torch.testing.assert_close(rows[:, 4:-4], expected[4:-4].expand(8, 16), rtol=0, atol=1e-4)


def test_architecture_and_weight_file(tmp_path, tiny_clip, monkeypatch):
    folder_spec = tiny_clip()
    config = read_config(tmp_path)["model_cfg"]
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-Tiny", config)
    weights = tmp_path / "open_clip_pytorch_model.bin"
    encoder = build_encoder(f"openclip:ViT-Tiny/{weights}")
    assert (encoder.channels, encoder.patch_size) == (6, 8)
    # The folder's colours are ImageNet's, the architecture's are CLIP's own.
    assert encoder.fingerprint != build_encoder(folder_spec).fingerprint


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("openclip:no-such", "is neither a folder with open_clip_config.json nor <architecture>/"),
        ("openclip:ViT-B-16", "nor <architecture>/<tag or file> with an architecture among"),
        ("openclip:ViT-B-16/no-such", r"neither a file nor a tag on the hub; tags .* openai"),
        ("openclip:RN50/openai", "not supported: its image tower is a ResNet; use a plain"),
        ("openclip:ViT-B-16-SigLIP/webli", "not supported: its image tower comes from timm"),
        ("openclip:coca_ViT-B-32/x", "not supported: its image tower ends in an attentional"),
    ],
)
def test_specs_that_name_nothing_usable(spec, message):
    with pytest.raises(EncoderError, match=message):
        build_encoder(spec)


def test_folders_that_are_incomplete_or_damaged(tmp_path, tiny_clip):
    spec = tiny_clip()
    weights = tmp_path / "open_clip_pytorch_model.bin"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EncoderError, match="does not hold the weights of this network"):
        build_encoder(spec)
    weights.unlink()
    with pytest.raises(EncoderError, match=r"holds no weights \(looked for open_clip_model\."):
        build_encoder(spec)
    (tmp_path / "open_clip_config.json").write_text("{")
    with pytest.raises(EncoderError, match=r"cannot read .*open_clip_config\.json"):
        build_encoder(spec)


def test_weights_of_another_architecture_are_refused(tmp_path, tiny_clip):
    spec = tiny_clip()
    content = read_config(tmp_path)
    content["model_cfg"]["vision_cfg"]["layers"] = 3
    (tmp_path / "open_clip_config.json").write_text(json.dumps(content))
    with pytest.raises(EncoderError, match=r"RuntimeError.*Missing key.*check the architecture"):
        build_encoder(spec)
