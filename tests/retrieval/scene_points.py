"""A made-up scene of points, and photographs of it whose keypoints are known."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.projection import Camera, project
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.retrieval.absolute_pose import Lens
from tests.keypoints.made_up_set import looking_camera, made_up_keypoints

CHANNELS = 32


def scene_of_points(count: int = 300, seed: int = 0) -> Keypoints3D:
    """Points in the unit ball with descriptors called head."""
    return replace(
        made_up_keypoints(count, views=1, seed=seed),
        descriptors={"head": descriptors(count, seed)},
    )


def descriptors(count: int, seed: int) -> Tensor:
    """Random unit vectors."""
    generator = torch.Generator().manual_seed(1000 + seed)
    return F.normalize(torch.randn(count, CHANNELS, generator=generator), dim=1)


def camera_at_a_distance_of_four(
    seed: int = 0, distortion: tuple[float, ...] = (0.0,) * 6, fisheye: bool = False
) -> Camera:
    """400 x 300 pixels, focal lengths 300 and 310, looking at the origin; in double precision."""
    found = looking_camera(torch.Generator().manual_seed(seed), distortion, fisheye)
    return Lens.of(found).at(_orthogonal(found.camera_to_world.double()))


@dataclass(frozen=True)
class Taking:
    """How a photograph spoils what it shows."""

    noise: float = 0.3
    """Standard deviation of a pixel."""
    wrong: float = 0.0
    """Share of descriptors that lie elsewhere in the photograph."""
    seed: int = 0


def photograph(scene: Keypoints3D, camera: Camera, taking: Taking | None = None) -> Keypoints2D:
    """Keypoints of all points of the scene, those in wrong places first."""
    taking = taking or Taking()
    generator = torch.Generator().manual_seed(2000 + taking.seed)
    pixels, _ = project(scene.xyz, camera)
    pixels = pixels + taking.noise * torch.randn(pixels.shape, generator=generator)
    wrong = round(taking.wrong * len(scene))
    size = torch.tensor([camera.width, camera.height])
    pixels[:wrong] = (torch.rand(wrong, 2, generator=generator) * size).double()
    noisy = scene.descriptors["head"] + 0.02 * torch.randn(
        len(scene), CHANNELS, generator=generator
    )
    return Keypoints2D(pixels.float(), torch.ones(len(scene)), F.normalize(noisy, dim=1))


def _orthogonal(pose: Tensor) -> Tensor:
    """The pose without the rounding of single precision."""
    left, _, right = torch.linalg.svd(pose[:, :3])
    return torch.cat([left @ right, pose[:, 3:]], dim=1)
