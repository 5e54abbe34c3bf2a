"""ModelNet40 as meshes: Princeton's `ModelNet40/<class>/train|test/<class>_0001.off`, z upwards.

Points are drawn evenly by area, the same ones every time. Some of the files lack the line break after
the word OFF; both forms are read.
"""

import re
import zlib
from pathlib import Path

import numpy as np
import torch
import trimesh
from jaxtyping import Float, Int

from condense_ns.downstream.labelled_cloud import LabelledCloud, Split, TaskData
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

NAME = "modelnet40_off"
WHERE = "get ModelNet40.zip from modelnet.cs.princeton.edu"
POINTS = 4096
"""Of each shape."""
_HEADER = re.compile(r"\s*OFF\s*")


def read_modelnet40_off(folder: Path) -> TaskData:
    """The data set in a folder; its classes are the folders in it.

    Raises:
        UserError: no folders of meshes.
    """
    names = tuple(sorted(place.name for place in folder.iterdir() if (place / "train").is_dir()))
    if not names:
        raise UserError(f"{folder} holds no folders <class>/train with .off files; {WHERE}")
    train, test = (_split(folder, names, name) for name in ("train", "test"))
    return TaskData(NAME, "classify", names, train, test, voxel_size=None)


def _split(folder: Path, names: tuple[str, ...], split: str) -> Split:
    found = [
        (file, category)
        for category, name in enumerate(names)
        for file in sorted((folder / name / split).glob("*.off"))
    ]

    def read(number: int) -> LabelledCloud:
        file, category = found[number]
        return LabelledCloud(str(file), mesh_cloud(*read_off(file), file), category)

    return Split(read, range(len(found)), [category for _, category in found])


def read_off(
    path: Path,
) -> tuple[Float[np.ndarray, "corners 3"], Int[np.ndarray, "triangles 3"]]:
    """Corners and triangles of a mesh; faces of more corners become fans.

    Raises:
        UserError: no such file, or none of this format.
    """
    try:
        text = path.read_text(encoding="ascii")
        header = _HEADER.match(text)
        if header is None:
            raise ValueError("it does not begin with OFF")
        rows = [line.split() for line in text[header.end() :].splitlines() if line.strip()]
        corners, faces = int(rows[0][0]), int(rows[0][1])
        vertices = np.array(rows[1 : corners + 1], dtype=np.float64).reshape(corners, 3)
        triangles = [
            (int(row[1]), int(row[at]), int(row[at + 1]))
            for row in rows[corners + 1 : corners + faces + 1]
            for at in range(2, int(row[0]))
        ]
        indices = np.array(triangles, dtype=np.int64).reshape(-1, 3)
        if len(indices) == 0 or indices.min() < 0 or indices.max() >= corners:
            raise ValueError("it has no faces, or faces of corners that are not there")
    except (OSError, ValueError, IndexError) as error:
        raise UserError(f"{path} cannot be read as an OFF mesh ({error}); {WHERE}") from error
    return vertices, indices


def mesh_cloud(
    corners: Float[np.ndarray, "corners 3"], triangles: Int[np.ndarray, "triangles 3"], path: Path
) -> PointCloud:
    """Points of a mesh, which its file's name decides on.

    Normals are left to be estimated, as faces of these meshes point either way.

    Raises:
        UserError: the mesh has no area.
    """
    mesh = trimesh.Trimesh(corners, triangles, process=False)
    if not mesh.area > 0:
        raise UserError(f"{path} is a mesh without any area; leave it out")
    seed = zlib.crc32(path.name.encode())
    points = trimesh.sample.sample_surface(mesh, POINTS, seed=seed)[0]
    return PointCloud(torch.from_numpy(np.asarray(points, dtype=np.float64)))
