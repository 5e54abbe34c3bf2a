"""Latents -> answers: one linear layer, a small network, or a small decoder over touching voxels.

Every head first subtracts a mean from its input and divides by a deviation, one number per channel,
taken once over training clouds and kept (`methods.md` 7.3 allows a batch norm in front): features of any
scale are learned from at the same rate, and no cloud changes what is said of another.
"""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.downstream.volume_pieces import MOST_VOXELS, in_pieces
from condense_ns.errors import UserError
from condense_ns.fields.sparse_convolution import SparseConvolution
from condense_ns.fields.voxel_pyramid import voxel_pyramid
from condense_ns.volumes.sparse_volume import SparseVolume

HeadName = Literal["linear", "mlp", "decoder"]
HIDDEN = 128
"""Width of the hidden layer of `mlp`."""
_LEAST_DEVIATION = 1e-4
_CELL = 16
"""Voxels along the edge of what pieces of a volume are made of; a decoder sees one voxel beyond a piece."""


class Standardised(nn.Module):
    """Subtracts a mean and divides by a deviation that are measured, not learned.

    Args:
        channels: of the features.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))

    @torch.no_grad()
    def measure(self, parts: Iterable[Float[Tensor, "_ channels"]]) -> None:
        """Take mean and deviation over the rows of all parts.

        Args:
            parts: at least one row in all; one part after the other is held in memory.
        """
        count, origin = 0, self.mean.new_zeros(())
        total, squares = self.mean.double() * 0, self.mean.double() * 0
        for some in (some for rows in parts for some in rows.split(MOST_VOXELS)):
            origin = some[0].double() if count == 0 else origin  # so that squares stay small
            values = some.double() - origin
            count += len(values)
            total += values.sum(dim=0)
            squares += values.square().sum(dim=0)
        mean = total / count
        self.mean.copy_(mean + origin)
        deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
        known = deviation > _LEAST_DEVIATION  # a channel that never changes says nothing
        self.deviation.copy_(torch.where(known, deviation, torch.ones_like(deviation)))

    def forward(self, rows: Float[Tensor, "rows channels"]) -> Float[Tensor, "rows channels"]:
        """Standardised rows, in single precision."""
        return (rows.float() - self.mean) / self.deviation


class Head(nn.Module):
    """From rows of features to rows of answers.

    Args:
        name: `linear`; `mlp` with one hidden layer; `decoder`: a 3 x 3 x 3 sparse convolution that
            halves the channels, a norm, ReLU and a linear layer, as ConDense's segmentation head.
        channels: of the features.
        outputs: numbers of an answer.
    """

    def __init__(self, name: HeadName, channels: int, outputs: int) -> None:
        super().__init__()
        self.standardised = Standardised(channels)
        self.convolution = None
        if name == "linear":
            self.layers = nn.Sequential(nn.Linear(channels, outputs))
        elif name == "mlp":
            self.layers = nn.Sequential(
                nn.Linear(channels, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, outputs)
            )
        else:
            half_width = max(1, channels // 2)
            self.convolution = SparseConvolution(channels, half_width)
            self.layers = nn.Sequential(
                nn.LayerNorm(half_width), nn.ReLU(), nn.Linear(half_width, outputs)
            )

    def forward(
        self, rows: Float[Tensor, "rows channels"], volume: SparseVolume
    ) -> Float[Tensor, "rows outputs"]:
        """Answers.

        Args:
            rows: features; of the volume's voxels if the head is a decoder.
            volume: where the voxels are.

        Raises:
            UserError: the head is a decoder, and the rows are no voxels.
        """
        features = self.standardised(rows)
        if self.convolution is not None:
            _refuse_other_rows(features, volume)
            level = voxel_pyramid([volume.voxel_indices], 1).levels[0]
            features = self.convolution(features, level)
        return self.layers(features)

    @torch.no_grad()
    def answered(
        self,
        rows: Float[Tensor, "rows channels"],
        volume: SparseVolume,
        most_rows: int = MOST_VOXELS,
    ) -> Float[Tensor, "rows outputs"]:
        """The same without gradients, and in parts: memory for what lies between is bounded.

        Args:
            rows: as for a call.
            volume: as for a call; a decoder reads it in pieces.
            most_rows: of a part.

        Raises:
            UserError: the head is a decoder, and the rows are no voxels.
        """
        if self.convolution is None:
            return torch.cat([self(some, volume) for some in rows.split(most_rows)])
        _refuse_other_rows(rows, volume)
        return in_pieces(volume, lambda piece, places: self(rows[places], piece), _CELL, most_rows)


def _refuse_other_rows(rows: Float[Tensor, "rows channels"], volume: SparseVolume) -> None:
    """Raises: UserError: rows that are not those of the volume's voxels."""
    if len(rows) != len(volume):
        raise UserError("a decoder needs one feature per voxel; give --head linear or mlp")


def start_as_rare(head: Head, classes: int, share: float) -> None:
    """Make the first answers say of every class, at first, that it is there with a small probability.

    T.-Y. Lin et al., Focal loss for dense object detection, 2017, section 3.3.
    """
    last = head.layers[-1]
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        last.bias[:classes] = torch.logit(torch.tensor(share))


def pooled(latents: Float[Tensor, "voxels channels"]) -> Float[Tensor, "1 features"]:
    """Mean and maximum over the voxels of a cloud, side by side: twice the channels."""
    return torch.cat([latents.mean(dim=0), latents.amax(dim=0)])[None]


def masked(
    logits: Float[Tensor, "rows classes"], allowed: tuple[int, ...]
) -> Float[Tensor, "rows classes"]:
    """Logits of the classes that are allowed; minus infinity elsewhere."""
    keep = torch.zeros(logits.shape[1], dtype=torch.bool, device=logits.device)
    keep[list(allowed)] = True
    return torch.where(keep, logits, torch.full_like(logits, float("-inf")))


def known_cross_entropy(logits: Float[Tensor, "rows classes"], labels: Tensor) -> Float[Tensor, ""]:
    """Mean over rows whose label is known; zero, with a gradient of zero, if none is."""
    known = labels >= 0
    if not bool(known.any()):
        return logits.sum().nan_to_num(0.0, 0.0, 0.0) * 0.0
    return F.cross_entropy(logits[known], labels[known])
