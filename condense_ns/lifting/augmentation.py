"""Other photographs and other encoders made of those that there are, while training.

Colours are swapped and bent; sources get the faults of real ones: noise, an exposure of their own, a pose
that is a little wrong. Channels of features are mixed and thinned, so that no encoder's own are learnt.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lift_example import LiftExample

BENT = 0.35
"""Largest logarithm of the exponent of a colour."""
TURNED = 1.0
"""Pixels in the middle of a source that its wrong pose is worth: the largest standard deviation."""
EXPOSED = 0.1
"""Largest standard deviation of the logarithm of a source's exposure."""
NOISE = 0.02
"""Largest standard deviation of a pixel's noise."""
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


def faulty(example: LiftExample, generator: torch.Generator) -> LiftExample:
    """Sources with wrong poses, exposures of their own and noise, in all degrees from none; the target stays.

    The degree of each fault is the square of a uniform draw, so that most examples are nearly clean.
    """
    images, cameras = example.sources.images, example.sources.cameras
    turned, exposed, noisy = torch.rand(3, generator=generator).square().tolist()
    gains = torch.randn(len(images), 1, 1, 1, generator=generator) * exposed * EXPOSED
    noise = torch.randn(images.shape, generator=generator) * noisy * NOISE
    changed = (images * gains.exp().to(images) + noise.to(images)).clamp(0, 1)
    angles = torch.randn(len(images), 3, generator=generator) * turned * TURNED
    pose = cameras.world_to_camera_cv
    angles = angles.to(pose) / cameras.intrinsics[:, :1, 0]
    turn = torch.eye(4).to(pose).repeat(len(images), 1, 1)
    turn[:, :3, :3] = torch.linalg.matrix_exp(_crossing(angles))
    cameras = replace(cameras, world_to_camera_cv=turn @ pose)
    return replace(example, sources=SourceViews(cameras, changed))


def _crossing(vectors: Float[Tensor, "vectors 3"]) -> Float[Tensor, "vectors 3 3"]:
    """Matrices whose products with a vector are the cross products with these."""
    x, y, z = vectors.unbind(dim=1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)


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
