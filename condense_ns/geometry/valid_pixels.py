"""Pixels of views that count, and what follows for places, for other pixels, and for cells of feature maps.

Photographs come with masks: a passer-by, the photographer's shadow, a black border are not to be used.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional as F

LEAST_SHARE = 0.5
"""Of a cell's area: a feature tells of all of its cell, so that half of it must count."""
ALL = 1 - 1e-4
"""Of a cell's area, but for rounding."""
GREY = 0.5
"""Where nothing counts."""


def valid_at(
    valid: Bool[Tensor, "views height width"], places: Float[Tensor, "views points 2"]
) -> Bool[Tensor, "views points"]:
    """Whether places lie in pixels that count.

    Args:
        valid: pixels of each view.
        places: (x, y) from 0 to 1 across each view; those beyond its border are asked at the border.
    """
    views, height, width = valid.shape
    size = places.new_tensor([width, height])
    limit = torch.tensor([width - 1, height - 1], device=places.device)
    cells = torch.minimum((places.clamp(0, 1) * size).long(), limit)
    x, y = cells.unbind(dim=-1)
    return valid.reshape(views, -1).gather(1, y * width + x)


def valid_share(
    valid: Bool[Tensor, "views height width"], rows: int, columns: int
) -> Float[Tensor, "views rows columns"]:
    """Share of each cell of a grid over the views, from 0 to 1, that counts."""
    shares = F.interpolate(valid[:, None].float(), (rows, columns), mode="area")
    return shares[:, 0]


def whole_cells(
    valid: Bool[Tensor, "views height width"], rows: int, columns: int
) -> Bool[Tensor, "views rows columns"]:
    """Cells of a grid over the views in which everything counts."""
    return valid_share(valid, rows, columns) >= ALL


def telling_cells(
    valid: Bool[Tensor, "views height width"], rows: int, columns: int
) -> Bool[Tensor, "views rows columns"]:
    """Cells of feature maps that count: those of which at least `LEAST_SHARE` does."""
    return valid_share(valid, rows, columns) >= LEAST_SHARE


def filled(
    image: Float[Tensor, "3 height width"], valid: Bool[Tensor, "height width"]
) -> Float[Tensor, "3 height width"]:
    """The picture with the colour of the nearest pixel that counts in those that do not; grey if none does.

    Networks that look at a neighbourhood then see neither what was masked nor a hole.
    """
    if bool(valid.all()):
        return image
    if not bool(valid.any()):
        return torch.full_like(image, GREY)
    nearest = distance_transform_edt(
        ~valid.cpu().numpy(), return_distances=False, return_indices=True
    )
    rows, columns = torch.from_numpy(np.asarray(nearest)).long().to(image.device)
    return image[:, rows, columns]
