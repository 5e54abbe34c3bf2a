"""Bilinear lookup in feature maps at continuous pixel coordinates.

A map's grid covers the whole image (`encoders/base.py`): the pixel coordinate ``x`` of an image
``width`` pixels wide lies at the cell coordinate ``x * columns / width``. First centres are 0.5,
for pixels and for cells. Cell (row, column) is number ``row * columns + column``. Beyond the centres
of the outermost cells the map is constant (border clamping).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


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


def on_grid(
    feature_map: Float[Tensor, "own_rows own_columns channels"], rows: int, columns: int
) -> Float[Tensor, "rows columns channels"]:
    """The map at the centres of other cells, such as the pixels of its image; itself if they are its own."""
    if feature_map.shape[:2] == (rows, columns):
        return feature_map
    first = feature_map.permute(2, 0, 1)[None]
    resized = F.interpolate(first, (rows, columns), mode="bilinear", align_corners=False)
    return resized[0].permute(1, 2, 0)


def sample_maps(
    maps: Float[Tensor, "views channels rows columns"], places: Float[Tensor, "views points 2"]
) -> Float[Tensor, "views points channels"]:
    """Values of one map per view at places from 0 to 1 across it; differentiable in the maps.

    Args:
        maps: channels first, as convolutions leave them; for a handful of channels.
        places: continuous (x, y); those beyond the border get the border's value.
    """
    found = F.grid_sample(maps, 2 * places[:, None] - 1, padding_mode="border", align_corners=False)
    return found[:, :, 0].transpose(1, 2)


def sample_cells(
    maps: Float[Tensor, "views rows columns channels"], places: Float[Tensor, "views points 2"]
) -> Float[Tensor, "views points channels"]:
    """The same for maps with channels last and many channels.

    Args:
        maps: one per view.
        places: continuous (x, y) from 0 to 1.
    """
    views, rows, columns, channels = maps.shape
    cells, weights = map_cells(places, rows, columns)
    found = F.embedding_bag(
        cells.flatten(0, 1),
        maps.reshape(-1, channels),
        per_sample_weights=weights.flatten(0, 1).to(maps.dtype),
        mode="sum",
    )
    return found.reshape(views, -1, channels)


def map_cells(
    places: Float[Tensor, "views points 2"], rows: int, columns: int
) -> tuple[Int[Tensor, "views points 4"], Float[Tensor, "views points 4"]]:
    """Cells around places in maps that lie one after the other, and their weights.

    Args:
        places: continuous (x, y) from 0 to 1, in the map of the same view.
        rows: of every map.
        columns: of every map.
    """
    views = len(places)
    size = places.new_tensor([columns, rows])
    cells, weights = bilinear_cells((places * size).flatten(0, 1), rows, columns)
    first = rows * columns * torch.arange(views, device=places.device)
    return cells.reshape(views, -1, 4) + first[:, None, None], weights.reshape(views, -1, 4)


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
