"""Poses of made-up photographs, and photographs of other places."""

import math
from dataclasses import replace

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.metrics.pose_error import pose_errors
from condense_ns.retrieval.absolute_pose import Lens
from condense_ns.retrieval.drift import in_given_poses
from condense_ns.retrieval.localization import (
    LEAST_CONFIDENCE,
    LocalizationOptions,
    chance_of_agreeing,
    confidence,
    localize,
)
from tests.retrieval.scene_points import (
    CHANNELS,
    Taking,
    camera_at_a_distance_of_four,
    descriptors,
    photograph,
    scene_of_points,
)

SCENE = scene_of_points()
LENSES = {
    "ideal": ((0.0,) * 6, False),
    "radial": ((-0.2, 0.05, 0.0, 0.0, 0.0, 0.0), False),
    "tangential": ((-0.1, 0.02, 0.01, 0.0, 0.003, -0.002), False),
    "fisheye": ((0.05, -0.01, 0.003, -0.001, 0.0, 0.0), True),
    "tangential fisheye": ((0.05, -0.01, 0.003, -0.001, 0.002, 0.001), True),
}


def first(scene, count):
    return scene.chosen(torch.arange(len(scene)) < count)


def guessed(camera, hint=None):
    return Lens.guessed(camera.width, camera.height, hint)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("wrong", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("lens", LENSES)
def test_the_pose_is_found_through_noise_and_outliers(lens, wrong, seed):
    camera = camera_at_a_distance_of_four(seed, *LENSES[lens])
    detected = photograph(SCENE, camera, Taking(wrong=wrong, seed=seed))
    found = localize(detected, SCENE, Lens.of(camera))
    assert found.found
    distance, degrees = pose_errors(found.camera_to_world, camera.camera_to_world)
    assert distance < 0.03  # at a distance of 4 from noise of 1/1000 of the focal length
    assert degrees < 0.5
    assert found.camera_to_world is not None
    assert found.camera_to_world.dtype == torch.float64
    assert found.dataset_pose is not None
    assert torch.equal(found.dataset_pose, in_given_poses(found.camera_to_world, SCENE.views))
    right = found.matches.pairs[:, 0] >= round(wrong * len(SCENE))
    assert found.inliers[right].all()
    assert found.inliers[~right].float().mean() < 0.05 or wrong == 0.0
    assert f"{int(found.inliers.sum())} of {len(found.matches)}" in found.reason


@pytest.mark.parametrize("lens", LENSES)
def test_without_noise_the_pose_is_exact(lens):
    camera = camera_at_a_distance_of_four(1, *LENSES[lens])
    found = localize(photograph(SCENE, camera, Taking(noise=0.0)), SCENE, Lens.of(camera))
    distance, degrees = pose_errors(found.camera_to_world, camera.camera_to_world)
    assert distance < 1e-4
    assert degrees < 1e-3


def test_the_pose_is_in_the_frame_of_the_set():
    camera = camera_at_a_distance_of_four()
    detected = photograph(SCENE, camera)
    moved = SCENE.in_frame("dataset")
    found = localize(detected, moved, Lens.of(camera))
    expected = SCENE.to_dataset.pose(camera.camera_to_world)
    distance, degrees = pose_errors(found.camera_to_world, expected)
    assert distance < 0.03 * SCENE.to_dataset.scale
    assert degrees < 0.5


@pytest.mark.parametrize("hint", [None, 290.0, 900.0])
@pytest.mark.parametrize("wrong", [0.0, 0.6])
def test_an_unknown_focal_length_is_estimated(hint, wrong):
    camera = camera_at_a_distance_of_four(2)
    camera = replace(camera, focal=torch.full((2,), 310.0).double(), centre=centre_of(camera))
    detected = photograph(SCENE, camera, Taking(wrong=wrong))
    lens = guessed(camera, hint)
    found = localize(detected, SCENE, lens)
    assert found.found
    assert found.camera is not None
    assert found.camera.focal.tolist() == pytest.approx([310.0, 310.0], rel=0.03)
    distance, degrees = pose_errors(found.camera_to_world, camera.camera_to_world)
    assert distance < 0.12  # 3 % of the distance, along which the focal length is hard to tell
    assert degrees < 0.5


def test_an_unknown_focal_length_behind_a_known_distortion():
    camera = camera_at_a_distance_of_four(3, *LENSES["radial"])
    lens = replace(Lens.of(camera), focal=torch.full((2,), 400.0).double(), focal_is_known=False)
    found = localize(photograph(SCENE, camera), SCENE, lens)
    assert found.camera is not None
    assert found.camera.focal.tolist() == pytest.approx([300.0, 310.0], rel=0.03)


def centre_of(camera):
    return torch.tensor([camera.width / 2, camera.height / 2]).double()


def elsewhere(count, seed):
    """Keypoints of a photograph of another place."""
    generator = torch.Generator().manual_seed(3000 + seed)
    pixels = torch.rand(count, 2, generator=generator) * torch.tensor([400.0, 300.0])
    return Keypoints2D(pixels, torch.ones(count), descriptors(count, seed + 50))


@pytest.mark.parametrize("ratio", [0.9, None])
@pytest.mark.parametrize("count", [20, 60, 300, 800])
@pytest.mark.parametrize("known", [True, False])
def test_random_descriptors_are_not_found(count, ratio, known):
    camera = camera_at_a_distance_of_four()
    lens = Lens.of(camera) if known else guessed(camera)
    for seed in range(5):
        options = LocalizationOptions(ratio=ratio, iterations=2000, seed=seed)
        found = localize(elsewhere(count, seed), SCENE, lens, options)
        assert not found.found
        assert found.confidence < LEAST_CONFIDENCE / 2


def test_random_pairs_that_crowd_are_not_found():
    """Keypoints on one small thing agree with a camera that sees the whole scene there."""
    lens = Lens.of(camera_at_a_distance_of_four())
    for seed in range(5):
        crowd = elsewhere(200, seed)
        crowd = replace(crowd, pixels=200.0 + 0.06 * crowd.pixels)
        found = localize(crowd, SCENE, lens, LocalizationOptions(ratio=None))
        assert not found.found


@pytest.mark.parametrize("right", [12, 25, 60])
def test_a_few_right_matches_among_random_ones_are_found(right):
    camera = camera_at_a_distance_of_four()
    detected = photograph(first(SCENE, right), camera)
    others = elsewhere(100, 0)
    both = Keypoints2D(
        torch.cat([detected.pixels, others.pixels]),
        torch.cat([detected.scores, others.scores]),
        torch.cat([detected.descriptors, others.descriptors]),
    )
    found = localize(both, SCENE, Lens.of(camera))
    assert found.found
    assert found.confidence > 0.6
    assert pose_errors(found.camera_to_world, camera.camera_to_world)[0] < 0.1


@pytest.mark.parametrize("count", [0, 1, 5])
def test_fewer_than_six_matches_are_a_failure(count):
    camera = camera_at_a_distance_of_four()
    detected = photograph(first(SCENE, count), camera) if count else elsewhere(0, 0)
    found = localize(detected, SCENE, Lens.of(camera), LocalizationOptions(ratio=None))
    assert (found.camera_to_world, found.confidence, found.found) == (None, 0.0, False)
    assert len(found.inliers) == len(found.matches) == count
    assert found.reason == f"{count} keypoints match, 6 are needed"


def test_an_empty_set():
    camera = camera_at_a_distance_of_four()
    found = localize(photograph(SCENE, camera), first(SCENE, 0), Lens.of(camera))
    assert not found.found
    assert len(found.matches) == 0


def test_many_matches_of_which_fewer_than_six_agree():
    camera = camera_at_a_distance_of_four()
    detected = photograph(first(SCENE, 9), camera, Taking(wrong=1.0))
    found = localize(detected, SCENE, Lens.of(camera), LocalizationOptions(ratio=None))
    assert found.camera is None
    assert found.reason == "fewer than 6 of 9 matches agree on a pose"


def test_an_accident_is_told_as_one():
    found = localize(elsewhere(300, 1), SCENE, Lens.of(camera_at_a_distance_of_four()))
    crowd = replace(elsewhere(200, 1), pixels=200.0 + 0.01 * elsewhere(200, 1).pixels)
    crowded = localize(crowd, SCENE, Lens.of(camera_at_a_distance_of_four()))
    assert not found.found
    assert crowded.camera is not None
    assert crowded.reason.endswith("which may be chance")


def test_equal_questions_have_equal_answers():
    camera = camera_at_a_distance_of_four()
    detected = photograph(SCENE, camera, Taking(wrong=0.7))
    poses = [localize(detected, SCENE, Lens.of(camera)).camera_to_world for _ in range(2)]
    assert poses[0] is not None
    assert poses[1] is not None
    assert torch.equal(poses[0], poses[1])


def test_the_tolerance_grows_with_the_width():
    small = camera_at_a_distance_of_four()
    factor = 4
    large = replace(
        small,
        focal=small.focal * factor,
        centre=small.centre * factor,
        width=small.width * factor,
        height=small.height * factor,
    )
    of_small = photograph(SCENE, small, Taking(noise=2.0))
    of_large = replace(of_small, pixels=of_small.pixels * factor)
    agreeing = [
        int(localize(detected, SCENE, Lens.of(camera)).inliers.sum())
        for detected, camera in ((of_small, small), (of_large, large))
    ]
    assert agreeing[0] == pytest.approx(agreeing[1], abs=3)


def test_confidence_by_hand():
    # 7 of 10 pairs, 3 fix a pose: E = 7 * C(10, 7) * C(7, 3) * 0.001 ** 4 = 2.94e-8
    evidence = -math.log10(7 * 120 * 35 * 1e-12)
    assert confidence(7, 10, 0.001, 3) == pytest.approx(evidence / (evidence + 5))
    assert confidence(3, 3, 0.001, 3) == 0.0
    assert confidence(10, 10, 1.0, 3) == 0.0
    assert confidence(1000, 1000, 0.001, 3) > 0.99


def test_confidence_grows_with_inliers_and_falls_with_outliers():
    sure = [confidence(inliers, 100, 0.001, 3) for inliers in range(101)]
    assert sure == sorted(sure)
    sure = [confidence(20, matches, 0.001, 3) for matches in range(20, 2000)]
    assert sure == sorted(sure, reverse=True)
    assert confidence(20, 100, 0.001, 4) < confidence(20, 100, 0.001, 3)


def test_the_chance_to_agree():
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(1500, 2, generator=generator) * 100
    other = torch.rand(1500, 2, generator=generator) * 100
    by_area = math.pi * 5.0**2 / 100**2
    assert chance_of_agreeing(pixels, other, 5.0, 100**2) == pytest.approx(by_area, rel=0.05)
    assert chance_of_agreeing(pixels, pixels, 5.0, 100**2) == pytest.approx(by_area, rel=0.05)
    assert chance_of_agreeing(pixels * 0.01, other * 0.01, 5.0, 100**2) == pytest.approx(
        1, rel=1e-3
    )
    assert chance_of_agreeing(pixels[:1], other[:1], 5.0, 100**2) == pytest.approx(by_area)
    assert chance_of_agreeing(pixels[:0], other[:0], 500.0, 100**2) == 1.0


def test_a_set_without_the_descriptors():
    camera = camera_at_a_distance_of_four()
    detected = photograph(SCENE, camera)
    with pytest.raises(UserError, match="no descriptors called other, only head; condense"):
        localize(detected, SCENE, Lens.of(camera), LocalizationOptions(descriptors="other"))
    with pytest.raises(UserError, match="only none"):
        localize(detected, replace(SCENE, descriptors={}), Lens.of(camera))
    narrow = replace(detected, descriptors=detected.descriptors[:, :8])
    with pytest.raises(UserError, match=f"have {CHANNELS} numbers, those of the photograph 8"):
        localize(narrow, SCENE, Lens.of(camera))
    with pytest.raises(UserError, match="ratio of the matching"):
        localize(detected, SCENE, Lens.of(camera), LocalizationOptions(ratio=2.0))
