"""ScanObjectNN: 15 classes of scanned things, `h5_files` of its authors, y upwards.

=========  ==============================================================  ===============
variant    files in ``h5_files/``                                          background
=========  ==============================================================  ===============
obj_bg     main_split/{training,test}_objectdataset.h5                     yes
obj_only   main_split_nobg/{training,test}_objectdataset.h5                no
hardest    main_split/..._objectdataset_augmentedrot_scale75.h5            yes (PB_T50_RS)
=========  ==============================================================  ===============
"""

from pathlib import Path

import numpy as np
import torch

from condense_ns.downstream.h5_arrays import check_clouds, read_h5
from condense_ns.downstream.labelled_cloud import LabelledCloud, Split, TaskData
from condense_ns.downstream.upright import upright
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

NAME = "scanobjectnn"
WHERE = "ask its authors for h5_files.zip at hkust-vgd.github.io/scanobjectnn"
CLASSES = (
    "bag",
    "bin",
    "box",
    "cabinet",
    "chair",
    "desk",
    "display",
    "door",
    "shelf",
    "table",
    "bed",
    "pillow",
    "sink",
    "sofa",
    "toilet",
)
VARIANTS = {
    "obj_bg": ("main_split", "objectdataset"),
    "obj_only": ("main_split_nobg", "objectdataset"),
    "hardest": ("main_split", "objectdataset_augmentedrot_scale75"),
}
"""Folder and end of the files' names."""
USUAL_VARIANT = "hardest"


def read_scanobjectnn(folder: Path, variant: str = USUAL_VARIANT) -> TaskData:
    """One variant of the data set in `h5_files`, or in the folder above it.

    Raises:
        UserError: no such variant; a file is missing, damaged, or of another format.
    """
    if variant not in VARIANTS:
        raise UserError(f"{NAME} has no variant {variant!r}; use one of {', '.join(VARIANTS)}")
    inner = folder / "h5_files"
    place, ending = VARIANTS[variant]
    files = (inner if inner.is_dir() else folder) / place
    train, test = (_split(files / f"{name}_{ending}.h5") for name in ("training", "test"))
    return TaskData(f"{NAME} {variant}", "classify", CLASSES, train, test, voxel_size=None)


def _split(path: Path) -> Split:
    arrays = read_h5(path, ("data", "label"), WHERE)
    points = arrays["data"]
    check_clouds(points, path, WHERE)
    categories = arrays["label"].reshape(-1).astype(np.int64).tolist()

    def read(number: int) -> LabelledCloud:
        positions = upright(torch.from_numpy(points[number].astype(np.float64)))
        return LabelledCloud(f"{path} shape {number}", PointCloud(positions), categories[number])

    return Split(read, range(len(points)), categories)
