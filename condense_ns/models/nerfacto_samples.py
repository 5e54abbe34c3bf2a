"""nerfacto that also hands out its samples and weights, in training and in evaluation.

nerfacto keeps them to itself in evaluation. Instead of a copy of its `get_outputs`, which would
drift from the host's, this listens at the one place that receives both: the expected-depth renderer.
"""

from typing import Any

from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle, RaySamples
from nerfstudio.models.nerfacto import NerfactoModel, NerfactoModelConfig
from torch import Tensor, nn

from condense_ns.models.lazy_lpips import lpips_deferred


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
