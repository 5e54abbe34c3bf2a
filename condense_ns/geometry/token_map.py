"""Tokens of a vision transformer as a map of cells, so that they are stored as any feature map is.

In the network, the *prefix* (class and register tokens) stands before the patches. In the map it lies in rows
of its own below theirs, and zeros fill the last one: every token is kept as it is, in a cell of its own.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def prefix_rows(prefix: int, columns: int) -> int:
    """Rows that so many tokens take in a map of so many columns."""
    return -(-prefix // columns)


def map_from_tokens(
    tokens: Float[Tensor, "batch tokens width"], prefix: int, columns: int
) -> Float[Tensor, "batch rows columns width"]:
    """The map.

    Args:
        tokens: the prefix, then whole rows of patches.
        prefix: how many tokens are no patches.
        columns: patches in a row.
    """
    in_order = torch.cat([tokens[:, prefix:], tokens[:, :prefix]], dim=1)
    missing = -tokens.shape[1] % columns
    return F.pad(in_order, (0, 0, 0, missing)).unflatten(1, (-1, columns))


def tokens_from_map(
    maps: Float[Tensor, "batch rows columns width"], prefix: int
) -> Float[Tensor, "batch tokens width"]:
    """The tokens again, in the network's order; the inverse of `map_from_tokens`."""
    _, rows, columns, _ = maps.shape
    patches = (rows - prefix_rows(prefix, columns)) * columns
    cells = maps.flatten(1, 2)
    return torch.cat([cells[:, patches : patches + prefix], cells[:, :patches]], dim=1)
