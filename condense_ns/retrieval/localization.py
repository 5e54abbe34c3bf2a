"""Where a photograph was taken: its keypoints find those of a scene, and the pairs give the pose.

Confidence asks how surprising the found pose would be if the photograph showed another scene. Were
all N pairs random, a pose on which k of them agree would be met by chance about

    E = (N - s) * C(N, k) * C(k, s) * p ** (k - s)

times, with s pairs that fix a pose (3, or 4 with the focal length) and p the chance that a random
pair agrees with it: L. Moisan and B. Stival, A probabilistic criterion to detect rigid point matches
between two images and estimate the fundamental matrix, IJCV 57(3), 2004. Here p is the share of the
image within the tolerance of a pixel, or, if larger, the share of wrongly joined pairs that agree
with the found pose as well: points that crowd, or that a far away camera sees in one place, agree
easily. Then with the evidence e = max(0, -log10 E)

    confidence = e / (e + 5)

which is 0.5 where one in 100,000 photographs of other scenes would do as well, 0.9 at one in 10 ** 45.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera, project
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.keypoint_set import HEAD, Keypoints3D
from condense_ns.keypoints.matching import Matches, mutual_nearest
from condense_ns.retrieval.absolute_pose import LEAST_INLIERS, Lens, Search, absolute_pose
from condense_ns.retrieval.drift import in_given_poses

LEAST_CONFIDENCE = 0.5
"""From here on the photograph shows the scene."""

_EVIDENCE_OF_A_HALF = 5.0
_REFERENCE_WIDTH = 640  # pixels, that the tolerance is given at
_CHUNK = 1024


@dataclass(frozen=True)
class LocalizationOptions:
    """How a photograph is compared with a scene."""

    descriptors: str = HEAD
    """Which descriptors of the scene are those of the photograph."""
    ratio: float | None = 0.9
    """Of the nearest to the second nearest descriptor, see `mutual_nearest`."""
    tolerance: float = 8.0
    """Pixels that a point may be off in an image 640 pixels wide; grows with the width."""
    iterations: int = 20_000
    """Most random samples."""
    seed: int = 0
    """Of the random samples."""


DEFAULT_OPTIONS = LocalizationOptions()


@dataclass(frozen=True)
class Localization:
    """What was found out about a photograph."""

    camera: Camera | None
    """In the frame of the set, with the estimated focal length if it was unknown; None if fewer than
    6 matches agree on a pose."""
    matches: Matches
    """Keypoints of the photograph and keypoints of the set."""
    inliers: Bool[Tensor, " matches"]
    """Which matches agree with the pose; none without one."""
    confidence: float
    """That the photograph shows the scene, in [0, 1]."""
    dataset_pose: Float64[Tensor, "3 4"] | None = None
    """OpenGL pose as the dataset would give it, in the frame of the set; differs from that of `camera`,
    which agrees with the points, where the dataset's poses drift (`retrieval/drift.py`)."""

    @property
    def camera_to_world(self) -> Float64[Tensor, "3 4"] | None:
        """OpenGL pose in the frame of the set."""
        return None if self.camera is None else self.camera.camera_to_world

    @property
    def found(self) -> bool:
        """Whether there is a pose that is no accident; if not, this is not the scene."""
        return self.camera is not None and self.confidence >= LEAST_CONFIDENCE

    @property
    def reason(self) -> str:
        """Why it was found or not, as half a sentence."""
        total, agreeing = len(self.matches), int(self.inliers.sum())
        if total < LEAST_INLIERS:
            return f"{total} keypoints match, {LEAST_INLIERS} are needed"
        if self.camera is None:
            return f"fewer than {LEAST_INLIERS} of {total} matches agree on a pose"
        if not self.found:
            return f"{agreeing} of {total} matches agree on a pose, which may be chance"
        return f"{agreeing} of {total} matches agree on the pose"


