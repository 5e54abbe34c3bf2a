"""The 2D branch of a backbone in the place of an encoder."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from condense_ns.encoders import build_encoder
from condense_ns.encoders.base import EncoderError, TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import load_backbone, save_backbone
from condense_ns.pipelines.photo_detector import load_detector, plain_detector, scene_detector
from condense_ns.pipelines.refined_encoder import (
    RefinedEncoder,
    RefinedTextEncoder,
    photo_encoder,
)
from condense_ns.pipelines.refined_encoding import branch_of
from condense_ns.retrieval.photograph import read_picture
from tests.backbones import write_backbone
from tests.training import COLOURS, SURROUNDINGS

IMAGE = torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two encoders, the first one with scores."""
    path = tmp_path_factory.mktemp("refined") / "both.safetensors"
    return write_backbone(path, (SURROUNDINGS, COLOURS), 64, scores_learned=True, refining=0.1)


def built(file: Path, chosen: str = "") -> RefinedEncoder:
    encoder = photo_encoder(f"backbone:{file}{chosen}")
    assert isinstance(encoder, RefinedEncoder)
    return encoder


def test_features_are_those_of_the_branch_in_the_encoder_s_units(file: Path):
    encoder, inner = built(file), build_encoder(SURROUNDINGS, "cpu", 64)
    assert (encoder.channels, encoder.patch_size) == (inner.channels, inner.patch_size)
    assert encoder.grid_size(48, 64) == inner.grid_size(48, 64)
    saved = load_backbone(file)
    assert saved.others is not None
    plain = inner.encode(IMAGE[None])
    with torch.no_grad():
        expected = saved.others.branch_2d.refined(SURROUNDINGS, plain / 0.5) * 0.5
    found = encoder.encode(IMAGE[None])
    torch.testing.assert_close(found, expected)
    assert (found - plain).abs().max() > 0.01


def test_one_of_several_encoders_can_be_named(file: Path):
    first, second = built(file), built(file, f"#{COLOURS}")
    assert (first.channels, second.channels) == (27, 3)
    assert first.fingerprint != second.fingerprint
    assert first.knows_scores
    assert not second.knows_scores
    with pytest.raises(UserError, match="not trained with dog; use one of torch:colour_network"):
        built(file, "#dog")


