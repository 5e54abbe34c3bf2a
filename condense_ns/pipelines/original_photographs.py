"""What keypoints of undistorted, perhaps reduced photographs are in the files that a scene names."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.geometry.projection import Camera, project
from condense_ns.pipelines.ray_caster import projection_camera


def original_name(scene: PosedScene, view: int) -> str:
    """The photograph's file, relative to the scene's folder if it lies in it."""
    file, folder = scene.file(view).resolve(), scene.folder.resolve()
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else file.name


def original_camera(scene: PosedScene, view: int, ideal: Camera) -> Camera:
    """The photograph's own size and lens.

    Args:
        scene: whose photograph.
        view: its number.
        ideal: camera of the undistorted photograph; its pose is kept.
    """
    if view < len(scene.training):
        camera = projection_camera(scene.train_outputs.cameras, view)
    else:
        camera = projection_camera(scene.eval_outputs.cameras, scene.held_out.index(view))
    return replace(camera, camera_to_world=ideal.camera_to_world)


def original_pixels(
    pixels: Float[Tensor, "points 2"], ideal: Camera, original: Camera
) -> Float[Tensor, "points 2"]:
    """Where the photograph itself shows what the undistorted one shows at these pixels.

    Args:
        pixels: of the undistorted photograph.
        ideal: its camera.
        original: the photograph's camera.
    """
    right_down = (pixels.double() - ideal.centre) / ideal.focal
    rays = torch.cat([right_down, torch.ones_like(right_down[:, :1])], dim=1)
    at_origin = replace(original, camera_to_world=torch.eye(4, dtype=torch.float64)[:3])
    return project(rays * rays.new_tensor([1.0, -1.0, -1.0]), at_origin)[0].float()
