"""Points beside a scene of `ns-process-data`, in the coordinates of its transforms.json.

Three frames meet here. Cameras of transforms.json, and the points that it names, are in *saved* coordinates;
``applied_transform`` says how these came from those of the *dataset* (COLMAP's), which is where the host's
``dataparser_transform`` begins; it ends in the *model's* frame. The host reads these points for splats only,
and with open3d.
"""

import json
from pathlib import Path
from typing import Any

import torch
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs

from condense_ns.data.scene_place import ScenePlace
from condense_ns.errors import UserError
from condense_ns.export.cloud_file import read_cloud
from condense_ns.geometry.similarity import Similarity
from condense_ns.volumes.from_points import PointCloud

_OF_COLMAP = [[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.0]]
"""What the host takes for ``applied_transform`` of old scenes, which have colmap/sparse/0 and do not say it."""


def points_file(place: ScenePlace) -> Path | None:
    """The file of points that a scene's transforms.json names, if it is there."""
    named = _transforms(place).get("ply_file_path")
    file = _folder(place) / named if isinstance(named, str) else None
    return file if file is not None and file.is_file() else None


def saved_points(place: ScenePlace, outputs: DataparserOutputs) -> PointCloud | None:
    """The points that transforms.json names, in the model's frame; None without any.

    Args:
        place: of the scene.
        outputs: what its data parser made of it.

    Raises:
        UserError: the file is damaged.
    """
    file = points_file(place)
    if file is None:
        return None
    cloud = read_cloud(file)
    return PointCloud(saved_to_model(place, outputs).points(cloud.positions), cloud.colours)


def saved_to_model(place: ScenePlace, outputs: DataparserOutputs) -> Similarity:
    """How points of saved coordinates are moved into the model's frame.

    Where a scene has no transforms.json, or one without ``applied_transform``, the dataset's own coordinates
    are the saved ones.

    Args:
        place: of the scene.
        outputs: what its data parser made of it.

    Raises:
        UserError: ``applied_transform`` cannot be inverted.
    """
    meta = _transforms(place)
    old = meta and (_folder(place) / "colmap" / "sparse" / "0").exists()
    applied = meta.get("applied_transform", _OF_COLMAP if old else None)
    whole = torch.eye(4, dtype=torch.float64)
    if applied is not None:
        whole[:3] = torch.tensor(applied, dtype=torch.float64)[:3]
    transform = torch.eye(4, dtype=torch.float64)
    transform[:3] = outputs.dataparser_transform.double()
    try:
        undone = transform @ torch.linalg.inv(whole)
    except RuntimeError as error:
        raise UserError(
            f"applied_transform of {place.folder} has no inverse; mend transforms.json"
        ) from error
    scale = outputs.dataparser_scale / float(meta.get("applied_scale", 1.0))
    return Similarity.of_dataparser(undone[:3], scale)


def _folder(place: ScenePlace) -> Path:
    return place.folder.parent if place.folder.suffix == ".json" else place.folder


def _transforms(place: ScenePlace) -> dict[str, Any]:
    """What transforms.json says; nothing for other kinds of scenes."""
    file = place.folder if place.folder.suffix == ".json" else place.folder / "transforms.json"
    if place.dataparser != "nerfstudio-data" or not file.is_file():
        return {}
    found = json.loads(file.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}
