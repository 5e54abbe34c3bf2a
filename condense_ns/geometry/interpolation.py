"""Bilinear lookup in feature maps at continuous pixel coordinates.

A map's grid covers the whole image (`encoders/base.py`): the pixel coordinate ``x`` of an image
``width`` pixels wide lies at the cell coordinate ``x * columns / width``. First centres are 0.5,
for pixels and for cells. Cell (row, column) is number ``row * columns + column``. Beyond the centres
of the outermost cells the map is constant (border clamping).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def bilinear_cells(
    xy_cells: Float[Tensor, "queries 2"],
    rows: Int[Tensor, " queries"] | int,
    columns: Int[Tensor, " queries"] | int,
) -> tuple[Int[Tensor, "queries 4"], Float[Tensor, "queries 4"]]:
    """The four cells around each query and their weights, which sum to one.

    Args:
        xy_cells: continuous (x, y) cell coordinates.
        rows: height of the grid, one for all queries or one each.
        columns: width of the grid, likewise.

    Returns:
        Row-major numbers of the cells at upper left, upper right, lower left, lower right, and
        their weights. At a border a cell may appear twice.
    """
    left, right, towards_right = _neighbours(xy_cells[:, 0], columns)
    upper, lower, towards_lower = _neighbours(xy_cells[:, 1], rows)
    cells = torch.stack(
        [
            upper * columns + left,
            upper * columns + right,
            lower * columns + left,
            lower * columns + right,
        ],
        dim=1,
    )
    towards_left, towards_upper = 1 - towards_right, 1 - towards_lower
    weights = torch.stack(
        [
            towards_upper * towards_left,
            towards_upper * towards_right,
            towards_lower * towards_left,
            towards_lower * towards_right,
        ],
        dim=1,
    )
    return cells, weights


def sample_map(
    feature_map: Float[Tensor, "rows columns channels"],
    pixels_xy: Float[Tensor, "queries 2"],
    image_size: tuple[int, int],
) -> Float[Tensor, "queries channels"]:
    """Features of one map at pixels of its image.

    Args:
        feature_map: covers the whole image.
        pixels_xy: continuous (x, y) pixel coordinates.
        image_size: height and width of the image in pixels.
    """
    rows, columns, _ = feature_map.shape
    height, width = image_size
    cells_per_pixel = pixels_xy.new_tensor([columns / width, rows / height])
    cells, weights = bilinear_cells(pixels_xy * cells_per_pixel, rows, columns)
    return (feature_map.flatten(0, 1)[cells] * weights[..., None]).sum(dim=1)


def _neighbours(
    positions: Float[Tensor, " queries"], count: Int[Tensor, " queries"] | int
) -> tuple[Int[Tensor, " queries"], Int[Tensor, " queries"], Float[Tensor, " queries"]]:
    """Cells before and after each position along one axis, and the weight of the one after."""
    last = torch.as_tensor(count, device=positions.device) - 1
    clamped = torch.minimum((positions - 0.5).clamp_min(0), last.to(positions.dtype))
    before = clamped.floor()
    after_weight = clamped - before
    before = before.long()
    return before, torch.minimum(before + 1, last), after_weight
