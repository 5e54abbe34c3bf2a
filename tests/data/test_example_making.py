"""Examples: a target, its sources, and what belongs to each."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from condense_ns.data.example_making import (
    drawn_example,
    free_sources,
    held_out_example,
    made_example,
    with_features,
)
from condense_ns.data.open_scenes import OpenScene, OpenScenes
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.teachers import Teachers
from condense_ns.errors import UserError
from condense_ns.geometry.covisibility import mean_ray_angles
from tests.training import COLOURS


@pytest.fixture
def opened(tabletop: Path, tmp_path: Path) -> OpenScene:
    scenes = OpenScenes(64, Teachers((COLOURS,), "cpu", 64), tmp_path)
    return scenes[ScenePlace("table", tabletop, "nerfstudio-data")]


def test_an_example_holds_what_belongs_to_its_views(opened: OpenScene):
    example = made_example(opened, 12, [3, 1])
    scene = opened.scene
    assert (example.scene, example.view, example.source_numbers) == ("table", 12, (3, 1))
    assert torch.equal(example.image, scene.image(12))
    depth = scene.depth(12)
    assert depth is not None
    assert example.depth is not None
    assert torch.equal(example.depth, depth)
    assert torch.equal(example.sources.images[1], scene.image(1))
    poses = example.sources.cameras.world_to_camera_cv
    assert torch.equal(poses, scene.views.world_to_camera_cv[[3, 1]])
    assert example.depth_range == opened.anchors.depth_range(scene.views[[12]])
    assert example.target_features == example.source_features == {}


def test_features_are_those_of_target_and_sources(opened: OpenScene):
    example = with_features(made_example(opened, 12, [3, 1]), opened, COLOURS)
    maps = opened.maps(COLOURS)
    assert torch.equal(example.target_features[COLOURS], maps.map(12))
    assert torch.equal(example.source_features[COLOURS], torch.stack([maps.map(3), maps.map(1)]))


def test_drawn_examples_are_training_views_among_their_best_sources(opened: OpenScene):
    counts, seen = set(), set()
    for seed in range(40):
        example = drawn_example(opened, (2, 4), np.random.default_rng(seed))
        assert example.view in opened.scene.training
        assert example.view not in example.source_numbers
        assert len(set(example.source_numbers)) == len(example.sources)
        assert set(example.source_numbers) <= set(opened.scene.training)
        best = opened.anchors.select_sources(
            example.target, opened.scene.training, 2 * len(example.sources), view=example.view
        )
        assert set(example.source_numbers) <= set(best)
        counts.add(len(example.sources))
        seen.add(example.view)
    assert counts == {2, 3, 4}
    assert len(seen) > 8


def test_equal_generators_draw_equal_examples(opened: OpenScene):
    one, two = (drawn_example(opened, (2, 4), np.random.default_rng(7)) for _ in range(2))
    assert (one.view, one.source_numbers) == (two.view, two.source_numbers)


def test_more_sources_than_views_are_all_other_views(opened: OpenScene):
    example = drawn_example(opened, (50, 60), np.random.default_rng(0))
    assert len(example.sources) == 11
    assert len(held_out_example(opened, 12, 50).sources) == 12


def test_held_out_views_have_the_best_training_views(opened: OpenScene):
    example = held_out_example(opened, 13, 5)
    scene = opened.scene
    best = opened.anchors.select_sources(scene.views[[13]], scene.training, 5, view=13)
    assert list(example.source_numbers) == best
    apart = held_out_example(opened, 13, 5, least_angle=45.0)
    angles = mean_ray_angles(opened.anchors.points, apart.target, apart.sources.cameras)
    assert angles.min() > 43.0
    assert set(apart.source_numbers) != set(best)


def test_views_that_share_nothing_are_drawn_anew(
    opened: OpenScene, monkeypatch: pytest.MonkeyPatch
):
    choose = opened.anchors.select_sources

    def isolated(*args: Any, view: int | None = None, **options: Any) -> list[int]:
        if view is not None and view != 6:
            raise UserError(f"view {view} shares nothing")
        return choose(*args, view=view, **options)

    monkeypatch.setattr(opened.anchors, "select_sources", isolated)
    for seed in (2, 4):  # of whose first ten draws one is view 6
        assert drawn_example(opened, (2, 4), np.random.default_rng(seed)).view == 6
    with pytest.raises(UserError, match="shares nothing"):
        drawn_example(opened, (2, 4), np.random.default_rng(1))


def test_free_cameras_may_stand_where_a_training_view_does(opened: OpenScene):
    chosen = free_sources(opened, opened.scene.views[[4]], 3)
    assert chosen[0] == 4
    sources = opened.scene.source_views(chosen)
    assert torch.equal(sources.images[0], opened.scene.image(4))
    assert 4 not in free_sources(opened, opened.scene.views[[4]], 3, least_angle=10.0)
