"""A backbone comes back as it was, or one sentence says what is wrong with its file."""

import json
import re

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from condense_ns.encoders import build_encoder
from condense_ns.encoders.fingerprint import state_digest
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import (
    FORMAT,
    SHIPPED,
    SHIPPED_NAME,
    OtherParts,
    load_backbone,
    save_backbone,
)
from condense_ns.fields.branch_2d import Branch2D
from condense_ns.fields.feature_field import fingerprint_tensor
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.fields.score_head import ScoreHead
from condense_ns.weight_file import read_weights, write_weights
from tests.voxel_scenes import made_volume, surface_voxels

LARGEST_SHIPPED = 20e6
"""Bytes of a file that comes with the package."""


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    backbone = OctreeBackbone("S", latent_dim=8)
    decoders = LatentDecoders(8, {"mini": 5, "a/b:c.d": 3}, hidden_dim=6)
    decoders.of_encoder("mini").mean.fill_(1 / 3)
    decoders.of_encoder("mini").fingerprint.copy_(fingerprint_tensor("ab" * 32))
    return backbone, decoders


@pytest.fixture
def path(networks, tmp_path):
    save_backbone(tmp_path / "backbone.safetensors", *networks)
    return tmp_path / "backbone.safetensors"


def rewritten(path, about=None, state=None):
    """The file with other texts or tensors."""
    with safe_open(path, framework="pt") as file:
        texts = file.metadata() | (about or {})
        tensors = {name: file.get_tensor(name) for name in file.keys()} | (state or {})  # noqa: SIM118
    save_file(tensors, path, metadata=texts)
    return path


def test_weights_sizes_and_statistics_come_back(networks, tmp_path):
    backbone, decoders = networks
    path = tmp_path / "new folder" / "backbone.safetensors"
    fingerprint = save_backbone(path, backbone, decoders)
    found = load_backbone(path)
    assert found.fingerprint == fingerprint
    assert (found.backbone.preset, found.backbone.latent_dim) == ("S", 8)
    assert found.decoders.channels == decoders.channels
    for one, other in ((found.backbone, backbone), (found.decoders, decoders)):
        assert not one.training
        theirs = other.state_dict()
        assert one.state_dict().keys() == theirs.keys()
        assert all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())
    assert found.decoders.of_encoder("mini", "ab" * 32).channels == 5
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_half_precision_halves_the_file_and_hardly_changes_answers(networks, path, tmp_path):
    half = tmp_path / "half.safetensors"
    assert save_backbone(half, *networks, half=True) != load_backbone(path).fingerprint
    assert half.stat().st_size < 0.6 * path.stat().st_size < 0.6 * LARGEST_SHIPPED
    found = load_backbone(half)
    assert all(weight.dtype == torch.float32 for weight in found.backbone.parameters())
    assert torch.equal(found.decoders.of_encoder("mini").mean, torch.full((5,), 1 / 3))
    volume = made_volume(surface_voxels(8))
    with torch.no_grad():
        assert torch.allclose(found.backbone([volume])[0], networks[0]([volume])[0], atol=0.02)


def test_the_same_weights_have_the_same_fingerprint(networks, tmp_path):
    found = [save_backbone(tmp_path / name, *networks) for name in ("one", "other")]
    assert found[0] == found[1]


