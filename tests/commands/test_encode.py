"""One photograph through an encoder and through the 2D branch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.commands.encode import Encode
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members
from condense_ns.fields.backbone_file import OtherParts, SavedBackbone, load_backbone, save_backbone
from condense_ns.fields.branch_2d import Branch2D
from condense_ns.fields.feature_field import fingerprint_tensor
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.fields.score_head import ScoreHead
from condense_ns.pipelines.refined_encoding import map_colours

SPEC = "gradients"


def saved(path: Path, trained: bool = True, fingerprint: str | None = None, whole: bool = True):
    """A backbone on disk whose 2D branch adds something, if it is trained."""
    torch.manual_seed(0)
    decoders = LatentDecoders(8, {SPEC: 36}, hidden_dim=6)
    known = build_encoder(SPEC, "cpu", 64).fingerprint if fingerprint is None else fingerprint
    decoders.of_encoder(SPEC).fingerprint.copy_(fingerprint_tensor(known))
    branch = Branch2D({SPEC: 36}, width=4)
    if trained:
        for weight in branch.parameters():
            torch.nn.init.normal_(weight)
    others = OtherParts(branch, ScoreHead(8)) if whole else None
    save_backbone(path, OctreeBackbone("S", latent_dim=8), decoders, others=others)
    return path


def features(image: Path, out: Path, refined: Path | None = None) -> np.ndarray:
    Encode(image, SPEC, refined, out, image_size=64).main()
    return read_members(out, ("features",))["features"]


def test_before_training_the_branch_answers_what_the_encoder_does(tabletop: Path, tmp_path: Path):
    image = tabletop / "images" / "00000.png"
    plain = features(image, tmp_path / "plain.npz")
    assert plain.shape == (6, 8, 36)
    untrained = saved(tmp_path / "untrained.safetensors", trained=False)
    np.testing.assert_allclose(features(image, tmp_path / "same.npz", untrained), plain, atol=1e-5)
    other = features(image, tmp_path / "other.npz", saved(tmp_path / "trained.safetensors"))
    assert np.abs(other - plain).max() > 0.1
    for name in ("plain", "same", "other"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.size == (8, 6)


def test_pictures_of_maps_that_hardly_differ_are_no_less_bright():
    """Hues are those of all scenes; a refined map, whose range is small, uses all of it."""
    torch.manual_seed(1)
    decoders = LatentDecoders(8, {SPEC: 36}, hidden_dim=6)
    decoder = decoders.of_encoder(SPEC)
    decoder.pca_basis.copy_(torch.linalg.qr(torch.randn(36, 3)).Q)
    backbone = SavedBackbone(OctreeBackbone("S", latent_dim=8), decoders, "")
    features = decoder.mean + torch.randn(20, 30, 36)
    bright, same = (
        map_colours(decoder.mean + scale * features, backbone, SPEC) for scale in (1, 0.01)
    )
    assert (bright.amax(dim=(0, 1)) == 1).all()
    assert (bright.amin(dim=(0, 1)) == 0).all()
    torch.testing.assert_close(same, bright, atol=1e-3, rtol=0)


def test_another_encoder_or_file_is_refused(tabletop: Path, tmp_path: Path):
    image = tabletop / "images" / "00000.png"
    foreign = saved(tmp_path / "foreign.safetensors", fingerprint="ab" * 32)
    with pytest.raises(UserError, match="gradients of other weights or settings"):
        features(image, tmp_path / "out.npz", foreign)
    small = saved(tmp_path / "small.safetensors", whole=False)
    with pytest.raises(UserError, match="without a 2D branch; write it again"):
        features(image, tmp_path / "out.npz", small)
    with pytest.raises(UserError, match=r"must end in \.npz"):
        features(image, tmp_path / "out.png")


def test_a_place_that_cannot_be_written_to_is_told_before_the_work(tabletop: Path, tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "out.png").mkdir()
    image = tabletop / "images" / "00000.png"
    for out, told in (
        ("file/out.npz", "file is no folder"),
        ("out.npz", "out.png, which is a folder"),
    ):
        with pytest.raises(UserError, match=told):
            Encode(image, "unheard", output_path=tmp_path / out).main()


def test_the_photograph_that_was_given_is_not_overwritten(tabletop: Path, tmp_path: Path):
    photograph = tmp_path / "photo.png"
    photograph.write_bytes((tabletop / "images" / "00000.png").read_bytes())
    before = photograph.read_bytes()
    with pytest.raises(UserError, match=r"photo\.png would be overwritten"):
        Encode(image=photograph, encoder=SPEC, output_path=tmp_path / "photo.npz").main()
    assert photograph.read_bytes() == before


def test_the_encoder_sees_photographs_as_in_training(tabletop: Path, tmp_path: Path):
    branch = saved(tmp_path / "branch.safetensors")
    found = load_backbone(branch)
    assert found.others is not None
    sized = replace(found.others, encoder_image_size=64)
    again = tmp_path / "sized.safetensors"
    save_backbone(again, found.backbone, found.decoders, others=sized)
    photograph = tabletop / "images" / "00000.png"
    with pytest.raises(UserError, match="other weights or settings"):
        Encode(photograph, SPEC, branch, tmp_path / "encoded.npz").main()
    Encode(photograph, SPEC, again, tmp_path / "encoded.npz").main()
    assert (tmp_path / "encoded.npz").is_file()
