"""Which of the scenes of a run the viewer shows."""

from typing import Protocol, runtime_checkable

from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.viewer.viewer_elements import ViewerControl, ViewerDropdown


@runtime_checkable
class Scenes(Protocol):
    """What shows one of several scenes."""

    @property
    def train_dataset(self) -> InputDataset:
        """Images that the shown scene is rendered from."""
        ...

    @property
    def eval_dataset(self) -> InputDataset:
        """Images of the shown scene that are held out."""
        ...

    @property
    def scene_names(self) -> list[str]:
        """All of them, the one that is shown first in front."""
        ...

    def show_scene(self, name: str) -> None:
        """Make another scene the one that is shown."""
        ...


class SceneSelector(ViewerDropdown[str], ViewerControl):
    """A list of the scenes; choosing one shows its cameras and renders from its photographs.

    Args:
        scenes: of the run.
    """

    def __init__(self, scenes: Scenes) -> None:
        names = scenes.scene_names
        super().__init__(
            "Scene", names[0], names, cb_hook=self._chosen, hint="Render from this one"
        )
        self._scenes = scenes

    def _chosen(self, element: ViewerDropdown[str]) -> None:
        """Show the scene that was chosen; the host renders again afterwards."""
        self._scenes.show_scene(element.value)
        viewer = self.viewer
        for frustum in viewer.camera_handles.values():
            frustum.remove()
        viewer.init_scene(
            self._scenes.train_dataset,
            getattr(viewer, "train_state", "completed"),
            self._scenes.eval_dataset,
        )
