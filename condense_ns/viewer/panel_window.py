"""The panel in nerfstudio's viewer, with viser: fields, buttons, status line.

One `ViewerElement` lays out the whole panel, because the host would sort single elements by attribute
name, and would run their callbacks with the train lock held, that is, after a slow picture is done.
It is a `ViewerControl` as well and so gets to know the viewer.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import viser
from nerfstudio.viewer.utils import get_camera
from nerfstudio.viewer.viewer_elements import ViewerControl, ViewerElement

from condense_ns.retrieval.negatives import DEFAULT_NEGATIVES
from condense_ns.viewer.feature_panel import FeaturePanel
from condense_ns.viewer.keypoint_layer import KeypointLayer
from condense_ns.viewer.keypoint_window import KeypointWindow
from condense_ns.viewer.markdown import as_markdown
from condense_ns.viewer.panel_fields import PanelFields, Pointed, Pointing
from condense_ns.viewer.panel_scene import PanelScene, View

LOGGER = logging.getLogger(__name__)
PICTURE_HEIGHT = 512  # pixels of the camera that places are looked up with


class ViserPanel(ViewerElement[str], ViewerControl, PanelFields):
    """The panel as an element that the host finds on the pipeline and installs.

    Args:
        scene: the run that is shown.
    """

    def __init__(self, scene: PanelScene) -> None:
        super().__init__("Features")
        self.panel = FeaturePanel(scene, self)
        self.pointing: Pointing | None = None
        self.then: Pointed | None = None

    def install(self, viser_server: viser.ViserServer) -> None:
        """Build the panel inside the folder that the host has opened."""
        self._create_gui_handle(viser_server)

    def _create_gui_handle(self, viser_server: viser.ViserServer) -> None:
        gui, panel = viser_server.gui, self.panel
        self._gui = gui
        self._status = gui.add_markdown("")
        self.tell("ready; write what to look for into Positives and press Search")
        with gui.add_folder("Features"):
            self._encoder = gui.add_dropdown(
                "Encoder",
                panel.scene.encoders,
                hint="Whose features feature_pca shows and queries ask",
            )
            self._encoder.on_update(self._guarded(panel.encoder_changed))
            self._button("Refresh PCA colours", panel.refresh_colours, "Fit them to this view")
            self._button("Reset PCA colours", panel.reset_colours, "Those saved with the run")
        with gui.add_folder("Search"):
            self._positives = gui.add_text(
                "Positives", "", hint="What to look for; several words for one thing between ;"
            )
            self._negatives = gui.add_text(
                "Negatives", "; ".join(DEFAULT_NEGATIVES), hint="What to tell it apart from"
            )
            self._button("Search", panel.search, "Look for the words")
            self._button("Pick a point", panel.pick_point, "Look for what you click on")
            self._button("Query by image crop", panel.pick_region, "Look for what you drag over")
            self._image_file = gui.add_text(
                "Image file", "", hint="Path on the machine that runs the viewer"
            )
            self._button("Query by image file", panel.search_image_file, "Look for the picture")
            self._threshold = gui.add_slider(
                "Threshold", 0.0, 1.0, 0.01, 0.5, hint="Relevancy above which it counts as found"
            )
            self._threshold.on_update(self._by_user(panel.threshold_changed))
            self._automatic = gui.add_checkbox(
                "Automatic",
                initial_value=True,
                hint="Choose it from the scene; for words, only if you tick this after a search",
            )
            self._automatic.on_update(self._by_user(panel.automatic_changed))
            self._button("Clear", panel.clear, "Forget the query")
        if panel.scene.has_keypoints:
            self._add_keypoints(viser_server)

    def _add_keypoints(self, viser_server: viser.ViserServer) -> None:
        fields = KeypointWindow()
        layer = KeypointLayer(self.panel.scene, self, fields, self.panel.job)
        fields.build(viser_server, layer, self._guarded, self._by_user)
        self.panel.followers.append(layer.panel_changed)

    def _button(self, label: str, action: Callable[[int | None], None], hint: str) -> None:
        self._gui.add_button(label, hint=hint).on_click(self._guarded(action))

    def _guarded(self, action: Callable[[int | None], None]) -> Callable[[Any], None]:
        """The action for the client of an event; its errors go to the status line.

        viser would only print them.
        """

        def handle(event: viser.GuiEvent) -> None:
            try:
                action(event.client_id)
            except Exception as error:
                LOGGER.exception("the panel failed")
                self.tell_error(f"{type(error).__name__}: {error}; the terminal shows where")

        return handle

    def _by_user(self, action: Callable[[int | None], None]) -> Callable[[Any], None]:
        """The same, if a browser window changed the field and not the panel itself."""
        handle = self._guarded(action)
        return lambda event: None if event.client_id is None else handle(event)

    @property
    def encoder(self) -> str:
        """Spec of the chosen encoder."""
        return self._encoder.value

    @property
    def positives(self) -> str:
        """What is looked for, as it stands in its field."""
        return self._positives.value

    @property
    def negatives(self) -> str:
        """What it is told apart from, as it stands in its field."""
        return self._negatives.value

    @property
    def image_file(self) -> str:
        """The path in its field."""
        return self._image_file.value

    @property
    def threshold(self) -> float:
        """Where the slider stands."""
        return self._threshold.value

    @property
    def automatic(self) -> bool:
        """Whether the box beside the slider is ticked."""
        return self._automatic.value

    @property
    def step(self) -> int:
        """The last step of the training as far as the viewer has been told of it."""
        return self.viewer.step

    def show_threshold(self, threshold: float, automatic: bool) -> None:
        """Put slider and box there, which does not count as the user's doing."""
        if self._threshold.value != threshold:
            self._threshold.value = threshold
        if self._automatic.value != automatic:
            self._automatic.value = automatic

    def tell(self, sentence: str) -> None:
        """Show a sentence in the status line."""
        self._status.content = f"**Status:** {as_markdown(sentence)}"

    def tell_error(self, sentence: str) -> None:
        """Show a sentence about something that went wrong."""
        self.tell(f"\N{WARNING SIGN} {sentence}")

    def view(self, client: int | None) -> View | None:
        """What that browser window looks at, or any other if it is gone; None without one."""
        windows = self.viser_server.get_clients()
        if not windows:
            return None
        window = windows[client] if client in windows else next(iter(windows.values()))
        state = self.viewer.get_camera_state(window)
        camera = get_camera(state, PICTURE_HEIGHT, int(PICTURE_HEIGHT * state.aspect))
        controls = self.viewer.control_panel
        return View(camera, controls.crop_obb if controls.crop_viewport else None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No rendering or training inside; a new picture afterwards.

        The first call breaks off a slow picture, which would hold the lock until it is done.
        """
        self.viewer._trigger_rerender()
        with self.viewer.train_lock or nullcontext():
            yield
        self.viewer._trigger_rerender()

    def point(self, how: Pointing, then: Pointed) -> None:
        """Call `then` with the places and the browser window when the user points next."""
        scene = self.viser_server.scene

        def pointed(event: viser.ScenePointerEvent) -> None:
            self._guarded(lambda client: then(list(event.screen_pos), client))(event)

        scene.on_pointer_event(event_type=how)(pointed)
        scene.on_pointer_callback_removed(self._pointing_ended)
        self.pointing, self.then = how, then

    def stop_pointing(self) -> None:
        """Give the mouse back to the camera."""
        if self.pointing is not None:
            self.viser_server.scene.remove_pointer_callback()

    def _pointing_ended(self) -> None:
        self.pointing = None

    def show_output(self, name: str) -> str:
        """Show that output if plain colours are shown; the output that is shown then.

        The host's dropdown is private to its control panel, but nothing else selects an output.
        """
        outputs = self.viewer.control_panel._output_render
        if outputs.value == "rgb" and name in outputs.options:
            outputs.value = name
        return outputs.value
