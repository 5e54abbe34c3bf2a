"""The features of an encoder themselves: ``features:<encoder spec>``."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators.base import OperatorError, SourceMap
from condense_ns.operators.encoder_operator import EncoderOperator
from condense_ns.rendering.pca_colours import fit_pca_colours, pca_colours

MOST_FITTED = 1 << 16
"""Features that the colours are fitted to."""

_Colours = tuple[Float[Tensor, " channels"], Float[Tensor, "channels 3"], Float[Tensor, "2 3"]]


class FeaturesOperator(EncoderOperator):
    """Features at pixels; their picture has colours that mean the same in all views of a scene."""

    _colours: _Colours | None = None

    def prepare(self, sources: Sequence[SourceMap]) -> None:
        """Fix the colours of the scene: its three directions of largest variance, and their range.

        Args:
            sources: a sample of the scene's source maps.

        Raises:
            OperatorError: there are none.
        """
        if not sources:
            raise OperatorError(
                f"{self.spec}: no source maps to fix the colours by; give at least one"
            )
        features = torch.cat([source.feature_map.flatten(0, 1) for source in sources])
        features = features[:: -(-len(features) // MOST_FITTED)].to(self.device)
        self._colours = (features.mean(dim=0), *fit_pca_colours(features))

    def decode(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "height width channels"]:
        """The features at pixels."""
        return on_grid(feature_map.to(self.device), *image.shape[-2:])

    def picture(
        self, answer: Float[Tensor, "height width answers"]
    ) -> Float[Tensor, "3 height width"]:
        """The features' three principal directions as colours.

        Raises:
            OperatorError: the colours have not been fixed.
        """
        if self._colours is None:
            raise OperatorError(
                f"{self.spec}: its colours are not fixed; call prepare with maps of the scene first"
            )
        return pca_colours(answer, *self._colours).permute(2, 0, 1)
