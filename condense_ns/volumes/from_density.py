"""A fitted radiance field -> SparseVolume, from coarse to fine.

Voxels of 2^`halvings` times the final size fill the box. In each round a voxel is probed at the centres
of its eight children; those where the density is high anywhere are kept with their neighbours, so that
a surface between the probes is not lost, and halved. Only the last round is strict: its density is the
mean of the eight, its normal the direction in which their logarithm falls.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import REACH, grown_keys, indices_of, voxel_keys

LEAST_DENSITY = 1e-6
"""Emptiness has no logarithm."""
BATCH = 1 << 16
"""Positions per call of a field."""
MOST_VOXELS = 20_000_000

Density = Callable[[Float[Tensor, "positions 3"]], Float[Tensor, " positions"]]
Colour = Callable[[Float[Tensor, "positions 3"], Float[Tensor, "positions 3"]], Tensor]
Visible = Callable[[Float[Tensor, "positions 3"]], Bool[Tensor, " positions"]]


@dataclass(frozen=True)
class FieldSampling:
    """How a field is cut into voxels."""

    voxel_size: float
    """Scene units."""
    least_opacity: float = 0.1
    """Share of the light that a voxel must stop from face to face, above 0 and below 1."""
    halvings: int = 3
    """Between the first round and the last."""
    early_share: float = 0.1
    """Of the density asked for in the last round, which is enough in the rounds before."""

    @property
    def least_density(self) -> float:
        """That stops so much."""
        return -float(torch.log1p(torch.tensor(-self.least_opacity))) / self.voxel_size


def volume_from_density(
    density: Density,
    colour: Colour,
    low: Float[Tensor, "3"],
    high: Float[Tensor, "3"],
    sampling: FieldSampling,
    visible: Visible | None = None,
    name: str = "the field",
) -> SparseVolume:
    """The voxels of a box that are not transparent.

    Args:
        density: positions to densities, at least 0.
        colour: positions and unit viewing directions to RGB in [0, 1]; the directions are those of a
            camera that looks squarely at the surface, zero where it is not known how.
        low: lowest corner of the box.
        high: highest corner.
        sampling: how.
        visible: which of the final voxels' centres are kept, e.g. those that a camera sees; all if
            None. What is inside of things need not be known.
        name: how to call the field in messages.

    Raises:
        UserError: an empty box, too many voxels in it, a density that is not finite, or none.
    """
    origin = low.double()
    count = _coarsest(origin, high.double(), sampling, name)
    indices = torch.cartesian_prod(*(torch.arange(n) for n in count.tolist()))
    for remaining in range(sampling.halvings, 0, -1):
        size = sampling.voxel_size * 2**remaining
        found = _probed(density, indices, origin, size, name).amax(dim=1)
        enough = found > sampling.early_share * sampling.least_density
        indices = _children(_grown(indices[enough], count))
        count = count * 2
        if len(indices) > MOST_VOXELS:
            raise UserError(
                f"{name} has more than {MOST_VOXELS} voxels to look at; give larger ones, a smaller "
                "box or a higher least opacity"
            )
    probes = _probed(density, indices, origin, sampling.voxel_size, name)
    dense = probes.mean(dim=1) > sampling.least_density
    volume = _volume(indices[dense], probes[dense], origin, sampling.voxel_size)
    if visible is not None:
        seen = torch.cat([visible(part) for part in volume.centres.split(BATCH)])
        volume = volume.chosen(torch.nonzero(seen)[:, 0])
    if len(volume) == 0:
        raise UserError(
            f"{name} is empty in its box: nowhere does a voxel stop {sampling.least_opacity:.0%} of "
            "the light where a camera looks; train it longer"
        )
    centres, directions = volume.centres.split(BATCH), (-volume.normal).split(BATCH)
    found = [colour(at, along) for at, along in zip(centres, directions, strict=True)]
    return replace(volume, colour=torch.cat(found).float().clamp(0, 1))


def _coarsest(
    low: Float64[Tensor, "3"], high: Float64[Tensor, "3"], sampling: FieldSampling, name: str
) -> Int64[Tensor, "3"]:
    """Voxels of the first round along each axis.

    Raises:
        UserError: none, or too many.
    """
    if not (torch.isfinite(high - low).all() and (high > low).all() and sampling.voxel_size > 0):
        raise UserError(
            f"{name} has no box to look in: {low.tolist()} to {high.tolist()} in voxels of size "
            f"{sampling.voxel_size}; give a larger one"
        )
    count = ((high - low) / (sampling.voxel_size * 2**sampling.halvings)).ceil()
    if count.prod() > MOST_VOXELS or count.max() * 2**sampling.halvings > REACH:
        raise UserError(f"{name} has a box of too many voxels; give larger voxels or a smaller box")
    return count.long()


def _probed(
    density: Density,
    indices: Int64[Tensor, "voxels 3"],
    origin: Float64[Tensor, "3"],
    size: float,
    name: str,
) -> Float[Tensor, "voxels 8"]:
    """Densities at the centres of the voxels' children.

    Raises:
        UserError: one is not finite.
    """
    found = [torch.empty(0, 8)]
    for part in indices.split(BATCH // 8):
        places = part.double()[:, None] + 0.5 + 0.25 * _corners().double()
        positions = (origin + places * size).float().reshape(-1, 3)
        found.append(density(positions).float().reshape(-1, 8))
    probes = torch.cat(found)
    if not torch.isfinite(probes.sum(dtype=torch.float64)):
        raise UserError(f"{name} has a density that is not finite; train it anew")
    return probes


def _volume(
    indices: Int64[Tensor, "voxels 3"],
    probes: Float[Tensor, "voxels 8"],
    origin: Float64[Tensor, "3"],
    voxel_size: float,
) -> SparseVolume:
    """Voxels of the last round, black so far, in their order."""
    order = voxel_keys(indices).argsort()
    indices, probes = indices[order], probes[order]
    levels = probes.clamp_min(LEAST_DENSITY).log()
    levels = levels - levels.mean(dim=1, keepdim=True)  # else rounding tilts what is constant
    return SparseVolume(
        voxel_indices=indices.int(),
        voxel_size=voxel_size,
        origin=origin,
        density=probes.mean(dim=1).clamp_min(0),
        colour=torch.zeros(len(indices), 3),
        normal=F.normalize(-levels @ _corners(), dim=1, eps=1e-6),
        kind="radiance",
    )


def _corners() -> Float[Tensor, "8 3"]:
    """Of a cube from -1 to 1."""
    return torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)


def _grown(
    indices: Int64[Tensor, "voxels 3"], count: Int64[Tensor, "3"]
) -> Int64[Tensor, "more 3"]:
    """Voxels and all around them within the box."""
    grown = indices_of(grown_keys(voxel_keys(indices)))
    return grown[((grown >= 0) & (grown < count)).all(dim=1)]


def _children(indices: Int64[Tensor, "voxels 3"]) -> Int64[Tensor, "children 3"]:
    """The eight halves of each voxel."""
    return (2 * indices[:, None] + (_corners().long() + 1) // 2).reshape(-1, 3)
