"""Whole views from a lifting network: pictures and answers at pixels, features in an encoder's cells."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from condense_ns.geometry.valid_pixels import telling_cells
from condense_ns.lifting.feature_blending import feature_maps
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.picture_margin import continued
from condense_ns.lifting.source_shares import whole_picture

CHUNK = 2048
"""Rays at a time: what is made of them stays in a core's cache."""
CHUNK_NUMBERS = 1 << 22
"""Numbers of sampled features at a time: wide features are rendered fewer rays at a time."""

WITHIN_CELL = ((-1 / 3, 0.0), (0.0, 1 / 3), (1 / 3, -1 / 3))
"""Right and down from a cell's centre, in cells: a place in each third of its rows, and of its columns."""
COARSER = 2
"""Pixels along the side of a cell in which the sources of an answer are weighed."""
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class RenderedView:
    """One view."""

    rgb: Float[Tensor, "height width 3"]
    """In [0, 1]; where no source sees anything, continued a little way from where one does, then black."""
    depth: Float[Tensor, "height width 1"]
    """Along the optical axis."""
    accumulation: Float[Tensor, "height width 1"]
    """Opacity, 0 where no source sees anything."""


@torch.no_grad()
def render_picture(
    network: LiftingNetwork, look: Look, height: int, width: int, chunk: int = CHUNK
) -> RenderedView:
    """Colour, depth and opacity of a target, from the leading sources.

    Args:
        network: that made the look.
        look: at the target.
        height: of the picture, which shows the target's whole field of view.
        width: of the picture.
        chunk: rays at a time.
    """
    look, found, shares = look.leading, [], []
    for places in grid_places(height, width, look.nearest.device).split(chunk):
        samples = network.sample(look, places)
        found.append(torch.stack([samples.surface_depth, samples.opacity], dim=1))
        shares.append(samples.by_source)
    together = whole_picture(shares, height, width)
    picture = continued(network.picture.in_bands(together), together.lit > 0)
    depth, opacity = torch.cat(found).reshape(height, width, 2).split(1, dim=2)
    return RenderedView(picture, depth, opacity)


@torch.no_grad()
def render_features(
    network: LiftingNetwork,
    look: Look,
    source_maps: Float[Tensor, "sources source_rows source_columns channels"],
    grid: tuple[int, int],
    corrected: bool = True,
    own: Float[Tensor, "rows columns channels"] | None = None,
) -> Float[Tensor, "rows columns channels"]:
    """Features of a target, in the cells in which the encoder would answer for its photograph.

    A cell's feature is the mean over some rays through it, with half as many samples each as others have: what one ray
    meets depends on where the cell's centre happens to lie.

    Args:
        network: that made the look.
        look: at the target.
        source_maps: what the encoder answers for the sources.
        grid: rows and columns of the answer.
        corrected: let the sources correct each other; without, colours alone weigh them.
        own: what the encoder answers for the rendered picture, on the same grid: sources that say the like
            are believed more. None for none.
    """
    features = feature_maps(source_maps, look.sources.valid)
    described = network.blender.describe(features) if corrected else None
    sources, _, _, channels = source_maps.shape
    rays, count = len(WITHIN_CELL), max(1, network.samples // 2)
    chunk = max(32, CHUNK_NUMBERS // (sources * count * rays * channels))
    parts = _within_cells(grid, look.nearest.device).split(chunk)
    owned = [None] * len(parts)
    if own is not None:
        owned = own.flatten(0, 1).repeat_interleave(rays, dim=0).split(chunk * rays)
    rendered = []
    for places, of_part in zip(parts, owned, strict=True):
        samples = network.sample(look, places.flatten(0, 1), count)
        rendered.append(network.features(samples, features, described, of_part, rays))
    return torch.cat(rendered).reshape(*grid, channels)


def _within_cells(grid: tuple[int, int], device: torch.device) -> Float[Tensor, "cells rays 2"]:
    """Places of the rays of cells, from 0 to 1 across the grid."""
    rows, columns = grid
    away = torch.tensor(WITHIN_CELL, device=device) / torch.tensor([columns, rows], device=device)
    return grid_places(rows, columns, device)[:, None] + away


@torch.no_grad()
def render_answers(
    network: LiftingNetwork,
    look: Look,
    source_answers: Float[Tensor, "sources height width answers"],
    depth: Float[Tensor, "rows columns"],
) -> Float[Tensor, "height width answers"]:
    """Answers at the pixels of a target, mixed from those of the sources by the roots of their colours' weights.

    So sources count more that look along the target's line, on which what an operator paints depends; but not as much
    as for colours, so that views far apart have more of their sources in common. For speed, weights are found in cells
    of 2 pixels, and every source is looked up once for a pixel, at the depth that was rendered.

    Args:
        network: that made the look.
        look: at the target.
        source_answers: at pixels of the sources.
        depth: of the target, rendered; on fewer pixels if answers are larger than their photographs. Where it is 0
            nothing is seen, and answers are 0.
    """
    height, width = source_answers.shape[1:3]
    counted = torch.ones_like(source_answers[..., :1])
    if look.sources.valid is not None:
        counted = telling_cells(look.sources.valid, height, width)[..., None].to(counted)
    answers = torch.cat([torch.where(counted > 0, source_answers, 0.0), counted], dim=-1)
    rows, columns = -(-height // COARSER), -(-width // COARSER)
    parts = grid_places(rows, columns, depth.device).split(CHUNK)
    shares = torch.cat([network.sample(look, part).by_source.weights for part in parts], dim=1)
    weights = shares.unflatten(1, (rows, columns))
    weights = F.interpolate(weights[None], (height, width), mode="bilinear")[0].flatten(1)
    depths = F.interpolate(depth[None, None], (height, width), mode="nearest-exact").reshape(-1, 1)
    centre, directions = pixel_rays(grid_places(height, width, depth.device), look.target)
    seen = project_pinhole(centre + depths * directions, look.sources)
    weights = weights.clamp_min(0).sqrt() * seen.inside * (depths.T > 0)
    mixed = torch.zeros_like(answers[0]).flatten(0, 1)
    for number, share in enumerate(weights):
        found = sample_cells(answers[[number]], seen.places[[number]])[0]
        mixed = torch.addcmul(mixed, share[:, None], found)
    answer = mixed[:, :-1] / mixed[:, -1:].clamp_min(LEAST_SHARE)
    return answer.reshape(height, width, -1)
