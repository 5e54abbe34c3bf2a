"""From what each source gives every pixel to the picture, with an eye on the pixels around.

Samples are weighed ray by ray; where a surface is a little off, sources show the same edge a little
apart, which only the neighbourhood tells. A small convolutional network looks at each source's picture
beside the blended one, compares them over the sources, and weighs the sources anew: colours stay
mixtures of the sources' own. Untrained, it changes nothing. Features are not touched by it.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.lifting.layers_of_parts import of_parts
from condense_ns.lifting.source_shares import SourceShares

WIDTH = 16
REACH = 5
"""Pixels around a pixel that it depends on."""
BAND = 1 << 17
"""Pixels at a time."""
LEAST_SEEN = 0.05
"""Share of a ray that a source must have in view to be weighed."""


class PictureRefiner(nn.Module):
    """`SourceShares` of a picture -> the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            _convolution(9, WIDTH), nn.ReLU(True), _convolution(WIDTH, WIDTH), nn.ReLU(True)
        )
        self.weigh = nn.Sequential(
            _convolution(3 * WIDTH, WIDTH),
            nn.ReLU(True),
            _convolution(WIDTH, WIDTH, dilation=2),
            nn.ReLU(True),
            _silent(nn.Conv2d(WIDTH, 1, 1)),
        )

    def forward(self, shares: SourceShares) -> Float[Tensor, "height width 3"]:
        """RGB in [0, 1]; black where no source sees anything."""
        weights, colours = shares.weights[:, None], shares.colours.movedim(3, 1)
        apart = colours - shares.blended.movedim(2, 0)
        clues = (
            apart,
            apart.abs().mean(dim=1, keepdim=True),
            (weights + 1e-3).log() / 3,
            shares.hidden[:, None],
            20 * shares.angles[:, None],
            shares.seen[:, None],
            30 * shares.spreads[:, None],
        )
        told = self.enter(torch.cat(clues, dim=1))
        mean = (weights * told).sum(dim=0, keepdim=True)
        variance = (weights * (told - mean).square()).sum(dim=0, keepdim=True)
        logits = (weights + 1e-6).log() + of_parts(self.weigh, [told, mean, variance])
        logits = torch.where(shares.seen[:, None] > LEAST_SEEN, logits, -1e4)
        picture = (logits.softmax(dim=0) * colours).sum(dim=0)
        return picture.movedim(0, 2) * shares.lit[..., None]

    def in_bands(self, shares: SourceShares, pixels: int = BAND) -> Tensor:
        """The same, so many pixels at a time."""
        height, width = shares.lit.shape
        rows = max(1, pixels // width)
        found = []
        for top in range(0, height, rows):
            first, bottom = max(0, top - REACH), min(height, top + rows)
            band = self(shares.rows(first, min(height, bottom + REACH)))
            found.append(band[top - first : bottom - first])
        return torch.cat(found)


def _convolution(before: int, after: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        before, after, 3, padding=dilation, dilation=dilation, padding_mode="replicate"
    )


def _silent(layer: nn.Conv2d) -> nn.Conv2d:
    """Zero, whatever comes in, until it has learnt better."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
