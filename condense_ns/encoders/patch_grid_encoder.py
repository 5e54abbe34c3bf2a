"""What encoders share that accept images of any multiple of their patch, or of several patches."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import ImageEncoder
from condense_ns.encoders.preprocessing import patch_grid, resize_to_grid


class PatchGridEncoder(ImageEncoder):
    """The grid of an image and the image on that grid; `patch_size` must be set first.

    `_step` is what the sides of the image must be multiples of, in pixels; None for the patch.
    """

    _image_size: int
    _step: int | None = None

    def _choose_image_size(self, image_size: int) -> None:
        """Let the network see images of that longest side, in pixels.

        Raises:
            EncoderError: it is smaller than a patch, or than a step.
        """
        patch_grid(1, 1, self.patch_size, image_size, self._step)
        self._image_size = image_size

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the feature map of an image of `height` x `width` pixels."""
        return patch_grid(height, width, self.patch_size, self._image_size, self._step)

    def _on_grid(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> tuple[Float[Tensor, "batch 3 resized_height resized_width"], tuple[int, int]]:
        """The images on whole patches, on `device`, and the rows and columns of their grid."""
        grid = self.grid_size(*images.shape[-2:])
        return resize_to_grid(images.to(self.device, torch.float32), grid, self.patch_size), grid
