"""LPIPS that never blocks a start and never enters a checkpoint.

nerfacto builds torchmetrics' LPIPS in `populate_modules`, which downloads AlexNet at once: without
a network, training would end before its first step. `lpips_deferred` hands it this class instead;
the weights are read on first use, and only if they are already on disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

WEIGHTS_PATTERN = "alexnet-*.pth"


def lpips_weights_on_disk() -> bool:
    """Whether AlexNet lies in torch's hub folder, so that LPIPS needs no network."""
    return any((Path(torch.hub.get_dir()) / "checkpoints").glob(WEIGHTS_PATTERN))


class LazyLpips(nn.Module):
    """Stands where nerfacto keeps its LPIPS; NaN when the weights are not on disk."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.settings = settings
        self._loaded: list[nn.Module] = []  # a list hides the network from checkpoints

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """LPIPS of two batches of images [batch 3 height width] in [0, 1], or NaN."""
        if not lpips_weights_on_disk():
            return torch.full((), float("nan"))
        if not self._loaded:
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            self._loaded.append(LearnedPerceptualImagePatchSimilarity(**self.settings))
        return self._loaded[0].to(first.device)(first, second)


@contextmanager
def lpips_deferred() -> Iterator[None]:
    """While this lasts, whoever imports torchmetrics' LPIPS class gets `LazyLpips`."""
    with patch("torchmetrics.image.lpip.LearnedPerceptualImagePatchSimilarity", LazyLpips):
        yield
