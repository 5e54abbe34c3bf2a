"""What a weight file does not say about its training comes from a tag, or is told."""

import copy
import pickle
import zipfile
from pathlib import Path
from types import MappingProxyType
from typing import Any

import open_clip
import pytest
import torch
from open_clip import CLIP

from condense_ns.encoders import EncoderError, build_encoder
from condense_ns.encoders.openclip_files import _tell_assumed_training, load_model, model_source
from condense_ns.encoders.openclip_torchscript import is_torchscript, torchscript_weights
from tests.encoders.conftest import CLIP_CONFIG

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:Converting a tensor")
HALF = (0.5, 0.5, 0.5)
NOT_ON_THE_HUB = {"quick_gelu": True, "mean": HALF, "std": HALF, "hf_hub": "condense/not-there/"}


@pytest.fixture
def tiny(monkeypatch):
    """ViT-Tiny, as open_clip's ViT-B-16: with a twin of QuickGELU, and a tag that means that."""
    for name, quick in (("ViT-Tiny", {}), ("ViT-Tiny-quickgelu", {"quick_gelu": True})):
        config = copy.deepcopy(CLIP_CONFIG) | quick
        monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, name, config)
    tags = {"quick": NOT_ON_THE_HUB, "plain": {"url": "somewhere"}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "ViT-Tiny", MappingProxyType(tags))
    _tell_assumed_training.cache_clear()
    torch.manual_seed(0)
    return CLIP(**CLIP_CONFIG, quick_gelu=True).eval()


@pytest.fixture
def weights(tiny, tmp_path):
    torch.save(tiny.state_dict(), tmp_path / "weights@home.pt")
    return tmp_path / "weights@home.pt"


class Settings(torch.nn.Module):
    """A network with the settings that OpenAI keeps as tensors beside its weights."""

    def __init__(self, network: CLIP) -> None:
        super().__init__()
        for name, child in network.named_children():
            setattr(self, name, child)
        for name, parameter in network.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name in ("input_resolution", "context_length", "vocab_size"):
            self.register_buffer(name, torch.tensor(32))
        self.sizes = [1, 2]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.visual(image)  # pyright: ignore[reportCallIssue]


@pytest.fixture
def archive(tiny, tmp_path):
    """The network in half precision, traced, as OpenAI publishes it."""
    network = Settings(copy.deepcopy(tiny)).half()
    traced: Any = torch.jit.trace(network.float(), torch.zeros(1, 3, 32, 32))
    traced.half().save(str(tmp_path / "archive.pt"))
    return tmp_path / "archive.pt"


def test_a_tag_and_a_file_are_the_file_trained_as_the_tag_says(weights, capsys):
    source = model_source(f"openclip:ViT-Tiny/quick@{weights}")
    assert (source.weights, source.mean, source.std) == (weights, HALF, HALF)
    assert source.config["quick_gelu"]
    plain = model_source(f"openclip:ViT-Tiny/plain@{weights}")
    assert not plain.config.get("quick_gelu")
    assert capsys.readouterr().err == ""


def test_the_activation_changes_the_features(tiny, weights):
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = tiny.encode_image(image)
        quick = load_model(model_source(f"openclip:ViT-Tiny/quick@{weights}")).encode_image(image)
        plain = load_model(model_source(f"openclip:ViT-Tiny/plain@{weights}")).encode_image(image)
    assert torch.equal(quick, expected)
    assert not torch.allclose(plain, expected, atol=1e-4)


def test_a_file_without_a_tag_is_told_once(weights, capsys):
    for _ in range(2):
        assert not model_source(f"openclip:ViT-Tiny/{weights}").config.get("quick_gelu")
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"openclip:ViT-Tiny/<tag>@{weights}" in told
    assert f"openclip:ViT-Tiny-quickgelu/{weights}" in told
    assert model_source(f"openclip:ViT-Tiny-quickgelu/{weights}").config["quick_gelu"]
    assert capsys.readouterr().err == ""


def test_without_a_network_the_tag_stays_in_the_advice(tiny, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match=r"local copy: openclip:ViT-Tiny/quick@<weight file>$"):
        model_source("openclip:ViT-Tiny/quick")


def test_a_tag_with_a_file_that_is_not_there_and_a_file_with_an_unknown_tag(weights):
    with pytest.raises(
        EncoderError, match=r"there is no file gone\.pt; correct it, or leave out @"
    ):
        model_source("openclip:ViT-Tiny/quick@gone.pt")
    with pytest.raises(EncoderError, match=r"no-such is neither a file nor a tag .*: quick, plain"):
        model_source(f"openclip:ViT-Tiny/no-such@{weights}")


@pytest.mark.parametrize("name", ["ViT-Tiny/quick@", "ViT-Tiny-quickgelu/"])
def test_an_archive_of_torchscript_is_read(tiny, archive, name):
    network = load_model(model_source(f"openclip:{name}{archive}"))
    expected = tiny.half().float().state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())
    assert build_encoder(f"openclip:{name}{archive}").encode_text(["a fox"]).isfinite().all()


def test_the_tensors_are_those_that_torch_finds(archive):
    own = torchscript_weights(archive)
    theirs = torch.jit.load(str(archive), map_location="cpu").state_dict()
    settings = {"input_resolution", "context_length", "vocab_size", "attn_mask"}
    assert own.keys() == theirs.keys() - settings
    assert all(torch.equal(own[name], theirs[name]) for name in own)
    assert own["visual.conv1.weight"].dtype == torch.float16


def test_an_archive_without_a_tag_names_the_specs_that_fit(archive):
    with pytest.raises(
        EncoderError, match=r"QuickGELU; write openclip:ViT-Tiny-quickgelu/.*e\.pt,"
    ):
        model_source(f"openclip:ViT-Tiny/{archive}")


def test_only_an_archive_of_torchscript_is_one(weights, archive, tmp_path):
    (tmp_path / "text").write_text("no archive")
    found = [is_torchscript(path) for path in (weights, archive, tmp_path / "text", tmp_path)]
    assert found == [False, True, False, False]


def test_a_program_in_an_archive_never_runs(tiny, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "it ran",)

    archive = tmp_path / "trap.pt"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("trap/constants.pkl", b"")
        file.writestr("trap/data.pkl", pickle.dumps(Trap()))
    with pytest.raises(pickle.UnpicklingError, match="it asks for"):
        torchscript_weights(archive)
    with pytest.raises(EncoderError, match=r"trap\.pt does not hold the weights .*it asks for"):
        load_model(model_source(f"openclip:ViT-Tiny-quickgelu/{archive}"))
    assert not (tmp_path / "it ran").exists()


def test_an_archive_that_lacks_tensors_is_refused(tiny, archive, tmp_path):
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(tmp_path / "cut.pt", "w") as cut:
        for name in whole.namelist():
            if not name.endswith("data/0"):
                cut.writestr(name, whole.read(name))
    with pytest.raises(EncoderError, match=r"cut\.pt does not hold .*data/0.*download the file"):
        load_model(model_source(f"openclip:ViT-Tiny-quickgelu/{tmp_path / 'cut.pt'}"))
