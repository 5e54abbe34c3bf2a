"""Made-up and real scenes as cameras and depth images."""

import json
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from condense_ns.geometry.conventions import world_to_camera_cv
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.synthetic.photographer import Photographer
from condense_ns.synthetic.scene_plan import ScenePlan
from condense_ns.synthetic.surface_points import SurfacePoints, surface_points
from condense_ns.volumes.depth_surfaces import PosedDepth

KITCHEN = Path(__file__).parents[2].parent / "shared/data/scenes/kitchen"
PLAN = ScenePlan(4, "tabletop", views=16, width=128, height=96)


def views_of(poses: np.ndarray, focal: float, height: int, width: int) -> PinholeViews:
    """Cameras of OpenGL poses, their axes in the middle of the image."""
    rotation, translation = world_to_camera_cv(torch.from_numpy(poses))
    world_to_camera = torch.eye(4).repeat(len(poses), 1, 1)
    world_to_camera[:, :3, :3], world_to_camera[:, :3, 3] = rotation.float(), translation.float()
    matrix = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return PinholeViews(matrix.repeat(len(poses), 1, 1), world_to_camera, height, width)


@cache
def photographed() -> tuple[PinholeViews, list[PosedDepth], SurfacePoints]:
    """A table with things on it: exact depth, and points on all that the cameras may see."""
    scene = PLAN.scene()
    cameras = PLAN.cameras(scene)
    photographer = Photographer(scene)
    poses = np.stack([camera.camera_to_world for camera in cameras])
    views = views_of(poses, cameras[0].focal, PLAN.height, PLAN.width)
    photographs = [photographer.photograph(camera) for camera in cameras]
    seen = [
        PosedDepth(torch.from_numpy(p.depth), torch.from_numpy(p.rgb).permute(2, 0, 1) / 255)
        for p in photographs
    ]
    return views, seen, surface_points(scene, views.centres.numpy(), 100_000, seed=0)


def kitchen():
    """Cameras of the real room, and what reads a view."""
    described = json.loads((KITCHEN / "transforms.json").read_text())
    poses = np.array([frame["transform_matrix"] for frame in described["frames"]])
    views = views_of(poses[:, :3], described["fl_x"], described["h"], described["w"])
    return views, partial(_kitchen_view, described["frames"])


def _kitchen_view(frames, view):
    depth = np.array(Image.open(KITCHEN / frames[view]["depth_file_path"]))
    rgb = np.array(Image.open(KITCHEN / frames[view]["file_path"]).convert("RGB"))
    image = torch.from_numpy(rgb).permute(2, 0, 1) / 255
    return PosedDepth(torch.from_numpy(depth.astype(np.float32)) / 1000, image)
