"""What the models over many scenes render from: the scene that is shown, or an example instead."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from condense_ns.data.multi_scene_datamanager import MultiSceneDataManager
from condense_ns.data.scenes_datamanager import ScenesDataManager
from condense_ns.data.volume_datamanager import VolumeDataManager
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.models.cross_scene_model import CrossSceneModel
from condense_ns.models.lift3d import Lift3DModel
from condense_ns.pipelines.shown_sources import ShownSources
from condense_ns.pipelines.shown_volume import ShownVolume


@runtime_checkable
class ShownScene(Protocol):
    """Answers what its model's `surroundings` shall answer."""

    def surroundings(self, target: PinholeViews) -> Any:
        """Of a camera in the shown scene."""
        ...

    def of_example(self, example: Any) -> Any:
        """Of an example of the data manager."""
        ...


def shown_scene(
    datamanager: ScenesDataManager[Any], model: CrossSceneModel, spec: str | None
) -> ShownScene:
    """What fits the data manager's examples.

    Args:
        datamanager: that shows a scene.
        model: that renders it.
        spec: of the encoder whose features are shown; None for none.

    Raises:
        UserError: the data manager is of no method over many scenes.
    """
    if isinstance(datamanager, VolumeDataManager):
        return ShownVolume(datamanager)
    if isinstance(datamanager, MultiSceneDataManager) and isinstance(model, Lift3DModel):
        return ShownSources(datamanager, model.network, spec)
    raise UserError(
        f"{type(datamanager).__name__} is no data manager of lift3d or condense-pretrain"
    )


@contextmanager
def rendered_from(model: CrossSceneModel, surroundings: Any) -> Iterator[None]:
    """While this lasts, the model renders every camera from these surroundings."""
    before, model.surroundings = model.surroundings, lambda target: surroundings
    try:
        yield
    finally:
        model.surroundings = before
