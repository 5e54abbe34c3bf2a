"""nerfacto that also hands out its samples and weights, in training and in evaluation.

nerfacto keeps them to itself in evaluation. Instead of a copy of its `get_outputs`, which would
drift from the host's, this listens at the one place that receives both: the expected-depth renderer.
"""

from typing import Any

import torch
from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle, RaySamples
from nerfstudio.models.nerfacto import NerfactoModel, NerfactoModelConfig
from torch import Tensor, nn

from condense_ns.models.lazy_lpips import lpips_deferred
from condense_ns.rendering.surface_normals import surface_normals


class NerfactoWithSamples(NerfactoModel):
    """Base of the models that composite more than colour."""

    config: NerfactoModelConfig

    def populate_modules(self) -> None:
        """Build nerfacto, with LPIPS deferred."""
        with lpips_deferred():
            super().populate_modules()
        self._tapped: dict[str, Any] = {}
        self.renderer_expected_depth.register_forward_pre_hook(self._tap, with_kwargs=True)

    def _tap(self, _module: nn.Module, _args: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        self._tapped = inputs

    def outputs_and_samples(
        self, ray_bundle: RayBundle
    ) -> tuple[dict[str, Any], RaySamples, Float[Tensor, "rays samples"]]:
        """Nerfacto's outputs, the final samples of each ray and their compositing weights."""
        outputs = NerfactoModel.get_outputs(self, ray_bundle)
        samples, weights = self._tapped["ray_samples"], self._tapped["weights"]
        self._tapped = {}
        return outputs, samples, weights[..., 0]

    @torch.no_grad()
    def normals_of_rays(
        self, ray_bundle: RayBundle, depth: Float[Tensor, "rays 1"]
    ) -> Float[Tensor, "rays 3"]:
        """Unit normals where flat rays meet a surface, facing the camera, in the model's frame.

        Args:
            ray_bundle: the rays.
            depth: distance of each ray's surface.
        """
        points = ray_bundle.origins + ray_bundle.directions * depth
        return surface_normals(self.field.density_fn, points, ray_bundle.directions, depth)
