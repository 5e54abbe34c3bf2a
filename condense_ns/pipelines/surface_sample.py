"""A fixed sample of a scene's surface: where the same random rays of its training views end."""

import torch
from nerfstudio.cameras.cameras import Cameras
from torch import Tensor

from condense_ns.models.condense_dense import CondenseDenseModel
from condense_ns.pipelines.held_out_views import MIN_OPACITY
from condense_ns.pipelines.ray_caster import RayCaster

SAMPLE_RAYS = 8192  # enough for a thing on 1 % of the pictures to stand out


def surface_sample(
    model: CondenseDenseModel, cameras: Cameras, count: int = SAMPLE_RAYS
) -> dict[str, Tensor]:
    """What `RayCaster.at` knows of rays that meet something opaque; the same rays every time.

    Args:
        model: a trained model, in evaluation mode.
        cameras: whose pictures the rays are spread over evenly.
        count: rays, before those that meet nothing are left out.
    """
    generator = torch.Generator().manual_seed(0)
    views = torch.randint(len(cameras), (count,), generator=generator)
    size = torch.cat([cameras.width, cameras.height], dim=1).cpu()[views]
    pixels = torch.rand(count, 2, generator=generator) * size
    rays = RayCaster(model, cameras).at(views, pixels)
    opaque = rays["accumulation"][:, 0] >= MIN_OPACITY
    return {name: values[opaque] for name, values in rays.items()}
