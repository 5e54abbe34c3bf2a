"""From where the scene says a camera is to where its dataset would say that it is.

The views of a keypoint set have two poses: the one in which points and photographs agree, and the one
that the dataset gives. Where a dataset's poses drift these differ, and neighbours differ alike. A camera
that was found among the points is moved as its two nearest views are, so that poses of
photographs and poses of the dataset can be compared. Without drift nothing moves.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

from condense_ns.geometry.rotations import angles_between, nearest_rotation
from condense_ns.keypoints.keypoint_set import SeenView

NEIGHBOURS = 2
SOFTENING = (
    1e-3  # of the mean distance between neighbouring views: a view is not infinitely near itself
)


def in_given_poses(
    camera_to_world: Float64[Tensor, "3 4"], views: tuple[SeenView, ...]
) -> Float64[Tensor, "3 4"]:
    """The pose as the dataset would give it.

    Args:
        camera_to_world: found among the points of the set.
        views: of the set, in the same frame; without any, the pose stays as it is.
    """
    if not views:
        return camera_to_world
    agreed = torch.stack([view.camera.camera_to_world.double() for view in views])
    given = torch.stack([view.given_pose.double() for view in views])
    distances = _distances(camera_to_world, agreed)
    near, chosen = distances.topk(min(NEIGHBOURS, len(views)), largest=False)
    weights = (near + SOFTENING).square().reciprocal()
    weights = (weights / weights.sum())[:, None, None]
    # in the camera's own axes neighbours are moved alike wherever they look
    agreed_axes, given_axes = (nearest_rotation(poses[chosen, :, :3]) for poses in (agreed, given))
    turn = nearest_rotation((weights * (agreed_axes.transpose(1, 2) @ given_axes)).sum(dim=0))
    shifts = (given - agreed)[chosen, :, 3:]
    shift = (weights * (agreed_axes.transpose(1, 2) @ shifts)).sum(dim=0)
    axes = nearest_rotation(camera_to_world[:, :3])
    return torch.cat([axes @ turn, camera_to_world[:, 3:] + axes @ shift], dim=1)


def _distances(
    pose: Float64[Tensor, "3 4"], poses: Float64[Tensor, "views 3 4"]
) -> Float64[Tensor, " views"]:
    """How far views are in place and in direction, both in steps from one view to its nearest."""
    centres, axes = poses[:, :, 3], poses[:, :, :3]
    apart = torch.linalg.vector_norm(centres - pose[:, 3], dim=1)
    turned = angles_between(pose[:, :3], axes)
    if len(poses) < 2:
        return apart + turned
    own = torch.eye(len(poses), dtype=torch.bool)
    between = torch.cdist(centres, centres).masked_fill(own, torch.inf)
    nearest = between.argmin(dim=1)
    step = between.gather(1, nearest[:, None]).median().clamp_min(1e-12)
    turns = torch.stack(
        [angles_between(axes[i], axes[n : n + 1])[0] for i, n in enumerate(nearest)]
    )
    return apart / step + turned / turns.median().clamp_min(1e-3)
