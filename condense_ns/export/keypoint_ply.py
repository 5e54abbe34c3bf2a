"""A keypoint set as a PLY file, for the eye."""

from pathlib import Path

from jaxtyping import Int64
from torch import Tensor

from condense_ns.export.ply import COLOUR, NORMAL, PRECISE_POSITION, filled, write_ply
from condense_ns.keypoints.keypoint_set import Keypoints3D


def write_keypoint_ply(path: Path, keypoints: Keypoints3D) -> None:
    """Write a binary PLY in the frame of the set; `path` is never left half-written.

    MeshLab shows the score as the quality of a vertex; CloudCompare lists all properties whose
    names begin with ``scalar_``.

    Args:
        path: the file; its folder is made if missing.
        keypoints: what to write; descriptors and observations are left out.

    Raises:
        UserError: the file cannot be written.
    """
    levels = (keypoints.colours.clamp(0.0, 1.0) * 255.0).round().byte()
    scalars = {
        "quality": keypoints.scores,
        "scalar_score": keypoints.scores,
        "scalar_uncertainty": keypoints.uncertainty,
        "scalar_scale": keypoints.scales,
    }
    groups = [
        (PRECISE_POSITION, keypoints.xyz.cpu().numpy()),
        (NORMAL, keypoints.normals.cpu().numpy()),
        (COLOUR, levels.cpu().numpy()),
        *(([(name, "f4")], values.cpu().numpy()[:, None]) for name, values in scalars.items()),
        ([("scalar_views", "i4")], _view_counts(keypoints).cpu().numpy()[:, None]),
    ]
    write_ply(path, {"vertex": filled(len(keypoints), groups)})


def _view_counts(keypoints: Keypoints3D) -> Int64[Tensor, " keypoints"]:
    """How many views see each keypoint."""
    seen, views = keypoints.observations, len(keypoints.views)
    pairs = (seen.keypoints * views + seen.views).unique()  # one may be seen twice in one view
    return (pairs // max(views, 1)).bincount(minlength=len(keypoints))
