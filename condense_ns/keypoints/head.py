"""The 2D head: a photograph and its feature map -> where keypoints are, and what they look like.

All maps cover the whole photograph, as feature maps do. The head works on the photograph resized to
a fixed longest side, so that scores mean the same for small and large ones. What it answers is a
classical detector's opinion (`keypoints/prior.py`) and the encoder's own features, plus what it has
learned: a head without training detects as its prior does and describes as the encoder does.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.errors import UserError

UNSHUFFLE = 2
"""The trunk works on blocks of so many pixels squared."""


@dataclass(frozen=True)
class HeadMaps:
    """What the head says of one photograph."""

    score_logits: Float[Tensor, "height width"]
    """How likely a keypoint lies at each pixel of the resized photograph."""
    offsets: Float[Tensor, "half_height half_width 2"]
    """Where in (x, y) the keypoint found at a place really lies, within a pixel of the resized photograph."""
    reliability_logits: Float[Tensor, "half_height half_width"]
    """How likely its descriptor finds the same place in other photographs."""
    descriptors: Float[Tensor, "rows columns descriptor"]
    """Unit vectors."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the resized photograph."""
        height, width = self.score_logits.shape
        return height, width


class KeypointHead(nn.Module):
    """Learned corrections of a prior's scores and an encoder's features.

    Args:
        channels: of the encoder's features.
        descriptor_dim: of the descriptors; the encoder's own features start as descriptors if equal.
        width: channels of the trunk.
        image_size: longest side in pixels of the resized photograph.
    """

    def __init__(
        self, channels: int, descriptor_dim: int = 64, width: int = 24, image_size: int = 640
    ) -> None:
        super().__init__()
        self.channels, self.descriptor_dim = channels, descriptor_dim
        self.width, self.image_size = width, image_size
        colours = 3 * UNSHUFFLE**2
        self.trunk = nn.Sequential(
            nn.Conv2d(colours, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
        )
        self.reduce = nn.Conv2d(channels, width, 1)
        self.mix = nn.Sequential(nn.Conv2d(2 * width, width, 1), nn.GELU())
        self.answers = nn.Conv2d(width, UNSHUFFLE**2 + 3, 3, padding=1)
        self.same = nn.Conv2d(channels, descriptor_dim, 1, bias=False)
        self.change = nn.Sequential(
            nn.Conv2d(channels, descriptor_dim, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(descriptor_dim, descriptor_dim, 1),
        )
        self._start_as_the_prior()

    def _start_as_the_prior(self) -> None:
        for last in (self.answers, self.change[-1]):
            assert isinstance(last, nn.Conv2d)
            assert last.bias is not None
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        if self.channels == self.descriptor_dim:
            nn.init.dirac_(self.same.weight)
        else:
            nn.init.orthogonal_(self.same.weight.data.flatten(1))

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a photograph gets, both multiples of 2, the longer `image_size`."""
        scale = self.image_size / max(height, width)
        return tuple(max(2, 2 * round(side * scale / 2)) for side in (height, width))  # type: ignore[return-value]

    def resized(self, image: Float[Tensor, "3 rows columns"]) -> Float[Tensor, "3 height width"]:
        """A photograph as the head and its prior see it."""
        size = self.resized_size(*image.shape[1:])
        return F.interpolate(
            image[None], size, mode="bilinear", align_corners=False, antialias=True
        )[0]

    def forward(
        self,
        image: Float[Tensor, "3 height width"],
        feature_map: Float[Tensor, "rows columns channels"],
        prior_logits: Float[Tensor, "height width"],
    ) -> HeadMaps:
        """The maps of one photograph.

        Args:
            image: RGB in [0, 1], of `resized_size`.
            feature_map: of the encoder, on the whole photograph.
            prior_logits: of the detector that the head starts from.

        Raises:
            UserError: features of another encoder.
        """
        if feature_map.shape[-1] != self.channels:
            raise UserError(
                f"the keypoint head was trained on features of {self.channels} channels, these have "
                f"{feature_map.shape[-1]}; use the encoder that it was trained with"
            )
        features = feature_map.permute(2, 0, 1)[None]
        blocks = self.trunk(F.pixel_unshuffle(image[None] - 0.5, UNSHUFFLE))
        semantic = F.interpolate(
            self.reduce(F.normalize(features, dim=1)),
            blocks.shape[-2:],
            mode="bilinear",
            align_corners=False,
        )
        answers = self.answers(self.mix(torch.cat([blocks, semantic], dim=1)))
        correction, rest = answers[:, : UNSHUFFLE**2], answers[0, UNSHUFFLE**2 :]
        scores = prior_logits + F.pixel_shuffle(correction, UNSHUFFLE)[0, 0]
        scaled = F.normalize(features, dim=1)
        descriptors = F.normalize(self.same(scaled) + self.change(scaled), dim=1)
        return HeadMaps(
            score_logits=scores,
            offsets=rest[:2].tanh().permute(1, 2, 0),
            reliability_logits=rest[2],
            descriptors=descriptors[0].permute(1, 2, 0),
        )
