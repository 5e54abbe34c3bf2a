"""What the pipeline over many scenes asks of a model: examples in place of rays, pictures of cameras."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from nerfstudio.models.base_model import Model, ModelConfig
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.metrics.picture_likeness import alike, picture_psnr, picture_ssim
from condense_ns.models.lazy_lpips import LazyLpips, lpips_weights_on_disk


@dataclass
class CrossSceneModelConfig(ModelConfig):
    """Settings of all models over many scenes; a loss called x has its weight in ``x_loss_mult``."""

    _target: type = field(default_factory=lambda: CrossSceneModel)
    enable_collider: bool = False
    """Models know by themselves where rays start."""
    eval_image_size: int = 512
    """Longest side in pixels that cameras are rendered at; larger pictures are enlarged from it."""


class CrossSceneModel(Model):
    """Losses of examples, and pictures of what is around a camera."""

    config: CrossSceneModelConfig
    surroundings: Callable[[PinholeViews], Any] | None = None
    """What a camera of the shown scene is rendered from; set by the pipeline."""

    def populate_modules(self) -> None:
        """Build what all of them compare pictures with."""
        super().populate_modules()
        self.lpips = LazyLpips(normalize=True)

    def get_metrics_dict(self, outputs: dict[str, Any], batch: dict[str, Any]) -> dict[str, Tensor]:
        """The losses before they are weighted."""
        return {name: loss.detach() for name, loss in outputs.items()}

    def get_loss_dict(
        self, outputs: dict[str, Any], batch: dict[str, Any], metrics_dict: Any = None
    ) -> dict[str, Tensor]:
        """The losses, weighted; what weighs nothing has no gradients, not even zeros, by which Adam moves on."""
        weights = {name: getattr(self.config, f"{name}_loss_mult") for name in outputs}
        telling = {name for name, weight in weights.items() if weight} or set(outputs)
        return {
            f"{name}_loss": weights[name] * (loss if name in telling else loss.detach())
            for name, loss in outputs.items()
        }

    def rendered_size(self, wanted: PinholeViews) -> tuple[int, int]:
        """Height and width at which a camera is rendered."""
        scale = min(1.0, self.config.eval_image_size / max(wanted.height, wanted.width))
        return max(8, round(wanted.height * scale)), max(8, round(wanted.width * scale))

    def picture_metrics(
        self, found: Float[Tensor, "height width 3"], batch: dict[str, Any]
    ) -> dict[str, float]:
        """PSNR, SSIM and, if its weights are there, LPIPS of a picture; what is masked does not count.

        Args:
            found: the picture.
            batch: with the true ``image`` [height width 3] and perhaps a ``mask`` [height width 1], which
                leaves something.
        """
        true, mask = batch["image"].to(found)[..., :3], batch.get("mask")
        if mask is not None:
            mask = mask[..., 0].to(found.device)
        metrics = {"psnr": picture_psnr(found, true, mask), "ssim": picture_ssim(found, true, mask)}
        if lpips_weights_on_disk():
            share = 1.0 if mask is None else float(mask.float().mean())
            pair = [image.permute(2, 0, 1)[None] for image in (alike(found, true, mask), true)]
            metrics["lpips"] = float(self.lpips(pair[0].clamp(0, 1), pair[1])) / share
        return metrics


def enlarged(
    values: Float[Tensor, "rows columns channels"], size: tuple[int, int]
) -> Float[Tensor, "height width channels"]:
    """Values between cells, for a picture of another size."""
    if tuple(values.shape[:2]) == size:
        return values
    stacked = values.permute(2, 0, 1)[None]
    return F.interpolate(stacked, size=size, mode="bilinear")[0].permute(1, 2, 0)


def along_the_ray(
    depth: Float[Tensor, "height width 1"], directions: Float[Tensor, "rays 3"]
) -> Float[Tensor, "height width 1"]:
    """Distances as the host measures them, from depths along the optical axis.

    Args:
        depth: of every pixel.
        directions: of their rays, which advance depth by one.
    """
    return depth * torch.linalg.vector_norm(directions, dim=1).reshape(depth.shape)
