"""What the panel's buttons do: colours of features, and queries by word, place and picture.

Whatever may take long runs in a thread of its own and holds the picture only while it renders a few
rays or puts in its result.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.rendering.pca_colours import fit_pca_colours
from condense_ns.retrieval.asking import crop_query, feature_query, text_query
from condense_ns.retrieval.relevancy import Query, Rule, relevancy
from condense_ns.retrieval.threshold import DEFAULT_THRESHOLD, with_threshold
from condense_ns.viewer.one_job import OneJob
from condense_ns.viewer.panel_fields import PanelFields, Place, Pointed, Pointing
from condense_ns.viewer.panel_scene import PanelScene, View

PCA_GRID, REGION_GRID, FOUND_GRID = 96, 24, 48  # rays per side
FEWEST_COLOURED = 16  # places with a surface that a PCA is fitted to


class FeaturePanel:
    """The panel's behaviour.

    Args:
        scene: the run.
        window: the fields and the picture.
    """

    def __init__(self, scene: PanelScene, window: PanelFields) -> None:
        self.scene = scene
        self.window = window
        self.job = OneJob(window.tell, window.tell_error)
        self.thresholds: dict[Rule, float | None] = {"softmax": DEFAULT_THRESHOLD, "cosine": None}
        """What the user wants for queries of that rule; None is automatic."""
        self.followers: list[Callable[[], None]] = []
        """Called after another encoder or something else to look for was chosen."""

    def encoder_changed(self, client: int | None = None) -> None:
        """Show the chosen encoder's features."""
        del client
        spec = self.window.encoder
        with self.window.paused():
            self.scene.show_encoder(spec)
            query = self.scene.query
        self._tell_followers()
        sentence = f"feature_pca shows {spec}"
        if query is None or query.encoder == spec:
            self.window.tell(f"{sentence}; queries ask it")
        else:
            self.window.tell(
                f"{sentence}; the query '{query.label}' still asks {query.encoder}, ask anew if you like"
            )

    def threshold_changed(self, client: int | None = None) -> None:
        """Apply the slider, which the user has moved, to the present query."""
        del client
        threshold = self.window.threshold
        self._want(threshold)
        if self.window.automatic:
            self.window.show_threshold(threshold, automatic=False)
        if self.scene.query is None:
            return
        with self.window.paused():
            if self.scene.query is not None:
                self.scene.show_query(replace(self.scene.query, threshold=threshold))

    def automatic_changed(self, client: int | None = None) -> None:
        """Choose the present query's threshold from the scene, or leave it where it is."""
        if not self.window.automatic:
            self.threshold_changed(client)
            return
        if self.job.busy():
            self.window.show_threshold(self.window.threshold, automatic=False)
            return
        self._want(None)
        query, view = self.scene.query, self.window.view(client)
        if query is not None:
            unchosen = replace(query, threshold=None)
            self.job.start(
                f"choosing the threshold of '{query.label}'", lambda: self._show(unchosen, view)
            )

    def refresh_colours(self, client: int | None = None) -> None:
        """Fit the colours to what is in view."""
        spec, view = self.window.encoder, self.window.view(client)

        def job() -> str:
            features = self._rendered(spec, view, grid((0.0, 0.0), (1.0, 1.0), PCA_GRID))
            if len(features) < FEWEST_COLOURED:
                raise UserError("too little of the scene is in view to fit colours to; move closer")
            basis, limits = fit_pca_colours(features)
            limits = limits + (features.mean(dim=0) - self.scene.centre(spec)) @ basis
            with self.window.paused():
                self.scene.show_colours(spec, (basis, limits))
            shown = self.window.show_output("feature_pca")
            return f"colours of {spec} fitted to this view{elsewhere(shown, 'feature_pca')}"

        self.job.start(f"fitting colours of {spec}", job)

    def reset_colours(self, client: int | None = None) -> None:
        """Go back to the colours that were saved with the run."""
        del client
        if self.job.busy():
            return
        with self.window.paused():
            self.scene.show_colours(self.window.encoder, None)
        self.window.tell(f"colours of {self.window.encoder} as saved with the run")

    def search(self, client: int | None = None) -> None:
        """Ask in words."""
        spec, view = self.window.encoder, self.window.view(client)
        positives, negatives = self.window.positives, self.window.negatives

        def job() -> str:
            if not positives.strip(" ;"):
                raise UserError("no words to search for; write them into Positives")
            encoder = self.scene.text_encoder(spec)
            centre = self.scene.centre(spec)
            query = text_query(
                encoder,
                positives.split(";"),
                negatives.split(";"),
                centre,
                self.thresholds["softmax"],
            )
            return self._show(query, view)

        self.job.start(f"encoding text '{positives.strip()}' with {spec}", job)

    def search_image_file(self, client: int | None = None) -> None:
        """Ask with a picture on the disk of the machine that runs the viewer."""
        spec, view = self.window.encoder, self.window.view(client)
        file = self.window.image_file.strip()

        def job() -> str:
            if not file:
                raise UserError("no picture to search for; write the path of one into Image file")
            encoder: ImageEncoder = self.scene.encoder(spec)
            centre, threshold = self.scene.centre(spec), self.thresholds["cosine"]
            return self._show(
                crop_query(encoder, Path(file).expanduser(), None, centre, threshold), view
            )

        self.job.start(f"encoding image {file} with {spec}", job)

    def pick_point(self, client: int | None = None) -> None:
        """Wait for a click: its pixel becomes the query. A second press gives up."""
        del client
        self._wait_for("click", self._point_picked, "click on a thing in the picture")

    def pick_region(self, client: int | None = None) -> None:
        """Wait for a rectangle: its mean becomes the query. A second press gives up."""
        del client
        self._wait_for("rect-select", self._region_picked, "drag a rectangle over the picture")

    def clear(self, client: int | None = None) -> None:
        """Forget the query."""
        del client
        if self.job.busy():
            return
        self.window.stop_pointing()
        with self.window.paused():
            self.scene.show_query(None)
        self._tell_followers()
        self.window.tell("no query")

    def _wait_for(self, how: Pointing, then: Pointed, instruction: str) -> None:
        if not self.job.busy():
            self.window.wait_for(how, then, instruction)

    def _tell_followers(self) -> None:
        for follower in self.followers:
            follower()

    def _point_picked(self, places: list[Place], client: int | None) -> None:
        label = "the point at {:.0%}, {:.0%}".format(*places[0])
        self._search_example(torch.tensor(places), client, label)

    def _region_picked(self, places: list[Place], client: int | None) -> None:
        (left, top), (right, bottom) = places
        label = f"the region {left:.0%}-{right:.0%}, {top:.0%}-{bottom:.0%}"
        self._search_example(grid((left, top), (right, bottom), REGION_GRID), client, label)

    def _search_example(
        self, places: Float[Tensor, "places 2"], client: int | None, label: str
    ) -> None:
        self.window.stop_pointing()
        spec, view = self.window.encoder, self.window.view(client)

        def job() -> str:
            features = self._rendered(spec, view, places)
            centre, threshold = self.scene.centre(spec), self.thresholds["cosine"]
            return self._show(feature_query(spec, features, centre, threshold, label), view)

        self.job.start(f"reading {label}", job)

    def _rendered(
        self, spec: str, view: View | None, places: Float[Tensor, "places 2"]
    ) -> Float[Tensor, "surface channels"]:
        if view is None:
            raise UserError("no browser window is connected, so there is no view")
        with self.window.paused():
            return self.scene.features(spec, view, places)

    def _want(self, threshold: float | None) -> None:
        """Remember a wish: for queries like the present one, or for all if there is none."""
        query = self.scene.query
        for rule in self.thresholds if query is None else (query.rule,):
            self.thresholds[rule] = threshold

    def _show(self, query: Query, view: View | None) -> str:
        """Put a query in; how much of the view it finds."""
        automatic = query.threshold is None
        if automatic:
            with self.window.paused():
                sample = self.scene.sample(query.encoder)
            query = with_threshold(query, sample)
        with self.window.paused():
            self.scene.show_query(query)
        self._tell_followers()
        self.window.show_threshold(query.cut, automatic)
        shown = self.window.show_output("query_overlay")
        sentence = f"looking for '{query.label}'"
        if view is not None:
            features = self._rendered(query.encoder, view, grid((0.0, 0.0), (1.0, 1.0), FOUND_GRID))
            sentence = found_sentence(query, relevancy(features, query))
        if automatic:
            sentence += f"; threshold {query.cut:.2f} chosen from the scene"
        return sentence + elsewhere(shown, "query_overlay")


def grid(start: Place, end: Place, side: int) -> Float[Tensor, "places 2"]:
    """Centres (x, y) of side x side cells of a rectangle."""
    steps = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    corner, size = torch.tensor(start), torch.tensor(end) - torch.tensor(start)
    return corner + torch.stack([x, y], dim=-1).reshape(-1, 2) * size


def found_sentence(query: Query, scores: Float[Tensor, " surface"]) -> str:
    """How much of the surface in view a query finds."""
    if len(scores) == 0:
        return f"looking for '{query.label}'; nothing of the scene is in view"
    best, share = scores.max().item(), (scores > query.cut).float().mean().item()
    if share == 0.0:
        return (
            f"'{query.label}' not found in this view: relevancy is at most {best:.2f}, the threshold "
            f"{query.cut:.2f}"
        )
    return f"found '{query.label}' on {share:.0%} of this view; relevancy is at most {best:.2f}"


def elsewhere(shown: str, wanted: str) -> str:
    """A hint if another output than the wanted one is shown."""
    return "" if shown == wanted else f"; choose the output type {wanted} to see it"
