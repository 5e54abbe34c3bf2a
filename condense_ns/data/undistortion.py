"""Photographs through a real lens -> photographs through an ideal one (OpenCV).

The ideal camera has the same number of pixels; its field of view is the largest that the lens fills
(`alpha` 0 for perspective lenses, `balance` 0 for fisheyes). Of fisheyes that reach further than
`WIDEST` along an axis it is what lies within: a plane has no room for 90 degrees, and long before most
of it shows the border. Pixels are continuous, the first centre at 0.5; OpenCV's begin at 0, which is
undone here.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Float32
from nerfstudio.cameras.cameras import Cameras, CameraType

from condense_ns.errors import UserError

WIDEST = 65.0
"""Degrees from the optical axis, along each axis, that an ideal camera sees of a fisheye."""
_ANGLES = np.linspace(0.0, math.radians(WIDEST), 6501)
_KEPT_LENSES = 4  # maps of so many lenses are kept; most scenes have one lens


@dataclass(frozen=True)
class Lens:
    """What a camera is, beside its pose."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    focal: tuple[float, float]
    """Along x and y in pixels."""
    centre: tuple[float, float]
    """Principal point in pixels."""
    distortion: tuple[float, ...]
    """k1, k2, k3, k4, p1, p2."""
    fisheye: bool
    """Equidistant instead of perspective projection."""

    def __str__(self) -> str:
        """What the pixels of the ideal camera follow from, for keys of stored ones."""
        return repr(self) + f" within {WIDEST} degrees" * _is_wide(self)

    @property
    def is_ideal(self) -> bool:
        """There is nothing to undistort."""
        return not self.fisheye and not any(self.distortion)

    @property
    def matrix(self) -> Float[np.ndarray, "3 3"]:
        """Intrinsics in pixels."""
        (x, y), (cx, cy) = self.focal, self.centre
        return np.array([[x, 0.0, cx], [0.0, y, cy], [0.0, 0.0, 1.0]])


def lens_of(cameras: Cameras, index: int, name: str) -> Lens:
    """The lens of one camera.

    Args:
        cameras: of a split.
        index: which.
        name: of the scene, for the message.

    Raises:
        UserError: no pinhole behind this lens can be computed.
    """
    camera = cameras[index]
    kind = CameraType(int(camera.camera_type.item()))
    if kind not in (CameraType.PERSPECTIVE, CameraType.FISHEYE):
        raise UserError(
            f"scene {name} was taken with a camera of type {kind.name}; undistort its photographs "
            "to PERSPECTIVE first"
        )
    found = camera.distortion_params
    distortion = (0.0,) * 6 if found is None else tuple(float(value) for value in found)
    fisheye = kind is CameraType.FISHEYE
    unknown = any(distortion[4:]) if fisheye else distortion[3] != 0.0
    if unknown:
        raise UserError(
            f"scene {name}: {'p1 and p2 of a fisheye' if fisheye else 'k4 of a perspective lens'} "
            "cannot be undone; undistort the photographs first, or set it to 0"
        )
    return Lens(
        width=int(camera.width.item()),
        height=int(camera.height.item()),
        focal=(camera.fx.item(), camera.fy.item()),
        centre=(camera.cx.item(), camera.cy.item()),
        distortion=distortion,
        fisheye=fisheye,
    )


def ideal_intrinsics(lens: Lens) -> Float[np.ndarray, "3 3"]:
    """Intrinsics of the undistorted photograph, in its pixels."""
    if lens.is_ideal:
        return lens.matrix
    if _is_wide(lens):
        return _widest_intrinsics(lens)
    zero_based, size = _zero_based(lens.matrix), (lens.width, lens.height)
    if lens.fisheye:
        ideal = cv2.fisheye.estimateNewCameraMatrixForUndistortRectify(
            zero_based, _coefficients(lens), size, np.eye(3), balance=0.0
        )
    else:
        ideal, _ = cv2.getOptimalNewCameraMatrix(zero_based, _coefficients(lens), size, 0)
    return _zero_based(np.asarray(ideal, dtype=np.float64), by=0.5)


def _is_wide(lens: Lens) -> bool:
    """The middle of a border of a fisheye's photograph lies beyond `WIDEST`."""
    return lens.fisheye and bool((_border_radii(lens) > _radii(lens)[-1]).any())


def _widest_intrinsics(lens: Lens) -> Float[np.ndarray, "3 3"]:
    """Intrinsics of an ideal camera that sees no further than `WIDEST`, nor than the photograph."""
    radii = _radii(lens)
    angles = np.interp(_border_radii(lens), radii, _ANGLES[: len(radii)])  # no more than the last
    left, right, top, bottom = np.tan(angles)
    aspect = lens.focal[1] / lens.focal[0]
    across = max(lens.width / (left + right), lens.height / (top + bottom) / aspect)
    down = across * aspect
    x = (lens.width + across * (left - right)) / 2
    y = (lens.height + down * (top - bottom)) / 2
    return np.array([[across, 0.0, x], [0.0, down, y], [0.0, 0.0, 1.0]])


def _border_radii(lens: Lens) -> Float[np.ndarray, "4"]:
    """From the centre to the left, right, top and bottom border, in focal lengths."""
    (across, down), (x, y) = lens.focal, lens.centre
    return np.array(
        [x / across, (lens.width - x) / across, y / down, (lens.height - y) / down],
        dtype=np.float64,
    )


def _radii(lens: Lens) -> Float[np.ndarray, " angles"]:
    """Where a fisheye has each of `_ANGLES`, in focal lengths, as far as they grow with the angle."""
    square = _ANGLES**2
    k1, k2, k3, k4 = lens.distortion[:4]
    radii = _ANGLES * (1 + square * (k1 + square * (k2 + square * (k3 + square * k4))))
    return radii[: int(np.argmax(radii)) + 1]


def undistorted(
    pixels: Float32[np.ndarray, "height width *channels"], lens: Lens, nearest: bool = False
) -> Float32[np.ndarray, "height width *channels"]:
    """The photograph that the ideal camera takes.

    Args:
        pixels: of the real one, perhaps reduced.
        lens: of the real one.
        nearest: copy the nearest pixel instead of interpolating, for depth.
    """
    if lens.is_ideal:
        return pixels
    across, down = _maps(lens, *pixels.shape[:2])
    method = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    return cv2.remap(pixels, across, down, method, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(maxsize=_KEPT_LENSES)
def _maps(lens: Lens, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel of the ideal camera, where the real one has it (zero-based), so large."""
    scale = np.array([[width / lens.width], [height / lens.height], [1.0]])
    real, ideal = _zero_based(lens.matrix * scale), _zero_based(ideal_intrinsics(lens) * scale)
    size, kind = (width, height), cv2.CV_32FC1
    make = cv2.fisheye.initUndistortRectifyMap if lens.fisheye else cv2.initUndistortRectifyMap
    return make(real, _coefficients(lens), np.eye(3), ideal, size, kind)


def _coefficients(lens: Lens) -> Float[np.ndarray, " coefficients"]:
    """Distortion in OpenCV's order."""
    k1, k2, k3, k4, p1, p2 = lens.distortion
    return np.array([k1, k2, k3, k4] if lens.fisheye else [k1, k2, p1, p2, k3])


def _zero_based(matrix: Float[np.ndarray, "3 3"], by: float = -0.5) -> Float[np.ndarray, "3 3"]:
    """Intrinsics with the principal point moved."""
    moved = matrix.copy()
    moved[:2, 2] += by
    return moved
