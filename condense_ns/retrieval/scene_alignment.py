"""Do two scenes show the same place, and how does one lie on the other?

Keypoints of both are matched by their descriptors; of the pairs, random triples propose similarities
(RANSAC: Fischler and Bolles 1981), and the one that most pairs agree with is refined on these. How sure it is
that this is no accident is told as for photographs (`retrieval/localization.py`): the chance p that a
random pair agrees is the share of the other scene's keypoints that lie within the tolerance of a place.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from condense_ns.geometry.similarity import Similarity
from condense_ns.geometry.umeyama import similarities
from condense_ns.keypoints.matching import mutual_nearest
from condense_ns.retrieval.localization import confidence
from condense_ns.tensors import SceneDescriptor

SAMPLE = 3
LEAST_INLIERS = 6
_ROUNDS = 3
_CHUNK = 512


@dataclass(frozen=True)
class AlignmentOptions:
    """How scenes are compared."""

    ratio: float = 0.9
    """Of the nearest to the second nearest descriptor, see `mutual_nearest`."""
    tolerance: float = 0.01
    """Distance that a moved keypoint may be off, of the diagonal of the scene's box."""
    largest_scale: float = 20.0
    """Similarities that stretch or shrink by more are not believed."""
    samples: int = 2048
    """Random triples."""
    seed: int = 0
    """Of the triples."""


USUAL_ALIGNMENT = AlignmentOptions()


@dataclass(frozen=True)
class Alignment:
    """How one scene lies on another."""

    similarity: Similarity
    """Moves the first scene's points into the second."""
    inliers: int
    """Pairs of keypoints that agree with it."""
    matches: int
    """Pairs of keypoints."""
    confidence: float
    """That it is no accident, in [0, 1]."""
    overlap: float
    """Share of the keypoints of both that lie where the other scene has keypoints, in [0, 1]."""


def align_scenes(
    first: SceneDescriptor, second: SceneDescriptor, options: AlignmentOptions = USUAL_ALIGNMENT
) -> Alignment | None:
    """How the first scene lies on the second; None if no six pairs agree.

    Args:
        first: a scene.
        second: another one, with descriptors of the same kind.
        options: how they are compared.
    """
    matches = mutual_nearest(first.descriptors, second.descriptors, options.ratio)
    if len(matches) < LEAST_INLIERS:
        return None
    source, target = first.xyz[matches.pairs[:, 0]], second.xyz[matches.pairs[:, 1]]
    tolerance = options.tolerance * diagonal(second)
    found = robust_similarity(source, target, tolerance, options)
    if found is None:
        return None
    similarity, agreeing = found
    chance = _chance(second.xyz, tolerance)
    return Alignment(
        similarity,
        int(agreeing.sum()),
        len(matches),
        confidence(int(agreeing.sum()), len(matches), chance, SAMPLE),
        _overlap(similarity.points(first.xyz), second.xyz, 2.0 * tolerance),
    )


def diagonal(scene: SceneDescriptor) -> float:
    """Length of the diagonal of a scene's box."""
    return float(torch.linalg.vector_norm(scene.box[1] - scene.box[0]).clamp_min(1e-12))


def robust_similarity(
    source: Float64[Tensor, "pairs 3"],
    target: Float64[Tensor, "pairs 3"],
    tolerance: float,
    options: AlignmentOptions = USUAL_ALIGNMENT,
) -> tuple[Similarity, Bool[Tensor, " pairs"]] | None:
    """The similarity that most pairs agree on, and which do; None if fewer than 6 do.

    Args:
        source: places in one scene, at least 3.
        target: those in another one; many may be wrong.
        tolerance: distance in the target within which a pair agrees.
        options: of the search.
    """
    generator = torch.Generator().manual_seed(options.seed)
    draws = (
        torch.rand(options.samples, len(source), generator=generator).topk(SAMPLE, dim=1).indices
    )
    rotations, translations, scales = similarities(source[draws], target[draws])
    sane = (scales > 1.0 / options.largest_scale) & (scales < options.largest_scale)
    rotations, translations, scales = rotations[sane], translations[sane], scales[sane]
    best, most = None, 0
    for start in range(0, len(scales), _CHUNK):
        part = slice(start, start + _CHUNK)
        moved = torch.einsum("bij,pj->bpi", scales[part, None, None] * rotations[part], source)
        off = torch.linalg.vector_norm(moved + translations[part, None] - target, dim=-1)
        counts = (off <= tolerance).sum(dim=1)
        if int(counts.max()) > most:
            most, best = int(counts.max()), (off[int(counts.argmax())] <= tolerance)
    return None if best is None else _refined(source, target, best, tolerance)


def _refined(
    source: Float64[Tensor, "pairs 3"],
    target: Float64[Tensor, "pairs 3"],
    agreeing: Bool[Tensor, " pairs"],
    tolerance: float,
) -> tuple[Similarity, Bool[Tensor, " pairs"]] | None:
    """The similarity of the pairs that agree, then of those that agree with that."""
    similarity = None
    for _ in range(_ROUNDS):
        if int(agreeing.sum()) < LEAST_INLIERS:
            return None
        rotation, translation, scale = similarities(source[agreeing], target[agreeing])
        similarity = Similarity(rotation, translation, float(scale))
        off = torch.linalg.vector_norm(similarity.points(source) - target, dim=1)
        agreeing = off <= tolerance
    assert similarity is not None
    return (similarity, agreeing) if int(agreeing.sum()) >= LEAST_INLIERS else None


def _chance(xyz: Float64[Tensor, "keypoints 3"], tolerance: float) -> float:
    """Of a random keypoint to lie within the tolerance of another one's place, in (0, 1]."""
    count = len(xyz)
    near = int((torch.cdist(xyz, xyz) <= tolerance).sum()) - count
    return max(near, 1) / max(count * (count - 1), 1)


def _overlap(first: Float64[Tensor, "a 3"], second: Float64[Tensor, "b 3"], reach: float) -> float:
    """Share of all points that have one of the other scene within reach."""
    distances = torch.cdist(first, second)
    met = int((distances.amin(dim=1) <= reach).sum()) + int((distances.amin(dim=0) <= reach).sum())
    return met / (len(first) + len(second))
