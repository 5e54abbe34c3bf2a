"""Colouring black-and-white photographs: ``colourise:<file.onnx>`` or ``torch:<module>:<callable>``.

In full ``colourise:<file.onnx>[#<output>][?ab=<range>]`` or
``colourise:torch:<module>:<callable>[?ab=<range>]``. The network must

* take images of shape (batch, 3, height, width) whose three channels all hold the lightness L of
  CIELAB (D65) divided by 100, so in [0, 1];
* answer (batch, 2, rows, columns): a and b of CIELAB divided by `range`, 110 unless said, so about
  [-1, 1]. With ``?ab=1`` it answers a and b themselves.

What is lifted is a and b. The answer has the lightness of the target's image and the lifted a and b:
fine structure comes from the image, colour from all source views.
"""

import math

import torch
from jaxtyping import Float
from kornia.color import lab_to_rgb, rgb_to_lab
from torch import Tensor

from condense_ns.encoders import build_encoder
from condense_ns.encoders.fingerprint import fingerprint
from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators.base import OperatorError
from condense_ns.operators.encoder_operator import EncoderOperator

CODE_VERSION = 1
LIGHTEST = 100.0
DEFAULT_RANGE = 110.0


def parse_colourise(spec: str) -> tuple[str, float]:
    """Spec of the network as an encoder, and what 1 in its answer stands for in CIELAB.

    Raises:
        OperatorError: no network, another option, or a range that is no positive number.
    """
    source, has_option, option = spec.removeprefix("colourise:").partition("?")
    try:
        ab_range = float(option.removeprefix("ab=")) if has_option else DEFAULT_RANGE
    except ValueError:
        ab_range = math.nan
    if not source or not 0.0 < ab_range < math.inf or (has_option and not option.startswith("ab=")):
        raise OperatorError(
            f"{spec}: expected colourise:<file.onnx or torch:module:callable>[?ab=<range>] with a range "
            "above 0, of CIELAB's a and b, for example ?ab=110"
        )
    is_torch = source.startswith("torch:")
    return source if is_torch else f"onnx:{source}?input=unit", ab_range


def lightness(
    images: Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """CIELAB's L of RGB in [0, 1], divided by 100."""
    return rgb_to_lab(images)[:, :1] / LIGHTEST


class ColouriseOperator(EncoderOperator):
    """The photograph in the colours that a network guesses from its lightness."""

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Open the network.

        Args:
            spec: see the module's docstring.
            device: where to compute.
            image_size: longest side in pixels of what the network sees.

        Raises:
            OperatorError: a network that answers other than two channels.
        """
        encoder_spec, self._ab_range = parse_colourise(spec)
        super().__init__(spec, build_encoder(encoder_spec, device, image_size))
        if self.channels != 2:
            raise OperatorError(
                f"{spec}: the network answers {self.channels} channels; expected 2, CIELAB's a and b"
            )
        self.fingerprint = fingerprint(
            {"operator": "colourise", "version": CODE_VERSION, "encoder": self.fingerprint}
        )

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns 2"]:
        """CIELAB's a and b as the network answers them for the images' lightness."""
        grey = lightness(images.to(torch.float32)).expand(-1, 3, -1, -1)
        return self._encoder.encode(grey)

    def decode(
        self, feature_map: Float[Tensor, "rows columns 2"], image: Float[Tensor, "3 height width"]
    ) -> Float[Tensor, "height width 3"]:
        """RGB in [0, 1]: the image's lightness with the map's colours."""
        light = LIGHTEST * lightness(image[None].to(self.device, torch.float32))
        ab = self._ab_range * on_grid(feature_map.to(self.device), *image.shape[-2:])
        lab = torch.cat([light, ab.permute(2, 0, 1)[None]], dim=1)
        return lab_to_rgb(lab)[0].clamp(0.0, 1.0).permute(1, 2, 0)

    def picture(self, answer: Float[Tensor, "height width 3"]) -> Float[Tensor, "3 height width"]:
        """The coloured image."""
        return answer.permute(2, 0, 1)
