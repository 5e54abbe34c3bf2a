"""The keypoints of a run as points over the picture, and what is known of the one clicked on."""

import threading
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.viewer.keypoint_colours import KeypointColours
from condense_ns.viewer.keypoint_fields import KeypointFields
from condense_ns.viewer.keypoint_picking import click_ray, nearest_to_ray, tolerance_of
from condense_ns.viewer.keypoint_text import keypoint_text
from condense_ns.viewer.one_job import OneJob
from condense_ns.viewer.panel_fields import PanelFields, Place
from condense_ns.viewer.panel_scene import PanelScene

REACH = 0.015  # of the picture's height: how far beside a keypoint a click may be
MARK_SIZE = 2.5  # of a point's


@dataclass(frozen=True)
class _Shown:
    """A set, worked out as far as it does not depend on what the user chooses."""

    points: Float[Tensor, "keypoints 3"]
    """Positions in the model's frame."""
    normals: Float[Tensor, "keypoints 3"]
    """Unit vectors or zero, in the model's frame."""
    in_dataset: Keypoints3D
    colours: KeypointColours

    @classmethod
    def of(cls, keypoints: Keypoints3D) -> "_Shown":
        in_model, in_dataset = keypoints.in_frame("model"), keypoints.in_frame("dataset")
        points = in_model.xyz.float()
        return cls(points, in_model.normals, in_dataset, KeypointColours(keypoints))

    def in_front(self, size: float) -> Float[Tensor, "keypoints 3"]:
        """Positions moved out of the surface by half a point's size.

        A point is drawn as a flat disc; on the very surface the picture would hide half of them.
        """
        return self.points + 0.5 * size * self.normals


class KeypointLayer:
    """The behaviour of the folder `Keypoints`.

    Args:
        scene: the run.
        window: the panel around the folder: status line, picture and mouse.
        fields: the folder.
        job: the panel's; condensing takes its turn with what else takes long.
    """

    def __init__(
        self, scene: PanelScene, window: PanelFields, fields: KeypointFields, job: OneJob
    ) -> None:
        self.scene = scene
        self.window = window
        self.fields = fields
        self.job = job
        self._set: _Shown | None = None
        self._step = 0  # of the training when the scene was condensed
        self._drawing = threading.Lock()

    def shown_changed(self, client: int | None = None) -> None:
        """Show the keypoints or hide them; the scene is condensed if it has changed since, or never was."""
        del client
        current = self._set is not None and self._step == self.window.step
        if current or not self.fields.shown:
            self._draw()
        elif self.job.busy():
            self.fields.untick()
        else:
            self.job.start("condensing the scene into keypoints", self._load)

    def colouring_changed(self, client: int | None = None) -> None:
        """Show other colours and tell what they mean."""
        del client
        meaning = self._draw()
        if meaning is not None:
            self.window.tell(f"keypoints coloured by {meaning}")

    def points_changed(self, client: int | None = None) -> None:
        """Show other sizes or numbers of points."""
        del client
        self._draw()

    def panel_changed(self) -> None:
        """Another query or encoder: colours may depend on it."""
        if self.fields.colouring != "score":
            self._draw()

    def pick(self, client: int | None = None) -> None:
        """Wait for a click on a keypoint. A second press gives up."""
        del client
        if self.job.busy():
            return
        if self._set is None or not self.fields.shown:
            self.window.tell_error("no keypoints are shown; tick Show first")
            return
        self.window.wait_for("click", self._picked, "click on a keypoint in the picture")

    def _picked(self, places: list[Place], client: int | None) -> None:
        self.window.stop_pointing()
        view, keypoints, size = self.window.view(client), self._set, self.fields.size
        if view is None or keypoints is None or not self.fields.shown:
            return
        points = keypoints.in_front(size)[: self.fields.count]
        origin, direction = click_ray(view, places[0])
        number = nearest_to_ray(points, origin, direction, tolerance_of(view, REACH), size / 2)
        if number is None:
            self.window.tell_error("no keypoint there; press Find keypoint to try again")
            return
        nearer = points[number] - MARK_SIZE * size * direction  # not half behind its neighbours
        self.fields.mark(nearer, MARK_SIZE * size)
        self.fields.describe(keypoint_text(keypoints.in_dataset, number))
        self.window.tell(f"keypoint {number} found")

    def _load(self) -> str:
        """Condense the scene and show the keypoints, if that is still wanted."""
        try:
            with self.window.paused():
                step, keypoints = self.window.step, self.scene.keypoints()
            if keypoints is None or len(keypoints) == 0:
                raise UserError("this run has no keypoints to show")
            self._set, self._step = _Shown.of(keypoints), step
        except Exception:
            self.fields.untick()
            raise
        self.fields.describe("")  # what may stand there is about the keypoints before
        self.fields.offer(len(keypoints))
        meaning = self._draw()
        ready = f"{len(keypoints)} keypoints"
        return f"{ready}, coloured by {meaning}" if meaning else f"{ready}; tick Show to see them"

    def _draw(self) -> str | None:
        """Bring the points up to date; what colours mean, None if no points are shown.

        One at a time, each with what the fields say then: else an older choice might be drawn last.
        """
        with self._drawing:
            if not self.fields.shown:
                self.fields.hide()
                return None
            if self._set is None:
                return None
            query = self.scene.query
            query = None if query is None else query.to("cpu")
            colours, meaning = self._set.colours.of(
                self.fields.colouring, self.window.encoder, query
            )
            count, size = self.fields.count, self.fields.size
            self.fields.draw(self._set.in_front(size)[:count], colours[:count], size)
            return meaning
