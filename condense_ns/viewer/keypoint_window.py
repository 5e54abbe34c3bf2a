"""The folder `Keypoints` in nerfstudio's viewer and its points over the picture, with viser."""

from collections.abc import Callable
from typing import Any

import viser
from jaxtyping import Float, UInt8
from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO
from torch import Tensor

from condense_ns.viewer.keypoint_colours import Colouring
from condense_ns.viewer.keypoint_fields import KeypointFields
from condense_ns.viewer.keypoint_layer import KeypointLayer

FIRST_COUNT = 20_000  # as many as any browser turns smoothly
SIZES = (1, 50, 1)  # lowest, highest, step in thousandths; the cameras lie in [-1, 1]
FIRST_SIZE = 8
MARK_COLOUR = (255, 0, 255)  # in none of the colour maps

Handler = Callable[[Any], None]
Guard = Callable[[Callable[[int | None], None]], Handler]
"""Makes an action of the layer into what viser calls."""


class KeypointWindow(KeypointFields):
    """The fields and the points. `build` comes before everything else."""

    def build(
        self, server: viser.ViserServer, layer: KeypointLayer, guarded: Guard, by_user: Guard
    ) -> None:
        """Build the folder inside the container that is open.

        Args:
            server: the viewer's.
            layer: what the fields change.
            guarded: around what buttons do.
            by_user: around what fields do, which the program changes as well.
        """
        self._server = server
        self._points: viser.PointCloudHandle | None = None
        self._mark: viser.PointCloudHandle | None = None
        self._count_changed = by_user(layer.points_changed)
        gui = server.gui
        self._folder = gui.add_folder("Keypoints")
        with self._folder:
            self._shown = gui.add_checkbox(
                "Show",
                initial_value=False,
                hint="Condenses the scene if training has gone on; the picture waits meanwhile",
            )
            self._shown.on_update(by_user(layer.shown_changed))
            self._colouring = gui.add_dropdown(
                "Colour",
                ("score", "PCA", "query"),
                hint="PCA: of the chosen encoder's descriptor; query: relevancy to what you search",
            )
            self._colouring.on_update(by_user(layer.colouring_changed))
            self._size = gui.add_slider(
                "Size", *SIZES, FIRST_SIZE, hint="Thousandths of the model's unit of length"
            )
            self._size.on_update(by_user(layer.points_changed))
            self._count = gui.add_slider(
                "Count", 0, 1, 1, 1, disabled=True, hint="How many of the best; tick Show first"
            )
            find = gui.add_button("Find keypoint", hint="Read about the one you click on")
            find.on_click(guarded(layer.pick))
            self._text = gui.add_markdown("")

    @property
    def shown(self) -> bool:
        """Whether the box is ticked."""
        return self._shown.value

    @property
    def colouring(self) -> Colouring:
        """What colours mean."""
        return self._colouring.value

    @property
    def size(self) -> float:
        """Diameter of the points in the model's unit of length."""
        return self._size.value / 1000

    @property
    def count(self) -> int:
        """How many keypoints to show, the best ones."""
        return self._count.value

    def untick(self) -> None:
        """Take the tick out of the box, which does not count as the user's doing."""
        self._shown.value = False

    def offer(self, count: int) -> None:
        """Let the user choose up to that many keypoints.

        viser cannot move the end of a slider, so another one takes its place.
        """
        order = self._count.order
        self._count.remove()
        with self._folder:
            self._count = self._server.gui.add_slider(
                "Count",
                0,
                count,
                1,
                min(count, FIRST_COUNT),
                hint="How many of the best",
                order=order,
            )
        self._count.on_update(self._count_changed)

    def draw(
        self,
        points: Float[Tensor, "points 3"],
        colours: UInt8[Tensor, "points 3"],
        size: float,
    ) -> None:
        """Show these points, in nerfstudio's coordinates, instead of those drawn before."""
        self._points = self._cloud("/keypoints", points, colours, size)

    def mark(self, point: Float[Tensor, "3"], size: float) -> None:
        """Make one point stand out, instead of the one marked before."""
        colours = point.new_tensor([MARK_COLOUR]).byte()
        self._mark = self._cloud("/found_keypoint", point[None], colours, size)

    def _cloud(
        self,
        name: str,
        points: Float[Tensor, "points 3"],
        colours: UInt8[Tensor, "points 3"],
        size: float,
    ) -> viser.PointCloudHandle:
        """A cloud of that name, which takes the place of one that is there."""
        return self._server.scene.add_point_cloud(
            name,
            points.numpy() * VISER_NERFSTUDIO_SCALE_RATIO,
            colours.numpy(),
            point_size=size * VISER_NERFSTUDIO_SCALE_RATIO,
            point_shape="circle",
        )

    def hide(self) -> None:
        """Show neither points nor mark."""
        for cloud in (self._points, self._mark):
            if cloud is not None:
                cloud.visible = False

    def describe(self, markdown: str) -> None:
        """Show this text about a keypoint."""
        self._text.content = markdown
