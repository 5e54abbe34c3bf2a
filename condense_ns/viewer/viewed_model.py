"""A model as the viewer asks it: what cannot be rendered is a dark picture and a sentence.

Any error ends the host's thread that renders, and its picture would never change again.
"""

from collections.abc import Callable
from typing import Any

import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.models.base_model import Model
from torch import Tensor

from condense_ns.errors import UserError

OUTPUTS = {"rgb": 3, "depth": 1, "accumulation": 1, "feature_pca": 3}
"""What models over many scenes render -> its channels."""


class ViewedModel:
    """Passes everything on to the model, but for mistakes while a picture is rendered.

    Args:
        model: that is shown.
        tell: shows a sentence; called after every picture, with nothing if all went well.
    """

    def __init__(self, model: Model, tell: Callable[[str], None]) -> None:
        self._model, self._tell = model, tell

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def get_outputs_for_camera(
        self, camera: Cameras, obb_box: OrientedBox | None = None
    ) -> dict[str, Tensor]:
        """The model's picture, or a dark one."""
        try:
            outputs = self._model.get_outputs_for_camera(camera, obb_box=obb_box)
        except UserError as error:
            self._tell(str(error))
            size = int(camera.height.flatten()[0]), int(camera.width.flatten()[0])
            return {
                name: torch.zeros(*size, channels, device=self._model.device)
                for name, channels in OUTPUTS.items()
            }
        self._tell("")
        return outputs
