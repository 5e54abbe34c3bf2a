"""How unlike the sources' pictures are at depths before a target, without any learnt layer.

Where all depths are compared, pictures are first freed from brightness and contrast, which differ between
photographs: from each pixel the mean around it is taken, and it is divided by the standard deviation there.
What is left varies over the sources, those counting most that look along the target's line, little where the
surface is.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.epipolar import ray_cosines
from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import PinholeViews, pixel_rays, project_pinhole
from condense_ns.lifting.source_agreement import LEAST_VIEWS
from condense_ns.lifting.view_pooling import pooled, softmax_of_seen

SHRUNK = 2
"""Pixels of a photograph for one that is compared, along rows and columns."""
AROUND = 7
"""Of those, the side of the square that brightness and contrast are taken from."""
WINDOW = 3
"""Cells of the target, the side of the square that disagreement is averaged over."""
CLOSENESS = 100.0
"""How much sources that look along the target's line count more: the exponent by 1 - cosine."""
FAINTEST = 1e-4
"""Variance of colours below which a square has no contrast."""
AT_ONCE = 4
"""Planes."""
UNSEEN = 0.8
"""Disagreement about places that fewer than two sources see."""


def contrast_normalised(
    images: Float[Tensor, "sources 3 height width"],
) -> Float[Tensor, "sources 1 half_height half_width"]:
    """Grey pictures of half the size, without what brightness and contrast are around each pixel."""
    from kornia.color import rgb_to_grayscale

    grey = rgb_to_grayscale(images)
    small = halved(grey)
    mean = _averaged(small, AROUND)
    variance = (_averaged(small.square(), AROUND) - mean.square()).clamp_min(0)
    return (small - mean) / (variance + FAINTEST).sqrt()


def halved(images: Float[Tensor, "sources channels height width"]) -> Tensor:
    """Pictures of half the size."""
    return F.avg_pool2d(images, SHRUNK, ceil_mode=True, count_include_pad=False)


def picture_disagreement(
    target: PinholeViews,
    sources: PinholeViews,
    pictures: Float[Tensor, "sources channels half_height half_width"],
    extent: tuple[float, float],
    depths: Float[Tensor, "depths #rows #columns"],
    cells: Float[Tensor, "rows columns 2"],
) -> Float[Tensor, "depths rows columns"]:
    """Between 0 and 1, for places of the target at several depths; a mean over the channels.

    Args:
        target: one view.
        sources: the views.
        pictures: of the sources, `contrast_normalised` or only `halved`.
        extent: share of the pictures' width and height that the photographs cover.
        depths: before the target, the same in all cells or of each cell's own.
        cells: places from 0 to 1 across the target.
    """
    rows, columns, _ = cells.shape
    centre, directions = pixel_rays(cells.flatten(0, 1), target)
    found = []
    for some in depths.split(AT_ONCE):
        ahead = some.expand(-1, rows, columns).flatten(1)[..., None]
        points = (centre + ahead * directions).flatten(0, 1)
        seen = project_pinhole(points, sources)
        looks = sample_maps(pictures, seen.places * points.new_tensor(extent))
        towards = CLOSENESS * (ray_cosines(points, target, sources) - 1)
        apart = pooled(looks, softmax_of_seen(towards, seen.inside))[1].mean(dim=1)
        apart = _averaged(apart.reshape(-1, 1, rows, columns), WINDOW)[:, 0].clamp_max(1)
        enough = (seen.inside.sum(dim=0) >= LEAST_VIEWS).reshape(-1, rows, columns)
        found.append(torch.where(enough, apart, UNSEEN))
    return torch.cat(found)


def _averaged(maps: Float[Tensor, "maps 1 rows columns"], side: int) -> Tensor:
    """Mean of the square around each cell; the border is repeated."""
    padded = F.pad(maps, (side // 2,) * 4, mode="replicate")
    return F.avg_pool2d(padded, side, 1)
