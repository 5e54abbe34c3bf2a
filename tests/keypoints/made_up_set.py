"""A keypoint set without a scene: random points, and cameras around that look at them."""

from collections.abc import Sequence

import torch
from torch import Generator
from torch.nn import functional as F

from condense_ns.geometry.projection import Camera, project
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.keypoint_set import Keypoints3D, Observations, SeenView

IDEAL = (0.0,) * 6


def made_up_keypoints(
    count: int = 20,
    views: int = 4,
    seed: int = 0,
    distortions: Sequence[tuple[float, ...]] = (IDEAL,),
    fisheye: bool = False,
) -> Keypoints3D:
    """Points in the unit ball in the model's frame; observations lie where the points project to.

    Args:
        count: number of keypoints; the last one has no normal.
        views: number of views; each sees most of the points, and each point is seen.
        seed: of the random numbers.
        distortions: k1, k2, k3, k4, p1, p2 of lenses that the views take in turn.
        fisheye: whether the lenses are equidistant.
    """
    generator = torch.Generator().manual_seed(seed)
    directions = F.normalize(torch.randn(count, 3, generator=generator, dtype=torch.float64))
    xyz = directions * torch.rand(count, 1, generator=generator, dtype=torch.float64)
    normals = F.normalize(torch.randn(count, 3, generator=generator))
    normals[count - 1 :] = 0.0
    seen_views = tuple(
        _seen_view(
            f"images/view_{number}.png",
            looking_camera(generator, distortions[number % len(distortions)], fisheye),
        )
        for number in range(views)
    )
    return Keypoints3D(
        xyz=xyz,
        scores=torch.rand(count, generator=generator).sort(descending=True).values,
        descriptors={
            "mini": F.normalize(torch.randn(count, 8, generator=generator)),
            "onnx:folder/network.onnx#é": F.normalize(torch.randn(count, 5, generator=generator)),
        },
        colours=torch.rand(count, 3, generator=generator),
        normals=normals,
        scales=0.01 + torch.rand(count, generator=generator),
        uncertainty=0.001 + 0.01 * torch.rand(count, generator=generator),
        observations=_observations(xyz, seen_views, generator),
        views=seen_views,
        frame="model",
        to_dataset=random_similarity(generator),
    )


def _seen_view(name: str, camera: Camera) -> SeenView:
    """A view that the dataset puts a little beside where it was."""
    given = camera.camera_to_world.clone()
    given[:, 3] += 0.01
    return SeenView(name, camera, given)


def looking_camera(generator: Generator, distortion: Sequence[float], fisheye: bool) -> Camera:
    """A camera at a random place at a distance of four that looks at the origin."""
    backward, other = F.normalize(torch.randn(2, 3, generator=generator))
    right = F.normalize(torch.linalg.cross(other, backward), dim=0)
    axes = [right, torch.linalg.cross(backward, right), backward]
    return Camera(
        torch.stack([*axes, 4 * backward], dim=1),
        torch.tensor([300.0, 310.0]),
        torch.tensor([205.0, 148.0]),
        torch.tensor(distortion),
        400,
        300,
        fisheye,
    )


def random_similarity(generator: Generator) -> Similarity:
    """A turn, a shift by a few units and a scale of 2.5."""
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    shift = torch.randn(3, generator=generator, dtype=torch.float64)
    return Similarity(rotation * torch.linalg.det(rotation), 3 * shift, 2.5)


def reprojected(keypoints: Keypoints3D) -> torch.Tensor:
    """Where the keypoints of the observations project to, [observations 2]."""
    seen = keypoints.observations
    pixels = torch.empty(len(seen.keypoints), 2, dtype=torch.float64)
    for number, view in enumerate(keypoints.views):
        here = seen.views == number
        points = keypoints.xyz[seen.keypoints[here]]
        pixels[here] = project(points, in_double(view.camera))[0]
    return pixels


def in_double(camera: Camera) -> Camera:
    """The same camera with a pose that points in double precision can be projected with."""
    pose = camera.camera_to_world.double()
    return Camera(
        pose,
        camera.focal,
        camera.centre,
        camera.distortion,
        camera.width,
        camera.height,
        camera.fisheye,
    )


def _observations(
    xyz: torch.Tensor, views: tuple[SeenView, ...], generator: Generator
) -> Observations:
    """Most points in each view, each in one at least; ordered by keypoint."""
    count = len(xyz)
    is_seen = torch.rand(count, len(views), generator=generator) < 0.7
    if views:
        is_seen[torch.arange(count), torch.arange(count) % len(views)] = True
    points, numbers = is_seen.nonzero(as_tuple=True)
    pixels = (
        torch.stack([project(xyz, in_double(view.camera))[0] for view in views], dim=1)
        if views
        else torch.empty(count, 0, 2)
    )
    return Observations(points, numbers, pixels[points, numbers].float())