def test_the_fingerprint_is_that_of_the_weights_and_not_of_the_file_s_name(file, tmp_path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(file.read_bytes())
    assert built(copy).fingerprint == built(file).fingerprint
    other = write_backbone(tmp_path / "other.safetensors", (SURROUNDINGS, COLOURS), 64)
    assert built(other).fingerprint != built(file).fingerprint


def test_words_go_with_the_encoder_that_knows_them():
    encoder, mini = photo_encoder("backbone:shipped"), build_encoder("mini")
    assert isinstance(encoder, TextImageEncoder)
    assert isinstance(mini, TextImageEncoder)
    assert encoder.inverse_temperature == mini.inverse_temperature
    assert torch.equal(encoder.encode_text(["a cup"]), mini.encode_text(["a cup"]))


def test_words_are_asked_of_what_is_read_out_of_refined_features(tabletop: Path):
    refined, asked, mini = (
        photo_encoder("backbone:shipped"),
        photo_encoder("backbone:shipped?words"),
        build_encoder("mini", image_size=192),
    )
    assert isinstance(refined, RefinedEncoder)
    assert isinstance(asked, RefinedTextEncoder)
    assert asked.spec == "backbone:shipped?words"
    assert asked.fingerprint != refined.fingerprint
    assert (refined.knows_scores, asked.knows_scores) == (True, False)
    branch, decoder = branch_of(refined.saved, mini, "cpu")
    layer = branch.reader("mini")
    assert isinstance(layer, torch.nn.Linear)
    photograph = read_picture(tabletop / "images" / "00000.png")[None]
    maps = refined.encode(photograph)
    standard = (maps - decoder.mean) / decoder.scale
    with torch.no_grad():
        told = (standard @ layer.weight.T + layer.bias) * decoder.scale + decoder.mean
    torch.testing.assert_close(asked.encode(photograph), told)
    true = mini.encode(photograph)
    assert (told - true).norm() < 0.8 * (maps - true).norm()


def test_nothing_is_read_out_where_nothing_was_learned(tmp_path: Path):
    path = write_backbone(tmp_path / "plain.safetensors", ("mini",), 64)
    with pytest.raises(EncoderError, match=r"nothing was learned to be read out .* leave \?words"):
        photo_encoder(f"backbone:{path}?words")
    path = write_backbone(tmp_path / "wordless.safetensors", (COLOURS,), 64)
    with pytest.raises(EncoderError, match="network does not know words; leave"):
        photo_encoder(f"backbone:{path}?words")


def test_what_cannot_be_built_is_told(file: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"names no file; write backbone:<file>, or backbone:ship"):
        photo_encoder("backbone")
    with pytest.raises(UserError, match="cannot be read as a backbone"):
        photo_encoder(f"backbone:{tmp_path / 'absent.safetensors'}")
    with pytest.raises(UserError, match="of other weights or settings"):
        photo_encoder(f"backbone:{file}", image_size=32)
    saved = load_backbone(file)
    save_backbone(tmp_path / "flat.safetensors", saved.backbone, saved.decoders)
    with pytest.raises(UserError, match="without a 2D branch; write it again"):
        photo_encoder(f"backbone:{tmp_path / 'flat.safetensors'}#{COLOURS}", image_size=64)


def test_scores_are_those_of_the_head_on_standardised_features(file: Path):
    encoder = built(file)
    assert encoder.saved.others is not None
    first, _, last = encoder.saved.others.branch_2d.score.net
    assert isinstance(first, torch.nn.Linear)
    assert isinstance(last, torch.nn.Linear)
    with torch.no_grad():
        first.weight.zero_()
        first.bias.zero_()
        last.weight.zero_()
        first.weight[0, 4] = last.weight[0, 0] = 1.0
    found = encoder.encode(IMAGE[None])[0]
    expected = (F.gelu(found[..., 4] / 0.5) - 3.0).sigmoid()
    torch.testing.assert_close(encoder.keypoint_scores(found), expected)


def test_scores_decide_which_corners_count(file: Path):
    """Of two equal halves of a photograph the one that the head likes gets the strongest keypoints."""
    half = torch.rand(3, 12, 8, generator=torch.Generator().manual_seed(2)).repeat(1, 1, 2)
    image = F.interpolate(half[None], scale_factor=8, mode="nearest")[0]
    encoder = built(file)
    encoder.keypoint_scores = (
        lambda maps: (  # type: ignore[method-assign]
            torch.linspace(0.1, 1.0, maps.shape[1]).expand(maps.shape[:2])
        )
    )
    found = plain_detector(encoder)(image)
    best = found.pixels[:10]
    assert len(found) > 20
    assert (best[:, 0] > 64).all()
    encoder.keypoint_scores = lambda maps: torch.ones(maps.shape[:2])  # type: ignore[method-assign]
    best = plain_detector(encoder)(image).pixels[:10]
    assert (best[:, 0] < 64).any()


def test_a_backbone_without_scores_says_that_the_prior_is_alone(file, tmp_path, capsys):
    scene_detector(f"backbone:{file}", "dog")
    scene_detector("backbone:shipped", "dog")
    assert capsys.readouterr().err == ""
    without = write_backbone(tmp_path / "without.safetensors", (SURROUNDINGS, COLOURS), 64)
    scene_detector(f"backbone:{without}", "dog")
    told = " ".join(capsys.readouterr().err.split())
    assert f"backbone:{without} was not trained for keypoint scores" in told
    assert "dog alone finds keypoints; to train them, go on with its run" in told


def test_the_detector_travels_in_a_head_s_file(file: Path, tmp_path: Path):
    detector = scene_detector(f"backbone:{file}")
    detector.save(tmp_path / "head.safetensors")
    again = load_detector(tmp_path / "head.safetensors", 512)
    first, second = detector(IMAGE), again(IMAGE)
    assert torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.descriptors, second.descriptors)
