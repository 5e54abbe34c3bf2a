"""Coarse depth of a view by comparing it with a few others, without anything learnt.

Planes parallel to the target's image lie uniformly in inverse depth between a nearest depth and
infinity. Each source is warped onto each plane and compared with the target, patch by patch, by
zero-mean normalised cross-correlation (ZNCC), which does not mind brightness and contrast. The best
half of the sources counts, so that a surface hidden from the other half still scores. The plane of
the highest score wins. Free of scale: nothing here is an absolute length.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.pinhole import (
    PinholeViews,
    Projected,
    grid_places,
    pixel_rays,
    project_pinhole,
)
from condense_ns.geometry.source_views import SourceViews

PATCH = 5
"""Side of the compared patches in pixels."""
LEAST_CONTRAST = 1e-4
"""Variance of a patch (RGB in [0, 1]) below which its correlation fades."""
SEEN_SHARE, SEEN_BY = 0.3, 2
"""At the nearest depth this share of the target's pixels is seen by so many sources."""
NEAREST_BASELINES, FARTHEST_BASELINES = 0.5, 1000.0
"""The nearest depth is looked for between so many baselines."""
PEAK_REACH = 2
"""Planes on either side that belong to a peak."""
SURE_MARGIN = 0.15
"""Lead of the highest score over the second peak that makes a pixel wholly confident."""


@dataclass(frozen=True)
class SweptDepth:
    """Depth of one view."""

    depth: Float[Tensor, "height width"]
    """In scene units, > 0; meaningless where confidence is 0."""
    confidence: Float[Tensor, "height width"]
    """From 0 to 1: the score, times how clearly it beats the second peak; 0 in pixels that do not count."""


def sweep_depth(
    image: Float[Tensor, "3 height width"],
    target: PinholeViews,
    sources: SourceViews,
    planes: int = 64,
) -> SweptDepth:
    """Depth of a view from its neighbours.

    Args:
        image: of the target, some 64 pixels wide.
        target: its camera, in pixels of the image.
        sources: photographs of about the same resolution.
        planes: how many depths to try.
    """
    height, width = image.shape[1:]
    blank = image.new_zeros(height, width)
    nearest = nearest_depth(target, sources.cameras)
    if nearest is None:
        return SweptDepth(blank + 1, blank)
    inverse = torch.linspace(1 / nearest, 0, planes + 1, device=image.device)[
        :-1
    ]  # without infinity
    scores = _scores(image, target, sources, 1 / inverse)
    best = scores.argmax(dim=0)
    position, score = _refined(scores, best)
    step = inverse[0] - inverse[1]
    depth = 1 / (inverse[0] - step * position).clamp_min(0.25 * float(step))
    inner = (best > 0) & (best < planes - 1)  # at a border the peak may lie beyond
    lead = (score - _second_peak(scores, best)) / SURE_MARGIN
    confidence = score.clamp(0, 1) * lead.clamp(0, 1) * inner
    if target.valid is not None:
        confidence = confidence * target.valid[0]
    return SweptDepth(depth, confidence)


def nearest_depth(target: PinholeViews, sources: PinholeViews) -> float | None:
    """Smallest depth at which `SEEN_SHARE` of the target's pixels are seen by `SEEN_BY` sources.

    Whether the pixels count is not asked: masks do not bring a scene nearer.

    Returns:
        The depth, or None if there is none, or if all cameras are at one place.
    """
    apart = torch.linalg.vector_norm(sources.centres - target.centres, dim=-1)
    baseline = float(apart.median()) if len(apart) else 0.0
    if baseline <= 0.0:
        return None
    places = grid_places(12, 16, target.intrinsics.device)
    depths = baseline * torch.logspace(
        float(torch.tensor(NEAREST_BASELINES).log10()),
        float(torch.tensor(FARTHEST_BASELINES).log10()),
        60,
        device=places.device,
    )
    inside = _on_planes(places, depths, target, replace(sources, valid=None)).inside
    views_of = inside.reshape(len(sources), len(depths), -1).sum(dim=0)
    shares = (views_of >= min(SEEN_BY, len(sources))).float().mean(dim=1)
    enough = (shares >= SEEN_SHARE).nonzero()
    return float(depths[int(enough[0])]) if len(enough) else None


