"""The objective ``refine``: the 2D branch on its own, of which views of one scene are compared.

It is a part of ``condense``, too, where the 2D branch also meets the 3D one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.interpolation import sample_cells
from condense_ns.losses.branches import feature_distance, two_view_losses
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.pair_landings import Landings
from condense_ns.pretraining.pretrain_example import PretrainExample, TrunkMap


@dataclass(frozen=True)
class RefinedMaps:
    """What the 2D branch makes of one encoder's maps, all standardised."""

    original: Float[Tensor, "views rows columns channels"]
    """The encoder's own."""
    refined: Float[Tensor, "views rows columns channels"]
    read_out: Float[Tensor, "views rows columns channels"]
    """What a linear layer makes of the refined ones, to tell the encoder's from them."""


def refined_maps(
    network: JointNetwork,
    spec: str,
    maps: Float[Tensor, "views rows columns channels"],
    trunks: Sequence[TrunkMap],
) -> RefinedMaps:
    """Of an encoder's views; arguments as for `JointNetwork.refined`, but maps in the encoder's units."""
    original = network.standardised(spec, maps)
    refined = network.refined(spec, original, trunks)
    return RefinedMaps(original, refined, network.branch_2d.read_out(spec, refined))


def refinement_losses(
    maps: RefinedMaps, example: PretrainExample, spec: str
) -> dict[str, Float[Tensor, ""]]:
    """``anchor`` and, of views that have a next one, the losses of `two_view_losses`."""
    counted = example.seen[spec].counted.flatten()
    original = maps.original.flatten(0, 2)
    losses = {
        "anchor": feature_distance(maps.refined.flatten(0, 2), original, counted.to(original))
    }
    if spec in example.landings:
        losses |= _between_views(maps, example.sighted.get(spec, example.landings[spec]))
    return losses


def _between_views(maps: RefinedMaps, landings: Landings) -> dict[str, Float[Tensor, ""]]:
    """What the 2D branch says of a surface, beside what is said of it in the next view."""
    both = torch.cat([maps.original, maps.refined], dim=-1).roll(-1, dims=0)
    there = sample_cells(both, landings.places.clamp(0, 1)).flatten(0, 1)
    original, refined = there.chunk(2, dim=-1)
    return two_view_losses(
        maps.refined.flatten(0, 2),
        maps.read_out.flatten(0, 2),
        original,
        refined,
        landings.shared.flatten().to(there),
    )
