"""Plain colours: ``rgb``. What is lifted is the photograph itself.

The identity among the operators: the simplest thing to lift, and what a lifted picture is judged by.
"""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.encoders.fingerprint import fingerprint
from condense_ns.encoders.preprocessing import grid_within
from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators.base import Operator

CODE_VERSION = 1


class RgbOperator(Operator):
    """A cell per pixel, its colour as the feature."""

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Say how fine the grid is.

        Args:
            spec: the text that names it.
            device: where its answers lie.
            image_size: most cells along the longer side of the image; None for its pixels.
        """
        self.spec = spec
        self.channels = 3
        self.device = device
        self._most_cells = image_size
        self.fingerprint = fingerprint(
            {"operator": "rgb", "version": CODE_VERSION, "image_size": image_size}
        )

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map of an image of `height` x `width` pixels."""
        longest = max(height, width)
        most = min(longest, self._most_cells or longest)
        return grid_within(height, width, most, most)

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns 3"]:
        """The colours, low-passed where there are fewer cells than pixels."""
        grid = self.grid_size(*images.shape[-2:])
        pixels = images.to(self.device)
        if grid != pixels.shape[-2:]:
            pixels = F.interpolate(pixels, size=grid, mode="bilinear", antialias=True)
        return pixels.permute(0, 2, 3, 1)

    def decode(
        self, feature_map: Float[Tensor, "rows columns 3"], image: Float[Tensor, "3 height width"]
    ) -> Float[Tensor, "height width 3"]:
        """The colours at pixels."""
        return on_grid(feature_map.to(self.device), *image.shape[-2:])

    def picture(self, answer: Float[Tensor, "height width 3"]) -> Float[Tensor, "3 height width"]:
        """The colours, cut to [0, 1]."""
        return answer.clamp(0.0, 1.0).permute(2, 0, 1)
