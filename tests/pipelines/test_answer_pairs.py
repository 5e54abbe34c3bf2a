"""Which views are compared."""

from pathlib import Path

import pytest

from condense_ns.geometry.covisibility import mean_ray_angles
from condense_ns.lifting.network_file import load_network
from condense_ns.pipelines.answer_pairs import LONG, chosen_pairs, overlapping_pairs
from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene


@pytest.fixture(scope="module")
def lifter(tabletop: Path, tmp_path_factory: pytest.TempPathFactory) -> SceneLifter:
    scene = open_scene(tabletop, 64)
    return SceneLifter(load_network().eval(), scene, 3, tmp_path_factory.mktemp("maps"))


def angle(lifter: SceneLifter, first: int, second: int) -> float:
    there = lifter.scene.views[[second]]
    return float(mean_ray_angles(lifter.anchors.points, lifter.camera(first), there))


def test_every_two_views_once_and_long_ones_by_their_angle(lifter: SceneLifter):
    pairs = overlapping_pairs(lifter, range(6))
    found = {(pair.first, pair.second) for pair in pairs}
    assert len(found) == len(pairs) >= 4
    assert all(first < second < 6 for first, second in found)
    for pair in pairs:
        assert pair.is_long == (angle(lifter, pair.first, pair.second) >= LONG)


def test_the_chosen_pairs_are_among_them(lifter: SceneLifter):
    chosen, views = chosen_pairs(lifter, 3), range(len(lifter.scene))
    every = {frozenset((pair.first, pair.second)) for pair in overlapping_pairs(lifter, views)}
    assert {frozenset((pair.first, pair.second)) for pair in chosen} <= every
    assert len(every) > len(chosen)


@pytest.mark.parametrize("views", [[], [3]])
def test_none_for_a_view_by_itself(lifter: SceneLifter, views: list[int]):
    assert overlapping_pairs(lifter, views) == []
