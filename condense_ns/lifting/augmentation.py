"""Other photographs and other encoders made of those that there are, while training.

Colours are swapped and bent; channels of features are mixed and thinned, so that no encoder's own are
learnt.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.lifting.lift_example import LiftExample

BENT = 0.35
"""Largest logarithm of the exponent of a colour."""
MIXED_SHARE, THINNED_SHARE = 0.5, 0.3
"""Of the draws."""
REFLECTIONS = 3
LEAST_KEPT = 0.25
"""Of the channels."""


def recoloured(example: LiftExample, generator: torch.Generator) -> LiftExample:
    """Target and sources with their colours swapped, each raised to some power."""
    order = torch.randperm(3, generator=generator)
    exponents = (BENT * (2 * torch.rand(3, generator=generator) - 1)).exp()[:, None, None]
    exponents, order = exponents.to(example.image), order.to(example.image.device)
    sources = replace(example.sources, images=example.sources.images[:, order] ** exponents)
    return replace(example, image=example.image[order] ** exponents, sources=sources)


def mixed_channels(
    maps: tuple[Tensor, Tensor], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The same random change of channels for maps of sources and target, channels last.

    Either nothing; or a product of reflections, which keeps all angles; or some of the channels; or both.
    """
    device, channels = maps[0].device, maps[0].shape[-1]
    thinned, mixed = (
        torch.rand(2, generator=generator) < torch.tensor([THINNED_SHARE, MIXED_SHARE])
    ).tolist()
    if thinned and channels > 1:
        share = LEAST_KEPT + (1 - LEAST_KEPT) * float(torch.rand((), generator=generator))
        order = torch.randperm(channels, generator=generator)[: max(1, round(share * channels))]
        maps = maps[0][..., order.to(device)], maps[1][..., order.to(device)]
    if mixed:
        for _ in range(REFLECTIONS):
            axis = torch.randn(maps[0].shape[-1], generator=generator).to(device)
            maps = reflected(maps[0], axis), reflected(maps[1], axis)
    return maps


def reflected(
    features: Float[Tensor, "*cells channels"], axis: Float[Tensor, " channels"]
) -> Float[Tensor, "*cells channels"]:
    """Features mirrored at the plane through the origin that is normal to an axis."""
    unit = axis / torch.linalg.vector_norm(axis).clamp_min(1e-12)
    return features - 2 * (features @ unit)[..., None] * unit