def test_reading_draws_no_random_numbers(path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_backbone(path)
    assert torch.equal(torch.rand(3), expected)


def test_another_preset_is_refused(path):
    assert load_backbone(path, "S").backbone.preset == "S"
    with pytest.raises(UserError, match="holds a backbone of preset S, not M; set the preset"):
        load_backbone(path, "M")


@pytest.mark.parametrize("content", [None, b"", b"no weights at all", b"\xff" * 64])
def test_a_missing_or_foreign_file_is_refused(content, tmp_path):
    path = tmp_path / "x.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=re.escape(f"{path} cannot be read as a backbone")):
        load_backbone(path)


def test_a_truncated_file_is_refused(path):
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(UserError, match="cannot be read as a backbone of condense-pretrain"):
        load_backbone(path)


def test_a_single_wrong_bit_is_found(path):
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        load_backbone(path)


def test_another_version_is_refused(path):
    with pytest.raises(UserError, match=f"format 'other 2', expected '{FORMAT}'"):
        load_backbone(rewritten(path, {"format": "other 2"}))


@pytest.mark.parametrize(
    "about",
    [
        {"latent_dim": "9"},
        {"latent_dim": "many"},
        {"preset": "M"},
        {"preset": "XL"},
        {"encoders": json.dumps({"mini": 5})},
        {"encoders": "[1]"},
        {"encoders": "{"},
    ],
)
def test_sizes_that_are_not_those_of_the_weights_are_refused(path, about):
    with pytest.raises(UserError, match=r"cannot be read as a backbone .*; give weights"):
        load_backbone(rewritten(path, about))


def test_a_place_that_cannot_be_written_is_refused(networks, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        save_backbone(tmp_path / "file" / "backbone.safetensors", *networks)


def test_what_was_trained_beside_it_comes_back(networks, tmp_path):
    others = OtherParts(Branch2D({"mini": 5, "a/b:c.d": 3}, width=4), ScoreHead(8))
    for weight in others.branch_2d.parameters():
        torch.nn.init.normal_(weight)
    save_backbone(tmp_path / "whole.safetensors", *networks, others=others)
    found = load_backbone(tmp_path / "whole.safetensors").others
    assert found is not None
    maps = torch.randn(2, 3, 4, 3)
    with torch.no_grad():
        expected = others.branch_2d.refined("a/b:c.d", maps)
        assert torch.equal(found.branch_2d.refined("a/b:c.d", maps), expected)
        latents = torch.randn(7, 8)
        assert torch.equal(found.score_3d(latents), others.score_3d(latents))
    assert (found.scores_learned, found.encoder_image_size) == (False, None)
    save_backbone(tmp_path / "small.safetensors", *networks)
    assert load_backbone(tmp_path / "small.safetensors").others is None


def test_files_from_before_2d_branches_were_read_out_are_still_read(networks, tmp_path):
    others = OtherParts(Branch2D({"mini": 5, "a/b:c.d": 3}, width=4), ScoreHead(8))
    for weight in others.branch_2d.parameters():
        torch.nn.init.normal_(weight)
    path = tmp_path / "whole.safetensors"
    save_backbone(path, *networks, others=others)
    found = load_backbone(path).others
    assert found is not None
    assert found.branch_2d.reads_out("mini")
    state, about = read_weights(path, "a backbone", FORMAT, "")
    old = {name: value for name, value in state.items() if ".read_outs." not in name}
    assert len(old) == len(state) - 4
    write_weights(path, old, {**about, "fingerprint": state_digest(old)})
    found = load_backbone(path).others
    assert found is not None
    assert not found.branch_2d.reads_out("mini")
    cells = torch.randn(7, 5)
    assert torch.equal(found.branch_2d.read_out("mini", cells), cells)


def test_how_it_was_trained_comes_back(networks, tmp_path):
    others = OtherParts(Branch2D({"mini": 5, "a/b:c.d": 3}, width=4), ScoreHead(8), True, 224)
    save_backbone(tmp_path / "whole.safetensors", *networks, others=others)
    found = load_backbone(tmp_path / "whole.safetensors").others
    assert found is not None
    assert (found.scores_learned, found.encoder_image_size) == (True, 224)


def test_the_backbone_of_the_package_knows_the_encoder_of_the_package():
    saved = load_backbone(SHIPPED_NAME)
    assert saved.backbone.preset == "S"
    assert saved.others is not None
    assert saved.others.scores_learned
    mini = build_encoder("mini")
    assert saved.decoders.of_encoder("mini", mini.fingerprint).mean.shape == (mini.channels,)
    assert SHIPPED.stat().st_size < LARGEST_SHIPPED
    assert SHIPPED.with_name("shipped_backbone_training.json").is_file()
