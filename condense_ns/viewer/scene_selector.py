"""Which of the scenes of a run the viewer shows."""

from functools import partial
from typing import Any, Protocol, runtime_checkable

import viser
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.viewer.viewer_elements import ViewerControl, ViewerDropdown

from condense_ns.errors import UserError
from condense_ns.viewer.markdown import as_markdown
from condense_ns.viewer.viewed_model import ViewedModel


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

    Below it stands why a scene cannot be opened, or a picture cannot be rendered.

    Args:
        scenes: of the run.
    """

    def __init__(self, scenes: Scenes) -> None:
        names = scenes.scene_names
        super().__init__(
            "Scene", names[0], names, cb_hook=self._chosen, hint="Render from this one"
        )
        self._scenes, self._shown = scenes, names[0]
        self._sentences = {"scene": "", "cameras": "", "picture": ""}

    def _create_gui_handle(self, viser_server: viser.ViserServer) -> None:
        super()._create_gui_handle(viser_server)
        self._status = viser_server.gui.add_markdown("")

    def _setup(self, viewer: Any) -> None:
        """Get to know the viewer, which from now on survives what cannot be rendered."""
        super()._setup(viewer)
        viewed = ViewedModel(viewer.get_model(), partial(self._tell, "picture"))
        viewer.get_model = lambda: viewed

    def _chosen(self, element: ViewerDropdown[str]) -> None:
        """Show the scene that was chosen; the host renders again afterwards."""
        name = element.value
        if name == self._shown:  # put back below
            return
        try:
            self._scenes.show_scene(name)
        except UserError as error:
            self._tell("scene", str(error))
            element.value = self._shown
            return
        self._shown = name
        self._tell("scene", "")
        try:
            self._draw_cameras()
        except UserError as error:
            self._tell("cameras", str(error))
        else:
            self._tell("cameras", "")

    def _draw_cameras(self) -> None:
        """The shown scene's cameras in place of those before, hidden if those were."""
        viewer = self.viewer
        for frustum in viewer.camera_handles.values():
            frustum.remove()
        viewer.init_scene(
            self._scenes.train_dataset,
            getattr(viewer, "train_state", "completed"),
            self._scenes.eval_dataset,
        )
        if viewer.show_images.visible:  # the button that undoes hiding
            viewer.set_camera_visibility(False)

    def _tell(self, about: str, sentence: str) -> None:
        """Show what went wrong, if it is not shown already; nothing takes it back."""
        if self._sentences[about] == sentence:
            return
        self._sentences[about] = sentence
        told = " ".join(dict.fromkeys(filter(None, self._sentences.values())))
        self._status.content = f"\N{WARNING SIGN} {as_markdown(told)}" if told else ""
