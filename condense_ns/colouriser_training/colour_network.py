"""The colouriser: a small U-Net from lightness to shares of colours, asked for their annealed mean."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.colouriser_training.colour_bins import annealed_mean, gamut_centres

WIDTHS = (24, 48, 96, 160, 224)
"""Channels at a half, a quarter, … of the photograph's resolution."""
AB_RANGE = 110.0
"""What 1 in the answer stands for; what ``colourise:`` takes for granted."""


class ColourNetwork(nn.Module):
    """Two numbers for each cell of four by four pixels, from lightness alone."""

    centres: Tensor
    """a and b of the colours that it knows."""

    def __init__(self) -> None:
        """Draw random weights."""
        super().__init__()
        self.register_buffer("centres", gamut_centres())
        inputs = (1, *WIDTHS[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(_layer(before, width, 2), _layer(width, width))
            for before, width in zip(inputs, WIDTHS, strict=True)
        )
        self.everywhere = nn.Linear(WIDTHS[-1], WIDTHS[-1])
        self.up = nn.ModuleList(
            _layer(below + width, width)
            for below, width in zip(WIDTHS[:1:-1], WIDTHS[-2:0:-1], strict=True)
        )
        self.shares = nn.Conv2d(WIDTHS[1], len(self.centres), 1)

    def logits(
        self, grey: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch bins rows columns"]:
        """Of the colours; images of at least 32 x 32 pixels, whose three channels all hold L / 100."""
        found = [grey[:, :1] - 0.5]
        for layers in self.down:
            found.append(layers(found[-1]))
        below = found[-1]
        below = below + self.everywhere(below.mean(dim=(2, 3)))[:, :, None, None]
        for layers, beside in zip(self.up, found[-2:1:-1], strict=True):
            raised = F.interpolate(below, beside.shape[-2:], mode="nearest")
            below = layers(torch.cat([raised, beside], dim=1))
        return self.shares(below)

    def forward(
        self, grey: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 2 rows columns"]:
        """CIELAB's a and b, divided by `AB_RANGE`."""
        return annealed_mean(self.logits(grey), self.centres) / AB_RANGE


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
