"""nerfstudio's hash grid without tinycudann: the same numbers in a fraction of the time.

The host's torch version hashes eight corners one by one and adds gradients up with `index_put_`,
which is where a training step on a CPU spends most of its time. Here all corners are looked up in
one weighted `embedding_bag`, level by level so that a level's table stays in the cache, and
gradients go through `scatter_add_`, in one plain pass per pair of features.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from nerfstudio.field_components.encodings import HashEncoding
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

PRIMES = (1, 2654435761 - (1 << 32), 805459861)
"""The host's factors per axis, as 32-bit numbers: only the low bits of the products are used."""


class FastHashEncoding(HashEncoding):
    """Same parameters, same outputs, same checkpoints as its parent with `implementation="torch"`."""

    def pytorch_fwd(self, in_tensor: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch features"]:
        """Interpolated entries of all levels at positions in [0, 1]^3."""
        positions = in_tensor.reshape(-1, 3)
        rows, weights = self._corners(positions)
        entries = CornerLookup.apply(self.hash_table, rows, weights)
        levels = entries.reshape(self.num_levels, len(positions), self.features_per_level)
        return levels.transpose(0, 1).reshape(*in_tensor.shape[:-1], self.get_out_dim())

    def _corners(
        self, positions: Float[Tensor, "points 3"]
    ) -> tuple[Int[Tensor, "lookups 8"], Float[Tensor, "lookups 8"]]:
        """Table rows of the eight corners around each point, and their trilinear weights.

        One lookup per level and point, level after level.
        """
        device = positions.device
        scaled = positions.T[:, None] * self.scalings.to(device)[:, None]  # 3 levels points
        lower, upper = scaled.detach().floor(), scaled.detach().ceil()
        primes = torch.tensor(PRIMES, dtype=torch.int32, device=device)[:, None, None]
        x, y, z = torch.stack([lower.int() * primes, upper.int() * primes], dim=1)
        hashed = x[:, None, None] ^ y[None, :, None] ^ z[None, None, :]  # 2 2 2 levels points
        offsets = self.hash_offset.to(device).int()[:, None]
        rows = (hashed & (self.hash_table_size - 1)) + offsets
        u, v, w = torch.stack([1.0 - (scaled - lower), scaled - lower], dim=1)
        weights = u[:, None, None] * v[None, :, None] * w[None, None, :]
        return rows.reshape(8, -1).T.contiguous(), weights.reshape(8, -1).T.contiguous()


class CornerLookup(torch.autograd.Function):
    """``out[i] = sum_k weights[i, k] table[rows[i, k]]`` with a fast gradient for the table."""

    @staticmethod
    def forward(
        ctx: Any,
        table: Float[Tensor, "entries features"],
        rows: Int[Tensor, "lookups 8"],
        weights: Float[Tensor, "lookups 8"],
    ) -> Float[Tensor, "lookups features"]:
        """Weighted sums of table rows."""
        ctx.save_for_backward(table, rows, weights)
        return F.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad: Float[Tensor, "lookups features"]
    ) -> tuple[Tensor | None, None, Tensor | None]:
        """Gradients of the table and, where the positions are learned, of the weights."""
        table, rows, weights = ctx.saved_tensors
        of_table = of_weights = None
        if ctx.needs_input_grad[0]:
            of_table = scatter_rows(grad, rows, weights, len(table))
        if ctx.needs_input_grad[2]:
            of_weights = torch.einsum("pkf,pf->pk", table[rows], grad)
        return of_table, None, of_weights


def scatter_rows(
    grad: Float[Tensor, "lookups features"],
    rows: Int[Tensor, "lookups 8"],
    weights: Float[Tensor, "lookups 8"],
    entries: int,
) -> Float[Tensor, "entries features"]:
    """``out[r] = sum over rows[i, k] = r of weights[i, k] grad[i]``.

    Two features travel as one complex number, which halves the passes over memory.
    """
    targets = rows.reshape(-1).long()
    pairs = torch.view_as_complex(grad.float().reshape(len(grad), -1, 2)).unbind(dim=1)
    sums = []
    for pair in pairs:
        total = torch.zeros(entries, dtype=torch.complex64, device=grad.device)
        sums.append(total.scatter_add_(0, targets, (pair[:, None] * weights).reshape(-1)))
    return torch.view_as_real(torch.stack(sums, dim=1)).reshape(entries, -1)


def speed_up_hash_grids(model: nn.Module) -> None:
    """Let every torch hash grid in a model compute the fast way; parameters stay as they are."""
    for module in model.modules():
        if (
            type(module) is HashEncoding
            and module.tcnn_encoding is None
            and module.features_per_level % 2 == 0  # features travel in pairs
        ):
            module.__class__ = FastHashEncoding
