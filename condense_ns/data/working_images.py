"""Some views of a posed scene as a dataset of nerfstudio, which its viewer and renderer read."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from nerfstudio.data.datasets.base_dataset import InputDataset
from torch import Tensor

from condense_ns.data.host_cameras import host_cameras
from condense_ns.data.posed_scene import PosedScene


class WorkingImages(InputDataset):
    """Working images with their ideal cameras.

    Args:
        scene: whose they are.
        views: their numbers in the scene.
    """

    def __init__(self, scene: PosedScene, views: list[int]) -> None:
        outputs = replace(
            scene.train_outputs,
            image_filenames=[scene.file(view) for view in views],
            cameras=host_cameras(scene.views[views]),
            mask_filenames=None,
            metadata={},
        )
        self.scene, self.views = scene, views
        super().__init__(outputs)

    def get_image_float32(self, image_idx: int) -> Float[Tensor, "height width 3"]:
        """One image, RGB in [0, 1]."""
        return self.scene.image(self.views[image_idx]).permute(1, 2, 0).contiguous()

    def get_numpy_image(self, image_idx: int) -> npt.NDArray[np.uint8]:
        """One image in 8 bits per colour."""
        return (self.get_image_float32(image_idx) * 255).round().byte().numpy()
