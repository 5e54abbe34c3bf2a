"""Photographs rendered from the others: once, from those that are allowed alone, and kept."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.lifting.lifting_network import LEADING
from condense_ns.lifting.network_file import load_network
from condense_ns.pipelines import photograph_renderer
from condense_ns.pipelines.photograph_renderer import PhotographRenderer
from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
from condense_ns.pipelines.surface_finder import SurfaceFinder

SOURCES = 3


@pytest.fixture(scope="module")
def scene(tabletop: Path) -> PosedScene:
    return open_scene(tabletop, 64)


@pytest.fixture
def renderer(scene: PosedScene, tmp_path: Path) -> Callable[[], PhotographRenderer]:
    """One as a new process makes it."""
    anchors = SceneAnchors(scene)

    def made() -> PhotographRenderer:
        surfaces = SurfaceFinder(load_network().eval(), scene, anchors, folder=tmp_path / "depth")
        return PhotographRenderer(surfaces, SOURCES, tmp_path / "kept")

    return made


@pytest.fixture
def renderings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of sources of each time that a picture is rendered."""
    seen, render = [], photograph_renderer.render_picture

    def noted(network, look, height, width):
        seen.append(len(look.sources.centres))
        return render(network, look, height, width)

    monkeypatch.setattr(photograph_renderer, "render_picture", noted)
    return seen


def test_they_are_rendered_as_other_cameras_are(renderer, scene, tmp_path):
    lifter = SceneLifter(load_network(), scene, SOURCES, tmp_path / "lifter")
    plain = lifter.render(lifter.camera(0), exclude=[0])
    (found,) = renderer().leading([0], scene.training)
    assert (plain.rendered.accumulation > 0).all()
    torch.testing.assert_close(found, plain.picture, atol=1e-3, rtol=0)


def test_they_are_rendered_once_and_kept(renderer, scene, renderings):
    one = renderer()
    first = one.leading([0, 5], scene.training)
    assert torch.equal(one.leading([5, 0], scene.training).flip(0), first)
    assert torch.equal(renderer().leading([0, 5], scene.training), first)
    assert renderings == [SOURCES, SOURCES]


def test_those_of_few_photographs_are_made_of_these_and_not_kept(renderer, scene, renderings):
    renderer().leading([0], [0, 1, 2])
    renderer().leading([0], [0, 1, 2])
    assert renderings == [2, 2]


def test_more_than_the_leading_ones_are_not_looked_at(renderer, scene, monkeypatch):
    one = renderer()
    monkeypatch.setattr(one, "_picture", lambda view, allowed: torch.full((3, 4, 4), float(view)))
    found = one.leading(list(range(LEADING + 2)), scene.training)
    assert found[:, 0, 0, 0].tolist() == list(range(LEADING))


def test_a_photograph_alone_is_taken_for_its_rendering(renderer, scene):
    assert torch.allclose(renderer().leading([2], [2])[0], scene.image(2), atol=1e-3)
