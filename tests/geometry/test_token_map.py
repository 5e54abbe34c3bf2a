"""Tokens in cells and back."""

import pytest
import torch

from condense_ns.geometry.token_map import map_from_tokens, prefix_rows, tokens_from_map


def test_by_hand():
    """A class token, two rows of three patches."""
    tokens = torch.tensor([9.0, 1, 2, 3, 4, 5, 6])[None, :, None]
    found = map_from_tokens(tokens, prefix=1, columns=3)
    assert found[0, :, :, 0].tolist() == [[1, 2, 3], [4, 5, 6], [9, 0, 0]]


@pytest.mark.parametrize(
    ("prefix", "columns", "rows"), [(1, 4, 1), (5, 4, 2), (4, 4, 1), (5, 1, 5)]
)
def test_every_token_comes_back_where_it_was(prefix: int, columns: int, rows: int):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(2, prefix + 3 * columns, 6, generator=generator)
    maps = map_from_tokens(tokens, prefix, columns)
    assert prefix_rows(prefix, columns) == rows
    assert maps.shape == (2, 3 + rows, columns, 6)
    assert torch.equal(tokens_from_map(maps, prefix), tokens)
