"""A keypoint set as a sparse model of COLMAP, in its frame."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64

from condense_ns.errors import UserError
from condense_ns.geometry.colmap_lens import colmap_lens
from condense_ns.geometry.conventions import world_to_camera_cv
from condense_ns.geometry.projection import Camera
from condense_ns.keypoints.keypoint_set import Keypoints3D, Observations, SeenView
from condense_ns.whole_files import whole_folder

if TYPE_CHECKING:
    from pycolmap import Reconstruction

Lens = tuple[str, tuple[float, ...], int, int]
"""COLMAP's name of the model, its parameters, and the size of the image in pixels."""


def write_colmap(folder: Path, keypoints: Keypoints3D) -> None:
    """Write the model twice: as text in ``text`` and as binary files in ``binary``.

    Views with equal lenses share one camera of COLMAP. The error of a point is the mean distance
    in pixels between where it was seen and where it projects to. In the text, COLMAP itself reads
    names of photographs only up to their first blank; the binary files keep them whole.

    Args:
        folder: never left half-written; an older model in it is replaced.
        keypoints: what to write. Keypoint number n becomes COLMAP's point n + 1, view number n its
            image n + 1.

    Raises:
        UserError: COLMAP has no such lens, the folder cannot be written, or it holds other files.
    """
    lenses = [_lens(view) for view in keypoints.views]
    model = _model(keypoints, lenses)
    with whole_folder(folder) as unfinished:
        for name, write in (("text", model.write_text), ("binary", model.write_binary)):
            (unfinished / name).mkdir()
            write(unfinished / name)


def _lens(view: SeenView) -> Lens:
    """The lens of a view, in the words of COLMAP.

    Raises:
        UserError: there is none.
    """
    camera = view.camera
    try:
        lens = colmap_lens(
            camera.focal.tolist(),
            camera.centre.tolist(),
            camera.distortion.tolist(),
            camera.fisheye,
        )
    except UserError as error:
        raise UserError(f"{view.name}: {error}") from error
    return lens.model, lens.parameters, camera.width, camera.height


def _model(keypoints: Keypoints3D, lenses: list[Lens]) -> "Reconstruction":
    """The model in memory."""
    import pycolmap  # takes a while, and only this needs it

    model = pycolmap.Reconstruction()
    camera_numbers = {lens: number for number, lens in enumerate(dict.fromkeys(lenses), start=1)}
    for (name, parameters, width, height), number in camera_numbers.items():
        model.add_camera_with_trivial_rig(
            pycolmap.Camera(
                camera_id=number, model=name, width=width, height=height, params=parameters
            )
        )
    seen = keypoints.observations
    for number, (view, lens) in enumerate(zip(keypoints.views, lenses, strict=True)):
        image = pycolmap.Image(
            name=view.name,
            keypoints=seen.pixels[seen.views == number].double().cpu().numpy(),
            camera_id=camera_numbers[lens],
            image_id=number + 1,
        )
        pose = _camera_from_world(view.camera)
        rotation = pycolmap.Rotation3d(pose[:, :3])
        rotation.normalize()
        model.add_image_with_trivial_frame(image, pycolmap.Rigid3d(rotation, pose[:, 3]))
    levels = (keypoints.colours.clamp(0.0, 1.0) * 255.0).round().byte().cpu().numpy()
    tracks = _tracks(seen, len(keypoints))
    for xyz, track, level in zip(keypoints.xyz.cpu().numpy(), tracks, levels, strict=True):
        elements = [pycolmap.TrackElement(image, place) for image, place in track]
        model.add_point3D(xyz, pycolmap.Track(elements), level)
    model.update_point_3d_errors()
    return model


def _tracks(seen: Observations, count: int) -> list[list[tuple[int, int]]]:
    """For each keypoint COLMAP's numbers of its images, and its places in their lists of points."""
    tracks: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    places: dict[int, int] = {}
    for keypoint, view in zip(seen.keypoints.tolist(), seen.views.tolist(), strict=True):
        place = places.get(view, 0)
        places[view] = place + 1
        tracks[keypoint].append((view + 1, place))
    return tracks


def _camera_from_world(camera: Camera) -> Float64[np.ndarray, "3 4"]:
    """COLMAP's pose: world to camera, x right, y down, looking along z."""
    rotation, shift = world_to_camera_cv(camera.camera_to_world.double().cpu())
    return torch.cat([rotation, shift[:, None]], dim=1).numpy()
