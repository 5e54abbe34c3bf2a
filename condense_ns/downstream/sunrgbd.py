"""SUN RGB-D: boxes around things in 10,335 single RGB-D images; metres, z upwards.

``SUNRGBDMeta3DBB_v2.mat`` holds for each image its depth file, intrinsics `K`, the rotation `Rtilt` that
sets it upright, and `groundtruth3DBB`: centroid, half sizes (`coeffs`), axes (rows of `basis`), class name.
``SUNRGBDtoolbox/traintestSplit/allsplit.mat`` lists the images of both splits. Depth (PNG, 16 bits) is in
millimetres, its bits rotated by three.
"""

import math
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, UInt16
from PIL import Image

from condense_ns.downstream.labelled_cloud import LabelledBoxes, LabelledCloud, Split, TaskData
from condense_ns.downstream.split_lists import check_lists
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

NAME = "sunrgbd"
WHERE = "get SUNRGBD.zip, SUNRGBDtoolbox.zip and SUNRGBDMeta3DBB_v2.mat from rgbd.cs.princeton.edu"
CLASSES = (
    "bed",
    "table",
    "sofa",
    "chair",
    "toilet",
    "desk",
    "dresser",
    "night_stand",
    "bookshelf",
    "bathtub",
)
VOXEL = 0.05
"""Metres."""
FARTHEST = 8.0
"""Metres, beyond which depth is not trusted (by the data set's own toolbox)."""
_ROOT = "SUNRGBD"


def read_sunrgbd(folder: Path) -> TaskData:
    """The data set in the folder that holds `SUNRGBD`, `SUNRGBDtoolbox` and the `.mat` file.

    Raises:
        UserError: a file is missing or of another format, or an image is in both lists.
    """
    path = folder / "SUNRGBDMeta3DBB_v2.mat"
    images = np.atleast_1d(_mat(path, "SUNRGBDMeta"))
    places = {_inside(image.sequenceName): number for number, image in enumerate(images)}
    lists = folder / "SUNRGBDtoolbox" / "traintestSplit" / "allsplit.mat"
    train, test = (
        [_inside(str(entry)) for entry in np.atleast_1d(_mat(lists, name))]
        for name in ("alltrain", "alltest")
    )
    check_lists(NAME, train, test, WHERE)
    splits = [
        Split(
            lambda number: read_image(folder, images[number]),
            [places[place] for place in listed if place in places],
        )
        for listed in (train, test)
    ]
    return TaskData(NAME, "detect", CLASSES, *splits, voxel_size=VOXEL, metres=True)


def _mat(path: Path, name: str) -> Any:
    """A variable of a MATLAB file.

    Raises:
        UserError: no such file or variable.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return loadmat(path, squeeze_me=True, struct_as_record=False)[name]
    except (OSError, ValueError, KeyError, NotImplementedError, TypeError, MatReadError) as error:
        raise UserError(f"{path} cannot be read for its {name} ({error}); {WHERE}") from error


def _inside(place: str) -> str:
    """A place on its authors' disk, from the folder SUNRGBD on."""
    parts = PurePosixPath(place.strip()).parts
    start = parts.index(_ROOT) if _ROOT in parts else 0
    return "/".join(parts[start:])


def read_image(folder: Path, image: Any) -> LabelledCloud:
    """Points of a depth image, upright, with boxes.

    Args:
        folder: of the data set.
        image: what the `.mat` file says of it.

    Raises:
        UserError: no such depth image, or no such description.
    """
    try:
        depth_path = folder / _inside(image.depthpath)
        intrinsics = np.asarray(image.K, dtype=np.float64).reshape(3, 3)
        tilt = np.asarray(image.Rtilt, dtype=np.float64).reshape(3, 3)
        boxes = _boxes(np.atleast_1d(image.groundtruth3DBB))
    except (AttributeError, ValueError, TypeError) as error:
        raise UserError(f"{folder} describes an image wrongly ({error}); {WHERE}") from error
    points = depth_points(_depth(depth_path), intrinsics) @ tilt.T
    cloud, camera = PointCloud(torch.from_numpy(points)), torch.zeros(1, 3)
    return LabelledCloud(str(depth_path), cloud, boxes=boxes, viewpoints=camera)


def _depth(path: Path) -> UInt16[np.ndarray, "height width"]:
    try:
        with Image.open(path) as opened:
            return np.array(opened).astype(np.uint16)
    except (OSError, SyntaxError) as error:
        raise UserError(f"{path} cannot be read as a depth image; {WHERE}") from error


def depth_points(
    depth: UInt16[np.ndarray, "height width"], intrinsics: Float64[np.ndarray, "3 3"]
) -> Float64[np.ndarray, "points 3"]:
    """Points in the camera's space: x to the right, y away from it, z upwards.

    Args:
        depth: as in the files; 0 is unknown.
        intrinsics: pixels; the first pixel's centre is at 1, as in MATLAB.
    """
    metres = ((depth >> 3) | (depth << 13)).astype(np.float64) / 1000
    rows, columns = np.nonzero((metres > 0) & (metres <= FARTHEST))
    away = metres[rows, columns]
    x = (columns + 1 - intrinsics[0, 2]) * away / intrinsics[0, 0]
    z = (rows + 1 - intrinsics[1, 2]) * away / intrinsics[1, 1]
    return np.column_stack([x, away, -z])


def _boxes(things: np.ndarray) -> LabelledBoxes:
    """Boxes of the classes that count."""
    boxes, classes = [], []
    for thing in things:
        name = getattr(thing, "classname", "")
        if name not in CLASSES:
            continue
        basis = np.asarray(thing.basis, dtype=np.float64).reshape(3, 3)
        size = 2 * np.abs(np.asarray(thing.coeffs, dtype=np.float64).reshape(3))
        # Upright axes may come in any order; the vertical one is the one that points up most.
        vertical = int(np.abs(basis[:, 2]).argmax())
        along, across = (axis for axis in range(3) if axis != vertical)
        turn = math.atan2(basis[along, 1], basis[along, 0])
        centre = np.asarray(thing.centroid, dtype=np.float64).reshape(3)
        boxes.append([*centre, size[along], size[across], size[vertical], turn])
        classes.append(CLASSES.index(name))
    stacked = torch.tensor(boxes, dtype=torch.float32).reshape(-1, 7)
    return LabelledBoxes(stacked, torch.tensor(classes, dtype=torch.long))
