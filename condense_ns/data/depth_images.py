"""Depth images that come with a scene: files of numbers, of which some mean that nothing is known."""

from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32
from nerfstudio.data.datasets.depth_dataset import DepthDataset
from torch import Tensor

from condense_ns.data.photograph_pixels import Photographs


def read_depth(
    file: Path, height: int, width: int, unit: float
) -> Float32[np.ndarray, "height width"]:
    """A depth image, enlarged or reduced by copying the nearest pixel.

    The largest value of an integer type marks what is unknown (as 65535 in 7-Scenes) and becomes 0.

    Args:
        file: an image of 8, 16 or 32 bits, or an array (.npy).
        height: in pixels.
        width: in pixels.
        unit: what one step is in the units of the answer.

    Raises:
        OSError: it is no image.
        ValueError: it is no array.
    """
    stored = _stored(file)
    depth = stored.astype(np.float32) * np.float32(unit)
    if np.issubdtype(stored.dtype, np.integer):
        depth[stored == np.iinfo(stored.dtype).max] = 0.0
    return cv2.resize(depth, (width, height), interpolation=cv2.INTER_NEAREST)


def _stored(file: Path) -> np.ndarray:
    if file.suffix == ".npy":
        return np.load(file)
    found = cv2.imread(str(file.absolute()), cv2.IMREAD_ANYDEPTH)
    if found is None:
        raise OSError(f"{file} is no image")
    return found


class PhotographsWithDepth(Photographs, DepthDataset):
    """Photographs with the depth images that come with them, in which 0 is unknown."""

    def get_metadata(self, data: dict) -> dict[str, Tensor]:
        """The depth image of one photograph, [height width 1] in scene units."""
        index, outputs = data["image_idx"], self._dataparser_outputs
        size = int(outputs.cameras.height[index]), int(outputs.cameras.width[index])
        unit = self.metadata["depth_unit_scale_factor"] * outputs.dataparser_scale
        depth = read_depth(Path(self.metadata["depth_filenames"][index]), *size, unit)
        return {"depth_image": torch.from_numpy(depth[..., None])}
