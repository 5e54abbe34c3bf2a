"""Which scene a photograph shows."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.matching import mutual_nearest
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.retrieval.scene_search import (
    SHARPNESS,
    NearestPairs,
    SceneSearch,
    find_scenes,
    nearest_pairs,
    voters,
)
from tests.retrieval.made_up_scenes import CHANNELS, made_up_scene, seen_descriptors

SIZE = (48, 64)


def keypoints(descriptors: torch.Tensor) -> Keypoints2D:
    generator = torch.Generator().manual_seed(1)
    count = len(descriptors)
    pixels = torch.rand(count, 2, generator=generator) * torch.tensor([64.0, 48.0])
    return Keypoints2D(pixels, torch.ones(count), descriptors)


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> SceneIndex:
    place = str(tmp_path_factory.mktemp("scenes") / "index")
    made = SceneIndex.open_or_create(place, made_up_scene(0))
    for seed in range(8):
        made.add(made_up_scene(seed, count=40 + seed))
    return made


@pytest.mark.parametrize("seed", range(8))
def test_the_right_scene_comes_first(index, seed):
    scene = made_up_scene(seed, count=40 + seed)
    found = find_scenes(index, keypoints(seen_descriptors(scene)), SIZE, SceneSearch(voters=6))
    assert found[0].name == scene.name
    assert found[0].matches > found[1].matches + 3
    assert found[0].votes > found[1].votes + 3


def test_counts_are_those_of_the_matcher():
    generator = torch.Generator().manual_seed(0)
    descriptors = F.normalize(torch.randn(60, 8, generator=generator))
    scenes = [
        F.normalize(torch.randn(count, 8, generator=generator)) for count in (5, 70, 1, 31) * 3
    ]
    scenes.append(F.normalize(descriptors[:40] + 0.05 * torch.randn(40, 8, generator=generator)))
    expected = [len(mutual_nearest(descriptors, scene, 0.9)) for scene in scenes]
    assert nearest_pairs(descriptors, scenes, 0.9).matched.sum(dim=0).tolist() == expected
    assert expected[-1] > 20


def test_nothing_matches_nothing():
    assert nearest_pairs(torch.zeros(0, 4), [torch.eye(4)]).votes().tolist() == [0.0]
    assert nearest_pairs(torch.eye(4), []).votes().tolist() == []


def test_what_scenes_have_in_common_decides_nothing():
    """Two descriptors match both scenes equally well, one matches the second scene alone."""
    apart = math.log(9.0) / SHARPNESS  # nine tenths of the softmax over two
    pairs = NearestPairs(
        torch.tensor([[0.9, 0.9], [0.8, 0.8], [0.5, 0.5 + apart]]),
        torch.tensor([[True, True], [True, True], [False, True]]),
    )
    assert pairs.votes().tolist() == pytest.approx([1.0, 1.9])


def test_a_photograph_without_keypoints_shows_no_scene(index):
    assert find_scenes(index, keypoints(torch.zeros(0, CHANNELS)), SIZE) == []


def test_every_part_of_the_photograph_votes():
    crowded = torch.cat([torch.full((50, 2), 1.0), torch.tensor([[63.0, 47.0], [1.0, 47.0]])])
    detected = Keypoints2D(crowded, torch.ones(52), torch.zeros(52, 3))
    assert voters(detected, SIZE, 4).tolist() == [0, 50, 51, 1]
    assert len(voters(detected, SIZE, 99)) == 52


def test_other_descriptors_are_refused(index):
    with pytest.raises(UserError, match=r"have 3 numbers, those of .* made by gradients, 16"):
        find_scenes(index, keypoints(torch.eye(3)), SIZE)
