"""Sources as if their poses were right.

Poses of photographs are estimates, and what is looked up in a photograph lies a pixel or so beside what it should
be: mostly by a turn of its camera, which shifts the whole photograph. Where source i sees the surface that a ray p
of the target ends at, its colour C_i is compared with the blend B of all. The shift d_i minimises

    sum_p rho(B(p) - C_i(x_i(p) + d_i)),    rho(e) = S^2 log(1 + (e / S)^2)

by Gauss-Newton with reweighting (Lucas and Kanade's registration with Cauchy's robust weights); the blend follows the
sources after each step. Only differences are found. The target's own pose is taken as it is, and the sources' are taken
to be right in the mean, or else all would follow the one that counts most in the blend.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import pixel_rays, project_pinhole
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.source_exposure import (
    LEAST_SHARED,
    MOST_HIDDEN,
    RAYS,
    exposed_alike,
    spread_places,
)

STEPS = 3
APART = 0.05
"""S: difference of colours, in [0, 1], that counts half."""
MOST_SHIFTED = 0.01
"""Of the photograph's longer side, in one step."""
RIDGE = 1e-3
"""Share of the mean curvature by which shifts are held where nothing tells them."""
HALF_PIXEL = 0.5


def reconciled(network: LiftingNetwork, look: Look) -> Look:
    """The look with sources that are exposed alike and lie on each other."""
    return aligned(network, exposed_alike(network, look))


@torch.no_grad()
def aligned(network: LiftingNetwork, look: Look, rays: int = RAYS) -> Look:
    """The look with sources that are shifted so as to lie on each other.

    Args:
        network: that made the look.
        look: at a target.
        rays: of the target that are looked along.
    """
    places = spread_places(look, rays)
    samples = network.sample(look, places)
    given = samples.by_source
    centre, directions = pixel_rays(places, look.target)
    seen = project_pinhole(centre + samples.surface_depth[:, None] * directions, look.sources)
    counted = seen.inside & (given.hidden < MOST_HIDDEN) & (samples.opacity > 0)
    counted &= counted.sum(dim=1, keepdim=True) >= LEAST_SHARED
    size = places.new_tensor([look.sources.width, look.sources.height])

    def colours(shift: Float[Tensor, "sources 1 2"]) -> Float[Tensor, "sources rays 3"]:
        found = sample_maps(look.maps.images, look.maps.padded(seen.places + shift / size))
        return found * look.gains[:, None]

    shift, turns = places.new_zeros(len(look.sources), 1, 2), _turns(look)
    across, down = (HALF_PIXEL * axis for axis in torch.eye(2).to(places))
    for _ in range(STEPS):
        slopes = torch.stack(
            [colours(shift + one) - colours(shift - one) for one in (across, down)], dim=-1
        )
        step = shift_towards_blend(colours(shift), slopes, given.weights * counted, counted)
        step = among_themselves(step, turns, counted.any(dim=1))
        shift = shift + step[:, None].clamp(-MOST_SHIFTED * size.max(), MOST_SHIFTED * size.max())
    intrinsics = look.sources.intrinsics.clone()
    intrinsics[:, :2, 2] += shift[:, 0]
    return replace(look, sources=replace(look.sources, intrinsics=intrinsics))


def shift_towards_blend(
    colours: Float[Tensor, "sources rays 3"],
    slopes: Float[Tensor, "sources rays 3 2"],
    weights: Float[Tensor, "sources rays"],
    counted: Bool[Tensor, "sources rays"],
) -> Float[Tensor, "sources 2"]:
    """One step of all sources, in pixels.

    Args:
        colours: of the sources where they see the rays' surfaces.
        slopes: of the colours, per pixel to the right and down.
        weights: of the sources in the blend, not negative.
        counted: whether a source sees the surface.
    """
    shares = weights / weights.sum(dim=0).clamp_min(1e-8)
    apart = (shares[..., None] * colours).sum(dim=0) - colours
    alone = shares.sum(dim=0) < 1 - 1e-3  # nobody sees it: there is no blend
    believed = counted[..., None] * ~alone[:, None] / (1 + (apart / APART).square())
    curvature = torch.einsum("irc,irca,ircb->iab", believed, slopes, slopes)
    pull = torch.einsum("irc,irca,irc->ia", believed, slopes, apart)
    held = RIDGE * curvature.diagonal(dim1=1, dim2=2).mean() + 1e-8
    return torch.linalg.solve(curvature + held * torch.eye(2).to(pull), pull)


def among_themselves(
    shifts: Float[Tensor, "sources 2"],
    turns: Float[Tensor, "sources 2 2"],
    counted: Bool[Tensor, " sources"],
) -> Float[Tensor, "sources 2"]:
    """Shifts without what all have in common.

    Args:
        shifts: of the sources, along their own axes.
        turns: from axes of the target's picture to those of the sources'.
        counted: sources that are moved; the others stay.
    """
    in_target = torch.einsum("sba,sb->sa", turns, shifts) * counted[:, None]
    common = in_target.sum(dim=0) / counted.sum().clamp_min(1)
    return (shifts - turns @ common) * counted[:, None]


def _turns(look: Look) -> Float[Tensor, "sources 2 2"]:
    """How much the sources' cameras are turned about their axes against the target's."""
    target = look.target.world_to_camera_cv[:, :3, :3]
    turned = look.sources.world_to_camera_cv[:, :3, :3] @ target.transpose(1, 2)
    angles = torch.atan2(turned[:, 1, 0] - turned[:, 0, 1], turned[:, 0, 0] + turned[:, 1, 1])
    across, down = angles.cos(), angles.sin()
    return torch.stack([across, -down, down, across], dim=1).unflatten(1, (2, 2))
