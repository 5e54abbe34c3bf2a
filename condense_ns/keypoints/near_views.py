"""Which views look at what a view looks at: those that stand near it and look at a place near its own.

A point is found again in such views if in any, so where a scene has very many views there is no need to
look for every candidate in all of them.
"""

import torch
from jaxtyping import Bool, Float64
from scipy.spatial import KDTree
from torch import Tensor

from condense_ns.keypoints.triangulation import Viewpoints


def near_views(
    views: Viewpoints, depths: Float64[Tensor, " views"], count: int
) -> Bool[Tensor, "views others"]:
    """The `count` nearest views of each, itself among them; all, if there are not more.

    Two views are as far apart as their centres and the places that they look at: the root of the sum
    of both squared distances.

    Args:
        views: their poses.
        depths: how far away along its optical axis a view sees things.
        count: at least 1.
    """
    number = len(depths)
    if number <= count:
        return torch.ones(number, number, dtype=torch.bool)
    centres = -torch.einsum("vij,vi->vj", views.rotations, views.translations)
    looked_at = centres + depths[:, None] * views.rotations[:, 2]
    places = torch.cat([centres, looked_at], dim=1).cpu().numpy()
    _, others = KDTree(places).query(places, k=count)
    near = torch.zeros(number, number, dtype=torch.bool)
    return near.scatter_(1, torch.from_numpy(others).reshape(number, count), True)
