"""Adam in one pass over memory: hash grids are large and their optimiser is bound by it."""

from dataclasses import dataclass

from nerfstudio.engine.optimizers import AdamOptimizerConfig


@dataclass
class FusedAdamConfig(AdamOptimizerConfig):
    """The host's Adam with PyTorch's fused kernel."""

    fused: bool = True
    """Use the fused kernel; same mathematics, CPU and CUDA."""
