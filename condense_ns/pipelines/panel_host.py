"""What the viewer's panel sees and changes of a run: joins model, encoders and panel."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from torch import Tensor

from condense_ns.data.teachers import Teachers
from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.models.condense_dense import CondenseDenseModel
from condense_ns.pipelines.checkpoint_checks import check_teacher
from condense_ns.pipelines.held_out_views import MIN_OPACITY
from condense_ns.pipelines.surface_sample import surface_sample
from condense_ns.retrieval.relevancy import Query
from condense_ns.viewer.panel_scene import Colours, PanelScene, View


class PanelHost(PanelScene):
    """A model and its encoders as the panel's scene (`viewer/panel_scene.py`).

    Args:
        model: the model that the viewer renders.
        teachers: the run's encoders, built when first asked for.
        cameras: those of the training views.
        condense: makes the scene's keypoints, on the CPU; None for runs without. Called with the model
            in evaluation mode, from a thread of its own, while nothing else renders or trains.
    """

    def __init__(
        self,
        model: CondenseDenseModel,
        teachers: Teachers,
        cameras: Cameras,
        condense: Callable[[], Keypoints3D] | None = None,
    ) -> None:
        self._model = model
        self._teachers = teachers
        self._cameras = cameras
        self._condense = condense
        self.encoders = tuple(model.config.features)
        self.has_keypoints = condense is not None

    @property
    def query(self) -> Query | None:
        """What is looked for."""
        return self._model.query

    def show_query(self, query: Query | None) -> None:
        """Look for this from now on; None for nothing."""
        self._model.query = None if query is None else query.to(self._model.device)

    def show_encoder(self, spec: str) -> None:
        """Show this encoder's features in colours."""
        self._model.shown_encoder = spec

    def encoder(self, spec: str) -> ImageEncoder:
        """The 2D encoder itself; building it may take long.

        Raises:
            UserError: it cannot be built, or is not the one that the run was trained with.
        """
        encoder = self._teachers[spec]
        check_teacher(self._model, encoder)
        return encoder

    def text_encoder(self, spec: str) -> TextImageEncoder:
        """The same, if it understands text.

        Raises:
            UserError: as for `encoder`, or it does not understand text.
        """
        encoder = self._teachers.with_text(spec)
        check_teacher(self._model, encoder)
        return encoder

    def centre(self, spec: str) -> Float[Tensor, " channels"]:
        """Mean feature of the scene, on the CPU."""
        return self._model.decoder(spec).mean.float().cpu()

    def show_colours(self, spec: str, colours: Colours | None) -> None:
        """Show an encoder's features in these colours; None for those of the run."""
        if colours is None:
            self._model.shown_colours.pop(spec, None)
        else:
            basis, limits = colours
            device = self._model.device
            self._model.shown_colours[spec] = (basis.to(device), limits.to(device))

    @torch.no_grad()
    def features(
        self, spec: str, view: View, places: Float[Tensor, "places 2"]
    ) -> Float[Tensor, "surface channels"]:
        """Rendered features, on the CPU, of those places (x, y in [0, 1]) that show a surface."""
        model = self._model
        camera = view.camera.to(model.device)
        size = torch.tensor([camera.width.item(), camera.height.item()])
        rays = camera.generate_rays(
            camera_indices=torch.zeros(len(places), 1, 1, dtype=torch.long, device=model.device),
            coords=(places * size).flip(-1)[:, None].to(model.device),
            obb_box=view.crop,
        ).flatten()
        chunk = model.config.eval_num_rays_per_chunk
        with self._evaluating():
            parts = [model.render_features(rays[i : i + chunk]) for i in range(0, len(rays), chunk)]
        opaque = torch.cat([part["accumulation"][:, 0] for part in parts]) >= MIN_OPACITY
        return torch.cat([part[spec] for part in parts])[opaque].float().cpu()

    def sample(self, spec: str) -> Float[Tensor, "surface channels"]:
        """Rendered features, on the CPU, of the same places all over the scene every time."""
        with self._evaluating():
            return surface_sample(self._model, self._cameras)[spec]

    def keypoints(self) -> Keypoints3D | None:
        """The scene as keypoints, on the CPU; condensing it may take long. None if it has none."""
        if self._condense is None:
            return None
        with self._evaluating():
            return self._condense()

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        was_training = self._model.training
        self._model.eval()
        try:
            yield
        finally:
            self._model.train(was_training)