def localize(
    detected: Keypoints2D,
    keypoints: Keypoints3D,
    lens: Lens,
    options: LocalizationOptions = DEFAULT_OPTIONS,
) -> Localization:
    """The pose of a photograph in a scene, and how sure it is that it shows the scene.

    Args:
        detected: keypoints of the photograph.
        keypoints: of the scene, with descriptors of the same head.
        lens: of the photograph; if its focal length is unknown, it is estimated.
        options: how they are compared.

    Raises:
        UserError: the set lacks the descriptors, theirs have another width, the ratio lies outside
            (0, 1], or the lens has a distortion that the estimator does not know.
    """
    known = _descriptors(detected, keypoints, options.descriptors)
    matches = mutual_nearest(detected.descriptors, known, options.ratio)
    matches = Matches(matches.pairs.cpu(), matches.scores.cpu())
    pixels = detected.pixels.cpu().double()[matches.pairs[:, 0]]
    points = keypoints.xyz.cpu()[matches.pairs[:, 1]]
    tolerance = options.tolerance * lens.width / _REFERENCE_WIDTH
    search = Search(tolerance, options.iterations, options.seed)
    posed = absolute_pose(pixels, points, lens, search)
    if posed is None:
        return Localization(None, matches, torch.zeros(len(matches), dtype=torch.bool), 0.0)
    projected, _ = project(points, posed.camera)
    sample = 3 if lens.focal_is_known else 4
    chance = chance_of_agreeing(pixels, projected, tolerance, lens.width * lens.height)
    sure = confidence(int(posed.inliers.sum()), len(matches), chance, sample)
    pose = in_given_poses(posed.camera.camera_to_world.double(), keypoints.views)
    return Localization(posed.camera, matches, posed.inliers, sure, pose)


def confidence(inliers: int, matches: int, chance: float, sample: int) -> float:
    """That a pose is no accident, in [0, 1]; see the head of this file.

    Args:
        inliers: k, how many pairs agree on it, at most `matches`.
        matches: N, how many pairs there are.
        chance: p, of a random pair to agree, in (0, 1].
        sample: s, how many pairs fix a pose.
    """
    if inliers <= sample:
        return 0.0
    expected = (
        math.log10(matches - sample)
        + _log10_choices(matches, inliers)
        + _log10_choices(inliers, sample)
        + (inliers - sample) * math.log10(chance)
    )
    evidence = max(0.0, -expected)
    return evidence / (evidence + _EVIDENCE_OF_A_HALF)


def chance_of_agreeing(
    pixels: Float[Tensor, "matches 2"],
    projected: Float[Tensor, "matches 2"],
    tolerance: float,
    area: int,
) -> float:
    """Chance that a random pair agrees with a pose, in (0, 1].

    Args:
        pixels: of the photograph's keypoints.
        projected: where the pose puts the points of the set.
        tolerance: pixels that a pair may be off.
        area: of the image in pixels.
    """
    by_area = min(1.0, math.pi * tolerance**2 / area)
    count = len(pixels)
    if count < 2:
        return by_area
    near = sum(
        int((torch.cdist(part, projected) <= tolerance).sum()) for part in pixels.split(_CHUNK)
    )
    rightly_joined = int(((pixels - projected).norm(dim=1) <= tolerance).sum())
    return max(by_area, (near - rightly_joined) / (count * (count - 1)))


def _log10_choices(things: int, chosen: int) -> float:
    """Logarithm of how many ways there are to choose."""
    ways = math.lgamma(things + 1) - math.lgamma(chosen + 1) - math.lgamma(things - chosen + 1)
    return ways / math.log(10.0)


def _descriptors(
    detected: Keypoints2D, keypoints: Keypoints3D, name: str
) -> Float[Tensor, "keypoints channels"]:
    """Those of the set, as the photograph's are stored."""
    if name not in keypoints.descriptors:
        others = ", ".join(keypoints.descriptors) or "none"
        raise UserError(
            f"the keypoint set has no descriptors called {name}, only {others}; condense the scene "
            "with a keypoint head"
        )
    known = keypoints.descriptors[name]
    if known.shape[1] != detected.descriptors.shape[1]:
        raise UserError(
            f"descriptors {name} of the keypoint set have {known.shape[1]} numbers, those of the "
            f"photograph {detected.descriptors.shape[1]}; use the head that the set was made with"
        )
    return known.to(detected.descriptors)
