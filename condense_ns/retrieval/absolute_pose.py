"""The pose of a camera from points of a scene and the pixels where it shows them.

COLMAP's robust estimator does the work: random minimal samples, local optimisation, refinement on
what agrees. It puts the first pixel's centre at (0.5, 0.5) as we do, but looks along +z with y down.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from condense_ns.geometry.colmap_lens import ColmapLens, colmap_lens
from condense_ns.geometry.conventions import camera_to_world_gl
from condense_ns.geometry.projection import Camera, project

if TYPE_CHECKING:
    import pycolmap

LEAST_INLIERS = 6
"""Fewer agree on a pose by chance."""

_USUAL_FOCAL = 1.2  # longest sides; a wide-angle lens as phones have it
_SHORTEST, _LONGEST = 0.1, 20.0  # longest sides; other focal lengths come of wrong pairs
_LEAST_SHARE = 0.01  # of inliers, below which the estimator would stop early
_ROUNDS = 2  # refinements, each on what agrees with the pose before


@dataclass(frozen=True)
class Lens:
    """A camera without its pose."""

    focal: Float64[Tensor, "2"]
    """Along x and y in pixels."""
    centre: Float64[Tensor, "2"]
    """Principal point in pixels."""
    distortion: Float64[Tensor, "6"]
    """k1, k2, k3, k4, p1, p2; zeros for an ideal lens."""
    width: int
    """Image width in pixels."""
    height: int
    """Image height in pixels."""
    fisheye: bool = False
    """Equidistant instead of perspective projection."""
    focal_is_known: bool = True
    """If not, `focal` is a first guess."""

    @classmethod
    def ideal(cls, width: int, height: int, focal: tuple[float, ...]) -> "Lens":
        """No distortion, the principal point in the middle.

        Args:
            width: in pixels.
            height: in pixels.
            focal: one number in pixels, or one along x and one along y.
        """
        lengths = torch.tensor([focal[0], focal[-1]], dtype=torch.float64)
        middle = torch.tensor([width / 2, height / 2], dtype=torch.float64)
        return cls(lengths, middle, torch.zeros(6, dtype=torch.float64), width, height)

    @classmethod
    def guessed(cls, width: int, height: int, hint: float | None = None) -> "Lens":
        """An ideal lens of unknown focal length, at first `hint` pixels or 1.2 longest sides."""
        lens = cls.ideal(width, height, (hint or _USUAL_FOCAL * max(width, height),))
        return cls(lens.focal, lens.centre, lens.distortion, width, height, focal_is_known=False)

    @classmethod
    def of(cls, camera: Camera) -> "Lens":
        """The lens of a camera whose pose is forgotten."""
        return cls(
            camera.focal.double(),
            camera.centre.double(),
            camera.distortion.double(),
            camera.width,
            camera.height,
            camera.fisheye,
        )

    def at(
        self, camera_to_world: Float64[Tensor, "3 4"], focal: Float64[Tensor, "2"] | None = None
    ) -> Camera:
        """The camera with this lens at a pose, perhaps with another focal length."""
        return Camera(
            camera_to_world,
            self.focal if focal is None else focal,
            self.centre,
            self.distortion,
            self.width,
            self.height,
            self.fisheye,
        )


@dataclass(frozen=True)
class Search:
    """How long and how exactly a pose is looked for; equal searches find equal poses."""

    tolerance: float
    """Pixels that a point may be off."""
    iterations: int = 20_000
    """Most random samples."""
    seed: int = 0
    """Of the random samples."""


@dataclass(frozen=True)
class PosedCamera:
    """A pose and what agrees with it."""

    camera: Camera
    """In double precision."""
    inliers: Bool[Tensor, " points"]
    """In front of the camera and within the tolerance."""


def absolute_pose(
    pixels: Float64[Tensor, "points 2"],
    points: Float64[Tensor, "points 3"],
    lens: Lens,
    search: Search,
) -> PosedCamera | None:
    """The pose that most pairs agree on; None if fewer than 6 do, or with an absurd focal length.

    An unknown focal length is estimated both from the guess and without it; more inliers decide.

    Args:
        pixels: where the points are seen (first pixel centre 0.5); many may be wrong.
        points: in any frame; the pose will be in it.
        lens: of the camera.
        search: how to look.

    Raises:
        UserError: the lens has a distortion that the estimator does not know.
    """
    estimator_camera(lens)
    if len(pixels) < LEAST_INLIERS:
        return None
    ways = (False,) if lens.focal_is_known else (False, True)
    found = [_posed(pixels, points, lens, search, without_guess) for without_guess in ways]
    return max(
        (posed for posed in found if posed is not None and _is_sensible(posed)),
        key=lambda posed: int(posed.inliers.sum()),
        default=None,
    )


def _is_sensible(posed: PosedCamera) -> bool:
    camera = posed.camera
    focal = float(camera.focal.min()) / max(camera.width, camera.height)
    return int(posed.inliers.sum()) >= LEAST_INLIERS and _SHORTEST <= focal <= _LONGEST


def estimator_camera(lens: Lens) -> "pycolmap.Camera":
    """The lens in the words of COLMAP.

    Raises:
        UserError: a distortion that none of its models has.
    """
    import pycolmap

    focal, centre, distortion = (
        part.tolist() for part in (lens.focal, lens.centre, lens.distortion)
    )
    if not (lens.focal_is_known or lens.fisheye or any(distortion)):
        # one focal length is found more surely than two
        known = ColmapLens("SIMPLE_PINHOLE", (focal[0], *centre))
    else:
        known = colmap_lens(focal, centre, distortion, lens.fisheye)
    return pycolmap.Camera(
        model=known.model, width=lens.width, height=lens.height, params=known.parameters
    )


def _posed(
    pixels: Float64[Tensor, "points 2"],
    points: Float64[Tensor, "points 3"],
    lens: Lens,
    search: Search,
    without_guess: bool,
) -> PosedCamera | None:
    import pycolmap

    estimation = pycolmap.AbsolutePoseEstimationOptions()
    estimation.estimate_focal_length = without_guess
    estimation.ransac.max_error = search.tolerance
    estimation.ransac.max_num_trials = search.iterations
    estimation.ransac.min_num_trials = min(search.iterations, estimation.ransac.min_num_trials)
    estimation.ransac.min_inlier_ratio = _LEAST_SHARE
    estimation.ransac.random_seed = search.seed
    refinement = pycolmap.AbsolutePoseRefinementOptions()
    refinement.refine_focal_length = not lens.focal_is_known

    camera = estimator_camera(lens)
    seen, places = pixels.cpu().numpy(), points.cpu().numpy()
    answer = pycolmap.estimate_absolute_pose(seen, places, camera, estimation)
    posed, mask = None, np.zeros(0, bool) if answer is None else answer["inlier_mask"]
    for _ in range(_ROUNDS):
        if answer is None or mask.sum() < LEAST_INLIERS:
            return None
        start = answer["cam_from_world"]
        answer = pycolmap.refine_absolute_pose(start, seen, places, mask, camera, refinement)
        if answer is not None:
            posed = _with_inliers(pixels, points, _camera(answer, camera, lens), search.tolerance)
            mask = posed.inliers.numpy()
    return posed


def _camera(answer: dict, camera: "pycolmap.Camera", lens: Lens) -> Camera:
    """Our camera of the estimator's answer."""
    camera_from_world = torch.from_numpy(np.array(answer["cam_from_world"].matrix()))
    pose = camera_to_world_gl(camera_from_world[:, :3], camera_from_world[:, 3])
    focal = torch.tensor([camera.focal_length_x, camera.focal_length_y], dtype=torch.float64)
    return lens.at(pose, focal)


def _with_inliers(
    pixels: Float64[Tensor, "points 2"],
    points: Float64[Tensor, "points 3"],
    camera: Camera,
    tolerance: float,
) -> PosedCamera:
    projected, depth = project(points, camera)
    off = torch.linalg.vector_norm(projected - pixels, dim=1)
    return PosedCamera(camera, (off <= tolerance) & (depth > 0.0))
