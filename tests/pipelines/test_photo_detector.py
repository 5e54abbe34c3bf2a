"""The 2D head in its file: the same keypoints again, on any photograph, or one sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.keypoints.head import KeypointHead
from condense_ns.pipelines.photo_detector import VERSION, PhotoDetector, Prior, load_detector
from condense_ns.retrieval.photograph import read_photograph
from tests.sparse_run import SparseRun
from tests.training import COLOURS, GREYS

CELL_NETWORKS = """
import torch

def cells(channels):
    layer = torch.nn.Conv2d(3, channels, 8, stride=8, bias=False)
    weights = torch.zeros(channels, 3, 8, 8)
    for pixel in range(64):
        weights[pixel, :, pixel // 8, pixel % 8] = 4.0  # bright pixels are keypoints
    layer.weight.data = weights
    return layer

def with_none():
    return cells(65)

def without_none():
    return cells(64)

def odd():
    return cells(70)
"""
PRIORS = ("shi-tomasi", "dog", "torch:cell_networks:with_none", "torch:cell_networks:without_none")


@pytest.fixture(autouse=True)
def _cell_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "cell_networks.py").write_text(CELL_NETWORKS)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))


@pytest.fixture
def trained(sparse_run: SparseRun, tmp_path: Path) -> tuple[PhotoDetector, Path]:
    """The detector of a run and the file that it was saved in."""
    detector = sparse_run.load().detector(200)
    detector.save(tmp_path / "new" / "head.safetensors")
    return detector, tmp_path / "new" / "head.safetensors"


def photograph(height: int, width: int) -> Tensor:
    """Patches of random colours."""
    patches = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(3))
    return torch.nn.functional.interpolate(patches, (height, width), mode="nearest")[0]


def untrained(prior: str, encoder: str = COLOURS) -> PhotoDetector:
    """Detects as its prior does."""
    torch.manual_seed(0)
    built = build_encoder(encoder)
    head = KeypointHead(built.channels, descriptor_dim=8, width=8, image_size=128).eval()
    return PhotoDetector(built, Prior(prior, "cpu"), head)


def rewritten(path: Path, change: Callable[[dict, dict], None]) -> Path:
    """The file after a change of what it says or holds."""
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(about, state)
    save_file(state, path, metadata={"about": json.dumps(about)})
    return path


def assert_same(first: PhotoDetector, second: PhotoDetector, rgb: Tensor) -> None:
    found, again = first(rgb), second(rgb)
    assert len(found) > 0
    for name in ("pixels", "scores", "descriptors"):
        assert torch.equal(getattr(found, name), getattr(again, name)), name


def test_a_saved_head_finds_the_same_in_a_photograph_it_has_never_seen(trained):
    detector, path = trained
    again = load_detector(path, max_keypoints=200)
    assert not again.head.training
    assert_same(detector, again, photograph(90, 120))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_size_that_the_encoder_was_built_for_is_kept(tmp_path: Path):
    encoder = build_encoder(COLOURS, "cpu", 64)
    detector = PhotoDetector(encoder, Prior("dog", "cpu"), KeypointHead(3, 8, 8, 128), 50, 64)
    detector.save(tmp_path / "head")
    assert_same(detector, load_detector(tmp_path / "head", 50), photograph(96, 128))


def test_an_encoder_that_lies_elsewhere_is_named_anew(trained):
    detector, path = trained

    def away(about: dict, state: dict) -> None:
        about.update(encoder="onnx:gone.onnx", prior="onnx:gone_too.onnx")

    here = detector.encoder.spec
    rewritten(path, away)
    with pytest.raises(UserError, match=r"gone\.onnx"):
        load_detector(path)
    found = load_detector(path, 200, encoder=here, prior=detector.prior.spec)
    assert (found.encoder.spec, found.known_as) == (here, "onnx:gone.onnx")
    assert_same(detector, found, photograph(90, 120))
    with pytest.raises(
        UserError, match="gradients here has other weights or settings; put them back"
    ):
        load_detector(path, encoder="gradients")


@pytest.mark.parametrize("size", [(24, 32), (32, 32), (300, 40), (1200, 1600)])
def test_pictures_of_any_size(trained, size: tuple[int, int]):
    found = trained[0](photograph(*size))
    height, width = size
    assert 0 < len(found) <= 200
    assert (found.pixels >= 0).all()
    assert (found.pixels <= torch.tensor([width, height])).all()
    assert (found.scores.diff() <= 0).all()
    assert found.scores.min() >= 0.0
    assert found.scores.max() <= 1.0
    assert torch.allclose(found.descriptors.norm(dim=1), torch.ones(len(found)), atol=1e-4)


def test_the_same_places_are_found_at_twice_the_size(trained):
    detector = trained[0]
    small, large = detector(photograph(192, 256)), detector(photograph(384, 512))
    apart = torch.cdist(small.pixels * 2, large.pixels).min(dim=1).values
    assert (apart < 4.0).float().mean() > 0.8


def test_a_grey_picture(trained, tmp_path: Path):
    grey = (photograph(48, 64).mean(dim=0) * 255).byte().numpy()
    Image.fromarray(grey, "L").save(tmp_path / "grey.png")
    assert len(trained[0](read_photograph(tmp_path / "grey.png").rgb)) > 10


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_picture_of_one_colour_has_no_keypoints(trained, level: float):
    found = trained[0](torch.full((3, 48, 64), level))
    assert len(found) == 0
    assert found.descriptors.shape == (0, 27)


def test_places_can_be_described_without_being_keypoints(trained):
    detector, rgb = trained[0], photograph(90, 120)
    found = detector(rgb)
    described = detector.described(rgb, found.pixels)
    assert torch.allclose(described.descriptors, found.descriptors, atol=1e-3)


@pytest.mark.parametrize("prior", PRIORS)
def test_priors_find_what_stands_out(prior: str, tmp_path: Path):
    rgb = torch.zeros(3, 96, 128)
    rgb[:, 40:48, 64:72] = 1.0
    detector = untrained(prior)
    detector.save(tmp_path / "head")
    found = load_detector(tmp_path / "head")(rgb)
    assert len(found) > 0
    assert (found.pixels[0] - torch.tensor([68.0, 44.0])).abs().max() < 8.0


def test_logits_of_cells_lie_on_their_pixels():
    rgb = torch.zeros(3, 64, 64)
    rgb[:, 20, 41] = 1.0
    for name in ("with_none", "without_none"):
        prior = Prior(f"torch:cell_networks:{name}", "cpu")
        prior._network = build_encoder(prior.spec, "cpu", 64)  # sees pixels as they are
        logits = prior.logits(rgb, rgb)
        assert divmod(int(logits.argmax()), 64) == (20, 41), name


def test_a_prior_of_another_number_of_channels_is_refused():
    with pytest.raises(UserError, match=r"p x p or p x p \+ 1 channels, this one has 70"):
        untrained("torch:cell_networks:odd")(photograph(48, 64))
    with pytest.raises(UserError, match="this one has 3"):
        untrained(COLOURS)(photograph(48, 64))


def test_features_of_another_encoder_are_refused(trained):
    detector = trained[0]
    other = PhotoDetector(build_encoder(GREYS), detector.prior, detector.head)
    with pytest.raises(UserError, match="features of 27 channels, these have 2"):
        other(photograph(48, 64))


def test_a_missing_file_is_told(tmp_path: Path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UserError, match=r"no keypoint head at .*export the keypoints of a run"):
            load_detector(path)


@pytest.mark.parametrize("kept", [0, 5, 200, -100])
def test_a_truncated_file_is_told(trained, kept: int):
    path = trained[1]
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"is no keypoint head \(.*\); export the keypoints again"):
        load_detector(path)


@pytest.mark.parametrize(
    "metadata", [None, {"about": "no JSON"}, {"about": "[1]"}, {"about": '{"format": "other"}'}]
)
def test_other_safetensors_are_told(tmp_path: Path, metadata: dict[str, str] | None):
    save_file({"weight": torch.ones(3)}, tmp_path / "other", metadata=metadata)
    with pytest.raises(UserError, match="is no keypoint head"):
        load_detector(tmp_path / "other")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda about, state: about.update(version=VERSION + 1),
            f"is of version {VERSION + 1}, this condense_ns reads {VERSION}; update",
        ),
        (
            lambda about, state: about.update(fingerprint="0" * 64),
            "was trained on torch:colour_network:surroundings, and torch:colour_network:surroundings here",
        ),
        (lambda about, state: about.update(encoder="onnx:/absent.onnx"), "/absent.onnx"),
        (lambda about, state: about.update(encoder=GREYS), "here has other weights or settings"),
        (lambda about, state: about.update(prior="torch:absent:network"), "torch:absent:network"),
        (lambda about, state: about.update(width=99), "does not hold the weights"),
        (lambda about, state: about.pop("channels"), "does not hold the weights"),
        (lambda about, state: state.pop("same.weight"), "does not hold the weights"),
    ],
)
def test_a_head_that_does_not_fit_is_told(trained, change: Callable, sentence: str):
    with pytest.raises(UserError, match=sentence):
        load_detector(rewritten(trained[1], change))


def test_a_file_that_cannot_be_written_is_told(trained, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        trained[0].save(tmp_path / "file" / "head.safetensors")
