"""World points -> pixels of a camera with lens distortion.

Cameras follow nerfstudio: `camera_to_world` [3 4] is OpenGL (x right, y up, looking along -z), the
first pixel's centre is (0.5, 0.5), distortion is (k1, k2, k3, k4, p1, p2). Lengths are scene units.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Camera:
    """One camera, as far as projecting needs it."""

    camera_to_world: Float[Tensor, "3 4"]
    """OpenGL pose."""
    focal: Float[Tensor, "2"]
    """Focal lengths along x and y in pixels."""
    centre: Float[Tensor, "2"]
    """Principal point in pixels."""
    distortion: Float[Tensor, "6"]
    """k1, k2, k3, k4, p1, p2; zeros for an ideal lens."""
    width: int
    """Image width in pixels."""
    height: int
    """Image height in pixels."""
    fisheye: bool = False
    """Equidistant (Kannala-Brandt) instead of perspective projection."""

    @property
    def origin(self) -> Float[Tensor, "3"]:
        """Camera centre in the world."""
        return self.camera_to_world[:, 3]

    def contains(self, pixels: Float[Tensor, "points 2"]) -> Bool[Tensor, " points"]:
        """Which continuous pixel coordinates lie inside the image."""
        x, y = pixels.unbind(-1)
        return (x >= 0) & (x <= self.width) & (y >= 0) & (y <= self.height)


def project(
    points: Float[Tensor, "points 3"], camera: Camera
) -> tuple[Float[Tensor, "points 2"], Float[Tensor, " points"]]:
    """Continuous pixel coordinates and z-depths (> 0 in front of the camera) of world points.

    Points behind the camera get finite but meaningless pixels; look at their depth.
    """
    rotation = camera.camera_to_world[:, :3]
    local = (points - camera.origin) @ rotation
    depth = -local[:, 2]
    flipped = torch.stack([local[:, 0], -local[:, 1]], dim=-1)  # to x right, y down
    ideal = flipped / depth.abs().clamp_min(1e-8)[:, None]
    distort = _distort_fisheye if camera.fisheye else _distort_perspective
    return distort(ideal, camera.distortion) * camera.focal + camera.centre, depth


def _distort_perspective(
    ideal: Float[Tensor, "points 2"], distortion: Float[Tensor, "6"]
) -> Float[Tensor, "points 2"]:
    """The polynomial model of OpenCV (radial k1..k4, tangential p1, p2)."""
    k1, k2, k3, k4, p1, p2 = distortion
    x, y = ideal.unbind(-1)
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4)))
    return torch.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + 2 * p2 * x * y + p1 * (r2 + 2 * y * y),
        ],
        dim=-1,
    )


def _distort_fisheye(
    ideal: Float[Tensor, "points 2"], distortion: Float[Tensor, "6"]
) -> Float[Tensor, "points 2"]:
    """The equidistant model of OpenCV's fisheye cameras; nerfstudio adds the tangential terms."""
    radius = torch.linalg.vector_norm(ideal, dim=-1, keepdim=True).clamp_min(1e-8)
    return _distort_perspective(ideal * (torch.atan(radius) / radius), distortion)
