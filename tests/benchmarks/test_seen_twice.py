"""Places of two photographs, and how unlike maps are there."""

from pathlib import Path

import pytest
import torch

from condense_ns.benchmarks.seen_twice import APART, SeenTwice, inconsistency, seen_twice
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_list import read_scene_list
from condense_ns.geometry.pinhole import project_pinhole


@pytest.fixture(scope="module")
def posed(tabletops: Path) -> PosedScene:
    return PosedScene(read_scene_list(tabletops).train[0], 64)


def test_pairs_are_near_in_the_list_and_share_surfaces(posed: PosedScene):
    views = posed.training
    pairs = seen_twice(posed, views, 24, 32)
    partner = {view: views[(at + APART) % len(views)] for at, view in enumerate(views)}
    assert len(pairs) > 6
    assert all(pair.views[1] == partner[pair.views[0]] for pair in pairs)
    firsts = [pair.views[0] for pair in pairs]
    some = [pair.views[0] for pair in seen_twice(posed, views, 24, 32, every=3)]
    assert some == [view for view in firsts if view in views[::3]]
    for pair in pairs:
        a, b = (posed.views[[view]] for view in pair.views)
        depth = posed.depth(pair.views[0])
        assert depth is not None
        pixels = (pair.places_a * torch.tensor([64, 48])).long()
        known = depth[pixels[:, 1], pixels[:, 0]]
        rays = torch.linalg.inv(a.intrinsics[0]) @ torch.cat(
            [pair.places_a * torch.tensor([a.width, a.height]), torch.ones(len(known), 1)], dim=1
        ).T.to(a.intrinsics)
        local = (rays * known).T
        pose = torch.linalg.inv(a.world_to_camera_cv[0])
        landed = project_pinhole(local @ pose[:3, :3].T + pose[:3, 3], b)
        torch.testing.assert_close(landed.places[0], pair.places_b, atol=1e-3, rtol=0)


def test_one_photograph_is_no_pair_and_small_maps_share_too_little(posed: PosedScene):
    assert seen_twice(posed, posed.training[:1], 24, 32) == []
    assert seen_twice(posed, posed.training[:2], 24, 32) == []  # each would be its own partner
    assert seen_twice(posed, posed.training, 3, 4) == []


def test_inconsistency_by_hand():
    centres = torch.tensor([[0.25, 0.5], [0.75, 0.5]])
    pair = SeenTwice((0, 1), centres, centres.flip(0))
    first = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert inconsistency(pair, first, first.flip(1)) == pytest.approx(0.0, abs=1e-6)
    assert inconsistency(pair, first, first) == pytest.approx(2.0, abs=1e-6)
    upright = torch.tensor([[[0.5, 0.5], [1.5, 1.5]]])  # across the mean, (0.75, 0.75)
    assert inconsistency(pair, upright, upright.flip(1)) == pytest.approx(0.0, abs=1e-6)


def test_scenes_without_depth_images_have_no_pairs(scene: Path):
    posed = PosedScene(read_scene_list(scene).train[0], 64)
    assert seen_twice(posed, posed.training, 6, 8) == []
