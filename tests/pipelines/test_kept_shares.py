"""Shares that are settled once."""

from pathlib import Path

import pytest
import torch

from condense_ns.lifting.network_file import load_network
from condense_ns.operators.base import Operator, Shares
from condense_ns.operators.rgb import RgbOperator
from condense_ns.pipelines.kept_shares import kept_shares
from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
from condense_ns.pipelines.steady_share import ShareSettler
from tests.data.changed_scenes import copied


class Tinted(RgbOperator):
    """Colours, dimmed by the second half."""

    def __init__(self, dim: float = 1.0) -> None:
        super().__init__("tinted", image_size=16)
        self.dim = dim

    def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.dim * super().decode(feature_map, image)


@pytest.fixture
def scene(tabletop: Path, tmp_path: Path) -> Path:
    return copied(tabletop, tmp_path / "scene")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How steady it was asked for, each time that shares were settled; what is settled counts the times."""
    asked: list[float] = []

    def settle(self: ShareSettler, operator: Operator, steady: float) -> Shares:
        del self, operator
        asked.append(steady)
        return Shares(0.1 * len(asked), 0.05)

    monkeypatch.setattr(ShareSettler, "__init__", lambda self, lifter: None)
    monkeypatch.setattr(ShareSettler, "settle", settle)
    return asked


def opened(scene: Path, sources: int = 3) -> SceneLifter:
    return SceneLifter(load_network(), open_scene(scene, 64), sources, scene.parent / "cache")


def test_they_are_settled_once_for_all_that_open_the_scene(scene: Path, settled: list[float]):
    first, second = opened(scene), opened(scene)
    assert kept_shares(first, Tinted(), 0.5) == kept_shares(second, Tinted(), 0.5)
    assert second.shares(Tinted()) == Shares(0.1, 0.05)
    assert settled == [0.5]


def test_they_are_settled_anew_for_all_that_they_depend_on(scene: Path, settled: list[float]):
    lifter = opened(scene)
    kept_shares(lifter, Tinted(), 0.5)
    assert kept_shares(lifter, Tinted(), 0.4) == Shares(0.2, 0.05)
    kept_shares(lifter, Tinted(dim=0.5), 0.5)
    kept_shares(opened(scene, sources=4), Tinted(), 0.5)
    retrained = opened(scene)
    with torch.no_grad():
        next(retrained.network.parameters()).add_(0.1)
    kept_shares(retrained, Tinted(), 0.5)
    photograph = sorted((scene / "images").iterdir())[0]
    photograph.write_bytes(photograph.read_bytes() + b" ")
    kept_shares(opened(scene), Tinted(), 0.5)
    assert len(settled) == 6
