"""Depths of a scene's photographs: found once, from those that are allowed alone."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.lifting.network_file import load_network
from condense_ns.pipelines import surface_finder
from condense_ns.pipelines.scene_lifting import open_scene
from condense_ns.pipelines.surface_finder import SurfaceFinder

SIZE = 64


@pytest.fixture(scope="module")
def scene(tabletop: Path) -> PosedScene:
    return open_scene(tabletop, SIZE)


@pytest.fixture
def finder(scene: PosedScene) -> SurfaceFinder:
    return SurfaceFinder(load_network().eval(), scene, SceneAnchors(scene))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Photographs of each time that depth is found; the finding is left out."""
    seen = []

    def noted(network, photographs, depth_range):
        seen.append(photographs.images)
        return torch.full((SIZE * 3 // 8, SIZE // 2), float(len(seen)))

    monkeypatch.setattr(surface_finder, "own_depth", noted)
    return seen


def shown(scene: PosedScene, view: int, looks: list[torch.Tensor]) -> bool:
    image = scene.image(view)
    return any(bool((images == image).flatten(1).all(dim=1).any()) for images in looks)


def test_what_is_not_allowed_is_never_looked_at(finder, scene, looks):
    allowed = [view for view in scene.training if view != 3]
    given = finder.source_views([0, 5], allowed)
    assert given.surfaces is not None
    assert given.surfaces.shape == (2, 24, 32)
    assert shown(scene, 0, looks)
    assert shown(scene, 4, looks)
    assert not shown(scene, 3, looks)
    assert not any(shown(scene, view, looks) for view in scene.held_out)


def test_depths_are_found_once(finder, scene, looks):
    first = finder.source_views([0, 5], scene.training).surfaces
    count = len(looks)
    again = finder.source_views([5, 0], scene.training).surfaces
    assert len(looks) == count
    assert torch.equal(again.flip(0), first)


def test_they_are_found_anew_when_weights_change(finder, scene, looks):
    finder.depth(0, scene.training)
    count = len(looks)
    with torch.no_grad():
        next(finder._network.parameters()).add_(1e-3)
    finder.depth(0, scene.training)
    assert len(looks) == 2 * count


def test_a_patient_one_waits_for_as_many_steps(scene, looks):
    network = load_network().eval()
    finder = SurfaceFinder(network, scene, SceneAnchors(scene), patience=2)
    counts = []
    for _ in range(5):  # a step of training changes all weights once
        finder.depth(0, scene.training)
        counts.append(len(looks))
        with torch.no_grad():
            for weights in network.parameters():
                weights.add_(0)
    changes = sum(after > before for before, after in itertools.pairwise(counts))
    assert changes == 2


def test_the_second_round_knows_the_surfaces_of_the_others_and_not_its_own(
    finder, scene, monkeypatch
):
    known = []

    def noted(network, photographs, depth_range):
        known.append(photographs.surfaces)
        return torch.ones(24, 32)

    monkeypatch.setattr(surface_finder, "own_depth", noted)
    finder.depth(0, scene.training)
    *first, last = known
    assert all(surfaces is None for surfaces in first)
    assert last[0].isinf().all()
    assert (last[1:] == 1).all()


def test_a_scene_of_one_photograph_has_no_depth(finder):
    assert finder.depth(2, [2]).isinf().all()


@pytest.fixture
def kept(scene: PosedScene, tmp_path: Path) -> Callable[[], SurfaceFinder]:
    """A finder as a new process makes it."""
    anchors = SceneAnchors(scene)
    return lambda: SurfaceFinder(load_network().eval(), scene, anchors, folder=tmp_path / "kept")


def test_depths_that_all_of_training_told_are_kept_in_files(kept, scene, looks):
    first = kept().source_views([0, 5], scene.training).surfaces
    count = len(looks)
    assert torch.equal(kept().source_views([0, 5], scene.training).surfaces, first)
    assert len(looks) == count
    kept().depth(0, scene.training[1:])
    assert len(looks) > count


def test_files_of_other_weights_are_not_read(kept, scene, looks):
    kept().depth(0, scene.training)
    count, other = len(looks), kept()
    with torch.no_grad():
        next(other._network.parameters()).add_(1e-3)
    other.depth(0, scene.training)
    assert len(looks) == 2 * count


def test_what_few_photographs_told_is_not_kept(kept, scene, tmp_path, looks):
    kept().depth(0, scene.training[1:])
    assert not (tmp_path / "kept").exists()
