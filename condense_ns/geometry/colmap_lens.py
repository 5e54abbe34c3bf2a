"""Lenses in the words of COLMAP: the model that projects as ours do, and its parameters."""

from dataclasses import dataclass

from condense_ns.errors import UserError


@dataclass(frozen=True)
class ColmapLens:
    """One of COLMAP's camera models."""

    model: str
    parameters: tuple[float, ...]


def colmap_lens(
    focal: list[float], centre: list[float], distortion: list[float], fisheye: bool
) -> ColmapLens:
    """The simplest model that has this distortion.

    Args:
        focal: along x and y in pixels.
        centre: principal point in pixels.
        distortion: k1, k2, k3, k4, p1, p2.
        fisheye: equidistant instead of perspective projection.

    Raises:
        UserError: COLMAP has no such model.
    """
    k1, k2, k3, k4, p1, p2 = distortion
    if fisheye and (p1 or p2):  # OPENCV_FISHEYE knows no tangential distortion
        model, terms = "THIN_PRISM_FISHEYE", (k1, k2, p1, p2, k3, k4, 0.0, 0.0)
    elif fisheye:
        model, terms = "OPENCV_FISHEYE", (k1, k2, k3, k4)
    elif k4:
        raise UserError(
            f"COLMAP has no perspective lens with the distortion k4 = {k4:g}; undistort the "
            "photographs or set k4 to 0"
        )
    elif k3:
        model, terms = "FULL_OPENCV", (k1, k2, p1, p2, k3, 0.0, 0.0, 0.0)
    elif any((k1, k2, p1, p2)):
        model, terms = "OPENCV", (k1, k2, p1, p2)
    else:
        model, terms = "PINHOLE", ()
    return ColmapLens(model, (*focal, *centre, *terms))
