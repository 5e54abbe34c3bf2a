"""What rendering gets wrong of the sources themselves, carried over to the target.

A photograph that is rendered from others tells what rendering loses: details that are averaged away, edges that lie a
little beside. Where sources agree about that, it is lost from the target's picture, too. With E_i what source i shows
more than its rendering where it sees the target's surface, and w_i its share, the picture gains

    a M,   M = sum_i w_i E_i,   a = A / <|M|^2>,   A = <sum_(i!=j) w_i w_j E_i.E_j> / <1 - sum_i w_i^2>,

with means <> over the pixels around. The a is Wiener's: A is how much of |M|^2 the sources have in common, since what
each gets wrong by itself, or is noise, drops out of products of two. Coarse and fine errors are weighed apart.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from condense_ns.lifting.lifting_network import Look

COARSE = 1 / 16
"""Of the picture's longer side: the side of the squares over which errors are averaged to part coarse from fine ones."""
AROUND = 1 / 4
"""Likewise: of those in which it is found how far sources agree."""
LEAST_SHARE = 1e-6
LEAST_PAIRS = 1e-3
LEAST_SQUARE = 1e-8


def with_carried(
    picture: Float[Tensor, "height width 3"],
    look: Look,
    shares: Float[Tensor, "sources height width"],
    depth: Float[Tensor, "height width"],
) -> Float[Tensor, "height width 3"]:
    """The picture with what sources agree that rendering gets wrong; RGB in [0, 1].

    Args:
        picture: of the target; where no source sees anything it stays as it is.
        look: at the target, with renderings of the sources; without, the picture is what it was.
        shares: of the sources in the picture's colours.
        depth: of the target along its optical axis.
    """
    if look.rendered is None:
        return picture
    height, width = depth.shape
    centre, directions = pixel_rays(grid_places(height, width, depth.device), look.target)
    seen = project_pinhole(centre + depth.reshape(-1, 1) * directions, look.sources)
    roots = shares.flatten(1).clamp_min(0).sqrt() * seen.inside
    weights = roots / roots.sum(dim=0).clamp_min(LEAST_SHARE)
    errors = sample_maps(_errors(look, look.rendered), seen.places)
    errors = errors.movedim(2, 1).unflatten(2, (height, width))
    carried = agreed(errors, weights.unflatten(1, (height, width)))
    return (picture + carried.movedim(0, 2)).clamp(0, 1)


def agreed(
    errors: Float[Tensor, "sources 3 height width"], weights: Float[Tensor, "sources height width"]
) -> Float[Tensor, "3 height width"]:
    """What errors have in common, coarse and fine ones apart.

    Args:
        errors: of the sources at the pixels of a target.
        weights: that sum to one, or are all zero where no source sees anything.
    """
    longer = max(errors.shape[2:])
    coarse = _mean_around(errors, COARSE * longer)
    return sum(
        (_agreed(part, weights[:, None], AROUND * longer) for part in (coarse, errors - coarse)),
        start=torch.zeros_like(errors[0]),
    )


def _agreed(
    errors: Float[Tensor, "sources 3 height width"],
    weights: Float[Tensor, "sources 1 height width"],
    side: float,
) -> Float[Tensor, "3 height width"]:
    mean = (weights * errors).sum(dim=0)
    square = mean.square().mean(dim=0)
    alone = (weights * errors).square().sum(dim=0).mean(dim=0)
    pairs = 1 - weights[:, 0].square().sum(dim=0)
    common, of_pairs, whole = _mean_around(
        torch.stack([square - alone, pairs, square])[:, None], side
    )
    share = common / of_pairs.clamp_min(LEAST_PAIRS) / whole.clamp_min(LEAST_SQUARE)
    return share.clamp(0, 1) * mean


def _errors(
    look: Look, rendered: Float[Tensor, "sources 3 rows columns"]
) -> Float[Tensor, "sources 3 rows columns"]:
    """What each source shows, exposed like the others, more than its rendering."""
    rows, columns = rendered.shape[2:]
    return look.maps.images[..., :rows, :columns] * look.gains[..., None, None] - rendered


def _mean_around(
    maps: Float[Tensor, "maps channels height width"], side: float
) -> Float[Tensor, "maps channels height width"]:
    """Means over squares of about that side in pixels; over what of them lies within the maps."""
    reach = round((side - 1) / 2)
    return _mean_along(_mean_along(maps, reach, 3), reach, 2)


def _mean_along(
    maps: Float[Tensor, "maps channels height width"], reach: int, axis: int
) -> Float[Tensor, "maps channels height width"]:
    """Means over so many neighbours to either side along one axis, as differences of running sums."""
    count = maps.shape[axis]
    at = torch.arange(count, device=maps.device)
    first, end = (at - reach).clamp_min(0), (at + reach + 1).clamp_max(count)
    sums = torch.cat([torch.zeros_like(maps.narrow(axis, 0, 1)), maps.cumsum(axis)], dim=axis)
    sizes = (end - first).reshape(-1, *[1] * (3 - axis))
    return (sums.index_select(axis, end) - sums.index_select(axis, first)) / sizes
