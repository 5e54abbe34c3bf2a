"""Is this scene usable? Asked before any long work; every refusal names the file or field.

`check_scene_file` reads a nerfstudio `transforms.json` before the data parser does, because one NaN
there turns *all* poses into NaN once they have been centred. `check_split` looks at what any data
parser returned.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from PIL import Image

from condense_ns.data.photograph_pixels import converted
from condense_ns.errors import UserError

MIN_IMAGES = 2
_SAME_PLACE = 5e-7
"""Of the coordinates: cameras that differ by less are at one place in single precision."""
FOCAL_KEYS = ("fl_x", "fl_y")
UNREADABLE = (OSError, SyntaxError, Image.DecompressionBombError)
"""What Pillow raises, depending on the format, for files that are damaged or claim to be huge."""


def check_scene_file(data: Path) -> None:
    """Check `transforms.json` in `data`, if there is one (or `data` itself, if it is the file).

    Raises:
        UserError: not readable, no frames, a missing image, a NaN or singular pose, a focal length
            that is not positive, fewer than two photographs, or all from one place.
    """
    if not data.exists():
        raise UserError(f"no scene at {data}: give the folder that holds transforms.json as --data")
    file = data if data.suffix == ".json" else data / "transforms.json"
    if not file.exists():
        return
    try:
        meta = json.loads(file.read_text())
    except ValueError as error:
        raise UserError(f"{file} is not valid JSON ({error}); write it again") from error
    frames = meta.get("frames") if isinstance(meta, dict) else None
    if not frames:
        raise UserError(f"{file} lists no frames; run ns-process-data again")
    _check_focal(meta, file, "the scene")
    for frame in frames:
        _check_frame(frame, file)
    _check_places(np.array([frame["transform_matrix"] for frame in frames])[:, :3, 3], file)


def _check_frame(frame: dict[str, Any], file: Path) -> None:
    name = frame.get("file_path", "a frame without file_path")
    if not (file.parent / name).exists():
        raise UserError(f"{file} names {name}, which does not exist; restore it or drop its frame")
    try:
        pose = np.asarray(frame.get("transform_matrix", []), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{file}: the pose of {name} is no matrix, expected 4 x 4") from error
    if pose.shape != (4, 4):
        raise UserError(f"{file}: the pose of {name} has shape {pose.shape}, expected 4 x 4")
    if not np.isfinite(pose).all():
        raise UserError(f"{file}: the pose of {name} holds NaN or infinity; drop the frame")
    scale = np.linalg.det(pose[:3, :3])
    if not 0.5 < scale < 2.0:
        raise UserError(
            f"{file}: the rotation of {name} is singular or scaled (determinant {scale:.3g}, "
            "expected 1); drop the frame or run the pose estimation again"
        )
    _check_focal(frame, file, name)


def _check_places(places: Float[np.ndarray, "frames 3"], file: Path) -> None:
    if len(places) < MIN_IMAGES:
        raise UserError(
            f"{file} lists a single photograph, at least {MIN_IMAGES} are needed; add photographs "
            "from other places"
        )
    if at_one_place(places):
        raise UserError(
            f"{file}: all cameras stand at one place, from where nothing tells how far things are; "
            "add photographs from other places"
        )


def at_one_place(places: Float[np.ndarray, "cameras 3"]) -> bool:
    """Whether cameras differ by no more than what single precision loses."""
    return bool(np.ptp(places, axis=0).max() <= _SAME_PLACE * np.abs(places).max())


def _check_focal(fields: dict[str, Any], file: Path, owner: str) -> None:
    for key in FOCAL_KEYS:
        value = fields.get(key)
        number = isinstance(value, int | float) and np.isfinite(value)
        if value is not None and not (number and value > 0):
            raise UserError(f"{file}: {key} of {owner} is {value}, expected a number of pixels > 0")


def check_split(
    outputs: DataparserOutputs, split: str, remedy: str = "nerfstudio-data --eval-mode all"
) -> None:
    """Check one split as a data parser returned it.

    Args:
        outputs: of the data parser.
        split: "train" needs at least two images.
        remedy: what the user writes where to keep no images for evaluation alone.

    Raises:
        UserError: too few images, an unreadable image or one without colours, a size that is not
            the camera's, a pose or lens with NaN, a principal point outside the image, a missing
            depth image, or coordinates that nothing leads back to.
    """
    files = outputs.image_filenames
    if split == "train" and len(files) < MIN_IMAGES:
        raise UserError(
            f"the scene has {len(files)} training image(s), at least {MIN_IMAGES} are needed: add "
            f"images, or change the split with e.g. {remedy}"
        )
    _check_transform(outputs)
    lenses = outputs.cameras.distortion_params
    for index, file in enumerate(files):
        check_image(Path(file), outputs.cameras, index)
        if lenses is not None and not lenses[index].isfinite().all():
            raise UserError(f"the lens of {file} has NaN or infinity among k1 to p2; mend them")
    for depth in outputs.metadata.get("depth_filenames") or ():
        if not Path(depth).is_file():
            raise UserError(
                f"depth {depth} does not exist; restore it, or drop all depth_file_path to do without depth"
            )


def _check_transform(outputs: DataparserOutputs) -> None:
    """What brought the dataset's coordinates into the model's frame must lead back.

    Raises:
        UserError: it does not.
    """
    turning, scale = outputs.dataparser_transform[:, :3].double(), outputs.dataparser_scale
    if not (abs(float(torch.linalg.det(turning))) > _SAME_PLACE and 0 < scale < np.inf):
        raise UserError(
            "nothing leads back to the dataset's coordinates; mend applied_transform and applied_scale"
        )


def check_image(file: Path, cameras: Cameras, index: int) -> None:
    """Check one image against its camera.

    Raises:
        UserError: as `check_split` says.
    """
    width, height = _image_size(file)
    camera = cameras[index]
    expected = (int(camera.width.item()), int(camera.height.item()))
    if (width, height) != expected:
        raise UserError(
            f"{file} is {width} x {height} pixels but its camera is {expected[0]} x {expected[1]}: "
            "mend w and h (and the focal lengths with them), or resize the image"
        )
    if not camera.camera_to_worlds.isfinite().all():
        raise UserError(f"the pose of {file} holds NaN or infinity; drop the frame")
    if not (0 < camera.cx.item() < width and 0 < camera.cy.item() < height):
        raise UserError(
            f"the principal point ({camera.cx.item():.1f}, {camera.cy.item():.1f}) of {file} lies "
            f"outside its {width} x {height} pixels; mend cx and cy"
        )


def _image_size(file: Path) -> tuple[int, int]:
    """Width and height, after making sure that the file is whole and holds colours."""
    if not file.exists():
        raise UserError(f"image {file} does not exist; restore it or drop its frame")
    try:
        with Image.open(file) as image:
            size = image.size
            image.draft("L", (1, 1))  # JPEGs: check the stream at an eighth of the work
            image.load()
            converted(image, file)
    except UNREADABLE as error:
        raise UserError(f"image {file} cannot be read ({error}); restore it or drop it") from error
    return size
