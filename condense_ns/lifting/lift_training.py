"""One step of lift3d's training: a window of a target view, lifted from its sources, and its losses.

The target of features is what the encoder answers for the held-out photograph itself. Targets of
different views disagree, so what can be learnt is the part that views share. Features teach which
source to believe and how sources correct each other; the density is taught by colours and, where a
scene has it, by depth alone.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import PinholeViews, grid_places
from condense_ns.geometry.valid_pixels import telling_cells, valid_at
from condense_ns.lifting.augmentation import faulty, mixed_channels, recoloured
from condense_ns.lifting.depth_choice import FINER
from condense_ns.lifting.depth_proposal import CELL
from condense_ns.lifting.depth_refinement import STEP
from condense_ns.lifting.feature_blending import feature_maps
from condense_ns.lifting.lift_example import LiftExample
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.picture_refinement import REACH
from condense_ns.lifting.ray_samples import RaySamples
from condense_ns.lifting.source_exposure import exposed_alike
from condense_ns.lifting.source_shares import whole_picture
from condense_ns.losses.lifting import (
    colour_distance,
    feature_distances,
    picture_error,
    plane_cross_entropy,
    plane_distance,
)

LEAST_OPACITY = 0.5
"""Of rays whose features count."""
EXPOSURE_RAYS = 1024
"""Of a window, that tell how its sources are exposed."""


@dataclass(frozen=True)
class LiftTraining:
    """How much of a target one step looks at."""

    window: tuple[int, int] = (96, 128)
    """Height and width in pixels of the part of the target that is looked at."""
    rays: int = 768
    """Rays whose colour and depth are compared."""
    feature_rays: int = 192
    """Cells of the encoder whose features are compared, at most."""
    picture_side: int = 64
    """Pixels of the side of a square that teaches how pictures are refined; more than twice `REACH`."""
    only_pictures: bool = False
    """Nothing else is taught."""


@dataclass(frozen=True)
class _Window:
    """Part of a target; its view knows which of its pixels count."""

    view: PinholeViews
    top: int
    left: int

    def places(
        self, target: PinholeViews, whole: Float[Tensor, "cells 2"]
    ) -> Float[Tensor, "cells 2"]:
        """Places across the window of places across the target."""
        size = whole.new_tensor([target.width, target.height])
        corner = whole.new_tensor([self.left, self.top])
        return (whole * size - corner) / whole.new_tensor([self.view.width, self.view.height])


def example_losses(
    network: LiftingNetwork,
    example: LiftExample,
    training: LiftTraining,
    generator: torch.Generator,
) -> dict[str, Float[Tensor, ""]]:
    """Losses of one example, not weighted yet.

    Args:
        network: to be trained.
        example: with features of one encoder, or none.
        training: how much is looked at.
        generator: of the window, the rays and the mixing of channels.

    Returns:
        ``picture``, which teaches the refiner of pictures alone; and, unless that is all, ``rgb``; ``plane``,
        ``fine_plane`` and ``depth`` if the scene has depth; ``feature_cosine`` and ``feature_l2`` if the example has
        features.
    """
    example = faulty(recoloured(example, generator), generator)
    window = _window(example.target, training.window, generator)
    with torch.set_grad_enabled(torch.is_grad_enabled() and not training.only_pictures):
        look = network.look(window.view, example.sources, example.depth_range)
    rows = slice(window.top, window.top + window.view.height)
    columns = slice(window.left, window.left + window.view.width)
    image = example.image[:, rows, columns]
    losses = {"picture": _picture_loss(network, look, image, training.picture_side, generator)}
    if training.only_pictures:
        return losses
    places = torch.rand(training.rays, 2, generator=generator).to(example.image.device)
    samples = network.sample(look, places)
    colours, true = samples.colours, sample_maps(image[None], places[None])[0]
    if window.view.valid is not None:
        counted = valid_at(window.view.valid, places[None])[0]
        colours, true = colours[counted], true[counted]
    losses["rgb"] = colour_distance(colours, true)
    if example.depth is not None:
        losses |= _depth_losses(look, samples, places, example.depth[rows, columns])
    for spec, target_map in example.target_features.items():
        maps = (example.source_features[spec], target_map)
        losses |= _feature_losses(network, look, window, example, maps, training, generator)
    return losses


def _picture_loss(
    network: LiftingNetwork,
    look: Look,
    image: Float[Tensor, "3 height width"],
    side: int,
    generator: torch.Generator,
) -> Float[Tensor, ""]:
    """Of a random square of the window; what is refined is taken as it is.

    Pixels at its border lack neighbours that they have in a picture; they do not count, unless all do. Nor do
    those that the target's mask leaves out.
    """
    height, width = image.shape[1:]
    rows, columns = min(side, height), min(side, width)
    corner = torch.rand(2, generator=generator).tolist()
    top, left = int(corner[0] * (height - rows + 1)), int(corner[1] * (width - columns + 1))
    size = image.new_tensor([width, height])
    square = grid_places(rows, columns, image.device) * image.new_tensor([columns, rows])
    places = (square + image.new_tensor([left, top])) / size
    with torch.no_grad():
        shown = exposed_alike(network, look.leading, EXPOSURE_RAYS)
        shares = network.sample(shown, places).by_source
    picture = network.picture(whole_picture([shares], rows, columns))
    true = image[:, top : top + rows, left : left + columns].movedim(0, 2)
    border = REACH if min(rows, columns) > 2 * REACH else 0
    inner = (slice(border, rows - border), slice(border, columns - border))
    picture, true = picture[inner], true[inner]
    if look.target.valid is not None:
        counted = look.target.valid[0, top : top + rows, left : left + columns][inner]
        picture, true = picture[counted], true[counted]
    return picture_error(picture, true)


def _depth_losses(
    look: Look,
    samples: RaySamples,
    places: Float[Tensor, "rays 2"],
    depth: Float[Tensor, "height width"],
) -> dict[str, Float[Tensor, ""]]:
    planes, refined = look.proposal.planes, look.refined
    true = torch.where(depth > 0, planes.index(depth.clamp_min(1e-9)), torch.nan)
    height, width = depth.shape
    cells = (places * places.new_tensor([width, height])).long()
    here = true[cells[:, 1].clamp_max(height - 1), cells[:, 0].clamp_max(width - 1)]
    within = (here >= 0) & (here < planes.count)
    found = planes.index(samples.depth.clamp_min(1e-9))
    finer = _at_cells(true, CELL // FINER)
    rows, columns = finer.shape
    own = (finer - refined.first[:rows, :columns]) / STEP
    return {
        "plane": _entropy(look.proposal.log_probabilities, _at_cells(true, CELL)),
        "fine_plane": _entropy(refined.log_probabilities, own),
        "depth": plane_distance(found, torch.where(within, here, torch.nan)),
    }


def _at_cells(values: Float[Tensor, "height width"], cell: int) -> Tensor:
    """Values at the centres of cells of so many pixels."""
    return values[cell // 2 :: cell, cell // 2 :: cell]


def _entropy(
    log_probabilities: Float[Tensor, "depths all_rows all_columns"],
    index: Float[Tensor, "rows columns"],
) -> Float[Tensor, ""]:
    """Cross-entropy at the cells whose centres are in the window; the others are padding."""
    rows, columns = index.shape
    return plane_cross_entropy(log_probabilities[:, :rows, :columns].flatten(1), index.flatten())


def _feature_losses(
    network: LiftingNetwork,
    look: Look,
    window: _Window,
    example: LiftExample,
    maps: tuple[Tensor, Tensor],
    training: LiftTraining,
    generator: torch.Generator,
) -> dict[str, Float[Tensor, ""]]:
    source_maps, target_map = mixed_channels(maps, generator)
    rows, columns, _ = target_map.shape
    whole = grid_places(rows, columns, device=target_map.device)
    places = window.places(example.target, whole)
    counted = ((places > 0) & (places < 1)).all(dim=1)
    if example.target.valid is not None:
        counted = counted & telling_cells(example.target.valid, rows, columns).flatten()
    inside = torch.nonzero(counted)[:, 0]
    drawn = torch.randperm(len(inside), generator=generator)[: training.feature_rays]
    chosen = inside[drawn.to(inside.device)]
    if len(chosen) == 0:
        return {}
    samples = network.sample(look, places[chosen])
    samples = replace(samples, weights=samples.weights.detach())
    features = feature_maps(source_maps, look.sources.valid)
    rendered = network.features(samples, features, network.blender.describe(features))
    wanted = target_map.reshape(-1, target_map.shape[2])[chosen]
    cosine, square = feature_distances(rendered, wanted, samples.opacity >= LEAST_OPACITY)
    return {"feature_cosine": cosine, "feature_l2": square}


def _window(target: PinholeViews, size: tuple[int, int], generator: torch.Generator) -> _Window:
    """A random part of a target, whose corner lies on a corner of a cell."""
    height, width = min(size[0], target.height), min(size[1], target.width)
    corner = torch.rand(2, generator=generator).tolist()
    top = int(corner[0] * ((target.height - height) // CELL + 1)) * CELL
    left = int(corner[1] * ((target.width - width) // CELL + 1)) * CELL
    return _Window(target.window(top, left, height, width), top, left)
