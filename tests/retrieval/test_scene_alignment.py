"""Scenes that show the same place lie on each other."""

from dataclasses import replace

import torch

from condense_ns.geometry.similarity import Similarity
from condense_ns.retrieval.scene_alignment import align_scenes, robust_similarity
from condense_ns.retrieval.scene_duplicates import DuplicateOptions, duplicates, spread
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.tensors import SceneDescriptor
from tests.keypoints.made_up_set import random_similarity
from tests.retrieval.made_up_scenes import made_up_scene


def met_again(
    scene: SceneDescriptor, kept: int, move: Similarity, name: str, seed: int = 0
) -> SceneDescriptor:
    """The first `kept` keypoints of a scene moved, the others replaced by those of another place."""
    other = made_up_scene(7000 + seed, len(scene.xyz))
    generator = torch.Generator().manual_seed(seed)
    xyz = torch.cat([scene.xyz[:kept], other.xyz[kept:]])
    looks = scene.descriptors[:kept]
    looks = looks + 0.02 * torch.randn(looks.shape, generator=generator)
    descriptors = torch.cat([looks, other.descriptors[kept:]])
    moved = move.points(xyz)
    return replace(
        scene,
        name=name,
        xyz=moved,
        descriptors=torch.nn.functional.normalize(descriptors),
        box=torch.stack([moved.amin(dim=0), moved.amax(dim=0)]),
    )


def test_the_similarity_between_two_visits_is_found():
    scene, move = made_up_scene(0, 100), random_similarity(torch.Generator().manual_seed(3))
    again = met_again(scene, 60, move, "again")
    found = align_scenes(scene, again)
    assert found is not None
    assert torch.allclose(found.similarity.rotation, move.rotation, atol=1e-3)
    assert abs(found.similarity.scale - move.scale) < 1e-2
    off = found.similarity.points(scene.xyz[:60]) - move.points(scene.xyz[:60])
    assert float(off.norm(dim=1).max()) < 0.02
    assert found.confidence > 0.8
    assert 40 <= found.inliers <= found.matches
    assert found.overlap > 0.55
    back = align_scenes(again, scene)
    assert back is not None
    assert abs(back.similarity.scale * found.similarity.scale - 1.0) < 1e-2


def test_other_places_do_not_lie_on_each_other():
    for seed in range(5):
        found = align_scenes(made_up_scene(seed, 200), made_up_scene(seed + 50, 200))
        assert found is None or found.confidence < 0.5


def test_too_few_keypoints_are_no_place():
    assert align_scenes(made_up_scene(0, 4), made_up_scene(0, 4)) is None


def test_wrong_pairs_do_not_disturb():
    generator = torch.Generator().manual_seed(5)
    move = random_similarity(generator)
    source = torch.randn(100, 3, generator=generator, dtype=torch.float64)
    target = move.points(source)
    target[:70] = 10 * torch.randn(70, 3, generator=generator, dtype=torch.float64)
    found = robust_similarity(source, target, 1e-6)
    assert found is not None
    similarity, agreeing = found
    assert agreeing.tolist() == [False] * 70 + [True] * 30
    assert torch.allclose(similarity.translation, move.translation)


def test_all_points_in_one_place_are_no_similarity():
    source = torch.zeros(10, 3, dtype=torch.float64)
    assert robust_similarity(source, torch.rand(10, 3, dtype=torch.float64), 1e-6) is None


def test_duplicates_of_an_index_are_told_once(tmp_path):
    generator = torch.Generator().manual_seed(9)
    originals = [made_up_scene(seed, 80) for seed in range(4)]
    again = [
        met_again(originals[seed], 60, random_similarity(generator), f"again {seed}", seed)
        for seed in (1, 3)
    ]
    index = SceneIndex.open_or_create(str(tmp_path / "index"), originals[0])
    for scene in [*originals, *again]:
        index.add(scene)
    found = [pair for part in duplicates(index, index.all_names()) for pair in part]
    pairs = {frozenset((pair.first, pair.second)) for pair in found}
    assert len(found) == 2
    assert pairs == {frozenset(("scene 1", "again 1")), frozenset(("scene 3", "again 3"))}
    strict = DuplicateOptions(least_confidence=1.0)
    assert not any(duplicates(index, index.all_names(), strict))


def test_numbers_at_equal_distances():
    assert spread(9, 3).tolist() == [0, 4, 8]
    assert spread(2, 5).tolist() == [0, 1]
