"""What the rendered features are compared with: cheaper ways to features of a held-out view."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.projection import Camera, project
from condense_ns.pipelines.held_out_views import HeldOutView, HeldOutViews
from condense_ns.pipelines.ray_caster import projection_camera

VISIBILITY_ROUNDS = 6  # how many candidate views a point is looked for in


def nearest_training_features(
    held_out: HeldOutViews, view: HeldOutView, min_angle: float
) -> tuple[Float[Tensor, "rows columns channels"], Bool[Tensor, " cells"]]:
    """The encoder's features in the training view nearest in angle that sees each point.

    Args:
        held_out: the run's held-out views.
        view: one of them.
        min_angle: degrees at the point between the two lines of sight, at least.

    Returns:
        the features, and which cells some training view sees.
    """
    data = held_out.data
    cameras = data.train_dataset.cameras
    landed = [_seen_from(view, projection_camera(cameras, j)) for j in range(len(cameras))]
    angle, pixels, z_depth = (torch.stack(values) for values in zip(*landed, strict=True))
    angle = torch.where(angle >= min_angle, angle, torch.inf)
    features = torch.zeros_like(view.teacher.flatten(0, 1))
    seen = torch.zeros_like(view.valid)
    for candidates in angle.argsort(dim=0)[:VISIBILITY_ROUNDS]:
        best = angle.gather(0, candidates[None])[0]
        rest = torch.nonzero(view.valid & ~seen & best.isfinite())[:, 0]
        if len(rest) == 0:
            break
        chosen = candidates[rest]
        visible = held_out.visible("train", chosen, pixels[chosen, rest], z_depth[chosen, rest])
        rest, chosen = rest[visible], chosen[visible]
        found = data.maps("train", held_out.spec).features(chosen, pixels[chosen, rest])
        features[rest], seen[rest] = found, True
    return features.reshape(view.teacher.shape), seen


def features_of_all_views(
    held_out: HeldOutViews, view: HeldOutView
) -> Float[Tensor, "rows columns channels"]:
    """The encoder's features of each point, averaged over the training views that see it and this one.

    What looks the same from everywhere can hardly agree more with the views of a point than their
    average does: it is the mark for a field without view dependence, and knows what it is asked.
    """
    data = held_out.data
    total = view.teacher.flatten(0, 1).clone()
    count = torch.ones(len(total))
    for index in range(len(data.train_dataset)):
        camera = projection_camera(data.train_dataset.cameras, index)
        angle, pixels, z_depth = _seen_from(view, camera)
        cells = torch.nonzero(view.valid & angle.isfinite())[:, 0]
        if len(cells) == 0:
            continue
        views = torch.full_like(cells, index)
        visible = held_out.visible("train", views, pixels[cells], z_depth[cells])
        cells, views = cells[visible], views[visible]
        total[cells] += data.maps("train", held_out.spec).features(views, pixels[cells])
        count[cells] += 1
    return (total / count[:, None]).reshape(view.teacher.shape)


def _seen_from(
    view: HeldOutView, camera: Camera
) -> tuple[Float[Tensor, " cells"], Float[Tensor, "cells 2"], Float[Tensor, " cells"]]:
    """Angle of the two lines of sight in degrees (inf if outside), pixels and depths."""
    pixels, z_depth = project(view.points, camera)
    here = torch.nn.functional.normalize(view.camera.origin - view.points, dim=-1)
    there = torch.nn.functional.normalize(camera.origin - view.points, dim=-1)
    angle = torch.rad2deg(torch.acos((here * there).sum(-1).clamp(-1.0, 1.0)))
    inside = camera.contains(pixels) & (z_depth > 0)
    return torch.where(inside, angle, torch.inf), pixels, z_depth


def features_of_rendered_image(
    held_out: HeldOutViews, rgb: Float[Tensor, "height width 3"]
) -> Float[Tensor, "rows columns channels"]:
    """What the encoder says of an image that the run has rendered."""
    encoder = held_out.data.teachers[held_out.spec]
    return encoder.encode(rgb.permute(2, 0, 1)[None].clamp(0.0, 1.0))[0].cpu()
