"""Feed-forward style transfer: ``style:<folder>``, a folder as `style_weights` describes it.

The network is cut at its narrowest, so what is lifted already carries the style. The network normalises
by the statistics of each image, so that a place changes its colours with whatever else is in view. Once
`prepare` has seen the scene, the back takes statistics of all its maps together for every view.

The network pads with zeros, which paints a gaudy frame that would stick to the camera instead of the
scene, and whose extremes would set the contrast of all the rest. So it is given a margin of repeated
border, whose cells and pixels are cut off again. The margin is wider at the left and at the top: a
cell of the network looks right of and below its centre (see `style_network`), and thus half a pixel
to the left and above.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.encoders.fingerprint import files_digest, fingerprint
from condense_ns.encoders.preprocessing import PREPROCESSING_VERSION, patch_grid, resize_to_grid
from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators.base import Operator, SourceMap
from condense_ns.operators.style_network import (
    MIDDLE_CHANNELS,
    STRIDE,
    BackStatistics,
    StyleNetwork,
    weight_shapes,
)
from condense_ns.operators.style_weights import read_weights, weight_files

CODE_VERSION = 1
FRONT_MARGIN = 8
"""Cells about an image that the front sees."""
BACK_MARGIN = 2
"""Cells about a map that the back sees, a repetition of its border."""
SHIFT = 2
"""Pixels by which the margin is wider at the left and at the top, and narrower opposite."""


class StyleOperator(Operator):
    """The answer is the photograph in another style."""

    rendered_share, painted_share = 0.8, 0.5

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Read the network.

        Args:
            spec: ``style:<folder>``.
            device: where to compute.
            image_size: longest side in pixels of what the network sees; None for the photographs' own.
                Strokes keep their size in the pixels that it sees.

        Raises:
            OperatorError: a folder that cannot be read.
        """
        folder = Path(spec.removeprefix("style:")).expanduser()
        shapes = weight_shapes()
        self._network = StyleNetwork(read_weights(folder, shapes)).to(device)
        self._image_size = image_size
        self._statistics: BackStatistics | None = None
        self.spec = spec
        self.channels = MIDDLE_CHANNELS
        self.device = device
        self.fingerprint = fingerprint(
            {
                "operator": "style",
                "versions": [CODE_VERSION, PREPROCESSING_VERSION],
                "weights": files_digest(weight_files(folder, shapes)),
                "image_size": image_size,
            }
        )

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map of an image of `height` x `width` pixels."""
        longest = self._image_size or max(height, width)
        return patch_grid(height, width, STRIDE, longest)

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """The middle of the network."""
        grid = self.grid_size(*images.shape[-2:])
        pixels = resize_to_grid(images.to(self.device, torch.float32), grid, STRIDE)
        before, after = STRIDE * FRONT_MARGIN + SHIFT, STRIDE * FRONT_MARGIN - SHIFT
        padded = F.pad(pixels, (before, after, before, after), mode="replicate")
        inside = slice(FRONT_MARGIN, -FRONT_MARGIN)
        return self._network.front(padded)[..., inside, inside].permute(0, 2, 3, 1).contiguous()

    @torch.no_grad()
    def prepare(self, sources: Sequence[SourceMap]) -> None:
        """Fix the statistics of the scene.

        Args:
            sources: a sample of the scene's source maps.
        """
        if sources:
            middles = [self._with_margin(source.feature_map) for source in sources]
            self._statistics = self._network.back_statistics(middles)

    def decode(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "height width 3"]:
        """Colours in [0, 1]."""
        return self._decoded(feature_map, image, self._statistics)

    def decode_alone(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "height width 3"]:
        """Colours in [0, 1], normalised by this map's own statistics."""
        return self._decoded(feature_map, image, None)

    def _with_margin(
        self, feature_map: Float[Tensor, "rows columns channels"]
    ) -> Float[Tensor, "1 channels more_rows more_columns"]:
        middle = feature_map.to(self.device).permute(2, 0, 1)[None]
        return F.pad(middle, (BACK_MARGIN,) * 4, mode="replicate")

    @torch.no_grad()
    def _decoded(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
        statistics: BackStatistics | None,
    ) -> Float[Tensor, "height width 3"]:
        colours = self._network.back(self._with_margin(feature_map), statistics)[0]
        first = STRIDE * BACK_MARGIN + SHIFT
        rows, columns = (STRIDE * cells for cells in feature_map.shape[:2])
        inside = colours[:, first : first + rows, first : first + columns]
        return on_grid(inside.permute(1, 2, 0), *image.shape[-2:]).clamp(0.0, 1.0)

    def picture(self, answer: Float[Tensor, "height width 3"]) -> Float[Tensor, "3 height width"]:
        """The stylised image."""
        return answer.permute(2, 0, 1)