def _on_planes(
    places: Float[Tensor, "pixels 2"],
    depths: Float[Tensor, " planes"],
    target: PinholeViews,
    sources: PinholeViews,
) -> Projected:
    """Where the sources see the target's pixels at all depths, depth by depth."""
    centre, rays = pixel_rays(places, target)
    points = centre + depths[:, None, None] * rays
    return project_pinhole(points.flatten(0, 1), sources)


def _scores(
    image: Float[Tensor, "3 height width"],
    target: PinholeViews,
    sources: SourceViews,
    depths: Float[Tensor, " planes"],
) -> Float[Tensor, "planes height width"]:
    """Mean correlation with the best half of the sources; -1 where too few see the pixel."""
    height, width = image.shape[1:]
    places = grid_places(height, width, image.device)
    per_source = []
    for number in range(len(sources)):
        seen = _on_planes(places, depths, target, sources.cameras[[number]])
        grid = (2 * seen.places - 1).clamp(-2, 2).reshape(1, len(depths) * height, width, 2)
        picture = sources.images[number][None]
        warped = F.grid_sample(picture, grid, padding_mode="border", align_corners=False)
        warped = warped.reshape(3, len(depths), height, width).transpose(0, 1)
        inside = seen.inside.reshape(len(depths), height, width)
        per_source.append(torch.where(inside, patch_correlation(image, warped), -1.0))
    half = (len(per_source) + 1) // 2
    return torch.stack(per_source).topk(half, dim=0).values.mean(dim=0)


def patch_correlation(
    image: Float[Tensor, "3 height width"], others: Float[Tensor, "others 3 height width"]
) -> Float[Tensor, "others height width"]:
    """ZNCC of the patches around each pixel, over the three colours together, from -1 to 1."""
    of_image, of_others = _patch_mean(image[None]), _patch_mean(others)
    products = _patch_mean(image * others) - of_image * of_others
    variance = _patch_mean(image[None] ** 2) - of_image**2
    variances = _patch_mean(others**2) - of_others**2
    covariance = products.mean(dim=1)
    spread = (variance.mean(dim=1) * variances.mean(dim=1)).clamp_min(0).sqrt()
    return covariance / (spread + LEAST_CONTRAST)


def _patch_mean(
    pictures: Float[Tensor, "pictures 3 height width"],
) -> Float[Tensor, "pictures 3 height width"]:
    """Mean of the part of the patch that lies in the picture."""
    return _patch_sum(pictures) / _patch_sum(torch.ones_like(pictures[:1]))


def _patch_sum(
    pictures: Float[Tensor, "pictures 3 height width"],
) -> Float[Tensor, "pictures 3 height width"]:
    """Sums of shifted copies: 15 times as fast as torch's pooling on a processor."""
    height, width = pictures.shape[-2:]
    padded = F.pad(pictures, (PATCH // 2,) * 4)
    rows = padded[..., :height, :].clone()
    for shift in range(1, PATCH):
        rows += padded[..., shift : shift + height, :]
    sums = rows[..., :width].clone()
    for shift in range(1, PATCH):
        sums += rows[..., shift : shift + width]
    return sums


def _refined(
    scores: Float[Tensor, "planes height width"], best: Tensor
) -> tuple[Float[Tensor, "height width"], Float[Tensor, "height width"]]:
    """Position of the peak between planes, by a parabola through three scores, and its score."""
    last = len(scores) - 1
    before = scores.gather(0, (best - 1).clamp_min(0)[None])[0]
    after = scores.gather(0, (best + 1).clamp_max(last)[None])[0]
    top = scores.gather(0, best[None])[0]
    bend = (before - 2 * top + after).clamp_max(-1e-6)
    return best + (0.5 * (before - after) / bend).clamp(-0.5, 0.5), top


def _second_peak(
    scores: Float[Tensor, "planes height width"], best: Tensor
) -> Float[Tensor, "height width"]:
    """The highest score outside the peak."""
    planes = torch.arange(len(scores), device=scores.device)[:, None, None]
    elsewhere: Bool[Tensor, "planes height width"] = (planes - best).abs() > PEAK_REACH
    return torch.where(elsewhere, scores, -1.0).max(dim=0).values
