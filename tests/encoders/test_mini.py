"""The shipped encoder: its files, its words, its calibration."""

import json
import shutil

import open_clip
import pytest
import torch
from open_clip import CLIP

from condense_ns.encoders import EncoderError, build_encoder
from condense_ns.encoders.mini import CALIBRATION_NAME, MINI_FOLDER, MINI_WEIGHTS, MiniEncoder


@pytest.fixture(scope="module")
def mini():
    """The encoder as users get it."""
    return MiniEncoder()


@pytest.fixture
def copied(tmp_path):
    """Its files, free to be spoiled."""
    return shutil.copytree(MINI_FOLDER, tmp_path / "mini")


def image_of(height, width):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_shipped_weights_load_strictly_in_open_clip_itself(mini):
    config = json.loads((MINI_FOLDER / "open_clip_config.json").read_text())["model_cfg"]
    network = CLIP(**config).eval()
    open_clip.load_checkpoint(network, str(MINI_FOLDER / MINI_WEIGHTS), strict=True)
    tokens = mini._tokenizer(["red ball", "sofa"])
    with torch.no_grad():
        expected = network.encode_text(tokens, normalize=True)
    torch.testing.assert_close(mini.encode_text(["red ball", "sofa"]), expected)


def test_the_same_folder_gives_the_same_features_by_either_name(mini):
    other = build_encoder(f"openclip:{MINI_FOLDER}")
    image = image_of(144, 192)
    assert torch.equal(mini.encode(image), other.encode(image))
    assert torch.equal(mini.encode_text(["ball"]), other.encode_text(["ball"]))
    assert (mini.spec, mini.fingerprint) == ("mini", other.fingerprint)


def test_shipped_files_are_small_and_say_where_they_come_from():
    assert sum(path.stat().st_size for path in MINI_FOLDER.iterdir()) <= 10e6
    record = json.loads((MINI_FOLDER / "training.json").read_text())
    assert {"command", "commit", "settings", "photographs", "quality"} <= record.keys()
    quality = record["quality"]
    for name in ("mean_iou", "pixel_accuracy", "class_localisation", "caption_retrieval"):
        assert quality[name] > quality[f"{name}_without_looking"]
    assert quality["calibration_error"] < quality["calibration_error_uncalibrated"]


@pytest.mark.parametrize("text", ["xylophone", "🦊", "", " ", "ball " * 500, "Ünïcödé", "\0"])
def test_any_text_has_an_embedding_of_unit_length(mini, text):
    embedding = mini.encode_text([text])
    torch.testing.assert_close(embedding.norm(dim=-1), torch.ones(1))


@pytest.mark.parametrize("size", [(144, 192), (96, 96), (33, 71), (8, 8), (300, 40)])
def test_images_of_other_sizes_have_dense_features(mini, size):
    features = mini.encode(image_of(*size))
    assert features.shape == (1, *mini.grid_size(*size), 64)
    assert torch.isfinite(features).all()


def test_a_red_ball_is_nearer_to_a_ball_than_to_a_sofa(mini):
    red_ball, ball, sofa = mini.encode_text(["red ball", "ball", "sofa"])
    assert red_ball @ ball > red_ball @ sofa


def test_the_fitted_inverse_temperature_is_read_and_changes_no_fingerprint(mini, copied):
    (copied / CALIBRATION_NAME).write_text('{"inverse_temperature": 25}')
    other = MiniEncoder(folder=copied)
    assert other.inverse_temperature == 25.0
    assert other.fingerprint == mini.fingerprint


def test_without_a_calibration_the_inverse_temperature_is_that_of_any_other(copied):
    (copied / CALIBRATION_NAME).unlink(missing_ok=True)
    assert MiniEncoder(folder=copied).inverse_temperature == 10.0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"inverse_temperature": 0}', "must be above"),
        ('{"inverse_temperature": -3}', "must be above"),
        ('{"inverse_temperature": Infinity}', "must be above"),
        ('{"inverse_temperature": NaN}', "must be above"),
        ('{"inverse_temperature": null}', "cannot be read"),
        ('{"temperature": 3}', "cannot be read"),
        ("[10]", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_spoiled_calibration_is_refused_with_a_remedy(copied, content, complaint):
    (copied / CALIBRATION_NAME).write_text(content)
    with pytest.raises(EncoderError, match=complaint) as caught:
        MiniEncoder(folder=copied)
    assert "delete the file" in str(caught.value)


def test_missing_weights_are_refused_with_a_remedy(tmp_path):
    with pytest.raises(EncoderError, match="condense train-mini"):
        MiniEncoder(folder=tmp_path)
