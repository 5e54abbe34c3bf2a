"""Pairs of training views that see the same places, for the training of keypoints."""

from dataclasses import replace
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.feature_datamanager import FeatureDataManager, load_rgb
from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera, project
from condense_ns.keypoints.head import KeypointHead
from condense_ns.models.condense_sparse import CondenseSparseModel
from condense_ns.models.keypoint_training import MIN_OPACITY, PairView
from condense_ns.pipelines.photo_detector import Prior
from condense_ns.pipelines.ray_caster import RayCaster, projection_camera

PROBES = 64
"""Rays of each view that tell which other views see the same."""
LEAST_SHARED, MOST_TURNED = 0.3, 75.0
"""Share of rays that end in the other view, and degrees between the two directions of sight."""
KEPT_VIEWS = 64
"""Views that are held in memory."""


class ViewPairs:
    """Draws pairs; made once the geometry is good enough to tell who sees what.

    Args:
        model: with its geometry trained.
        data: of the training views.
        spec: the encoder whose features the head reads.
        prior: the detector that it starts from.

    Raises:
        UserError: no two views share enough.
    """

    def __init__(
        self, model: CondenseSparseModel, data: FeatureDataManager, spec: str, prior: Prior
    ) -> None:
        self._data, self._spec, self._prior = data, spec, prior
        self._head: KeypointHead = model.keypoint_head
        self._device = model.device
        cameras = data.train_dataset.cameras
        self._projections = [projection_camera(cameras, view) for view in range(len(cameras))]
        shared = self._shared(RayCaster(model, cameras))
        self._pairs = torch.nonzero(shared >= LEAST_SHARED)
        self._weights = shared[shared >= LEAST_SHARED]
        self._view = lru_cache(maxsize=KEPT_VIEWS)(self._loaded)
        if len(self._pairs) == 0:
            raise UserError(
                f"no two training photographs of {data.get_datapath()} see the same places, which "
                "keypoints need; add photographs between them, or train condense-dense"
            )

    def draw(self, generator: torch.Generator) -> tuple[PairView, PairView]:
        """Two views; the more they share the more often."""
        chosen = torch.multinomial(self._weights, 1, generator=generator)[0]
        first, second = self._pairs[chosen].tolist()
        return self._view(first), self._view(second)

    def _shared(self, caster: RayCaster) -> Float[Tensor, "views others"]:
        """Share of a view's rays that end where another view looks, from a like direction."""
        count = len(self._projections)
        generator = torch.Generator().manual_seed(0)
        shared = torch.zeros(count, count)
        for view, camera in enumerate(self._projections):
            size = torch.tensor([camera.width, camera.height])
            pixels = torch.rand(PROBES, 2, generator=generator) * size
            rays = caster.at(torch.full((PROBES,), view), pixels)
            points = rays["points"][rays["accumulation"][:, 0] > MIN_OPACITY]
            for other, there in enumerate(self._projections):
                landed, depth = project(points, there)
                sight, other_sight = points - camera.origin, points - there.origin
                cosine = torch.cosine_similarity(sight, other_sight, dim=1)
                near = torch.rad2deg(torch.acos(cosine.clamp(-1.0, 1.0))) < MOST_TURNED
                seen = there.contains(landed) & (depth > 0) & near
                shared[view, other] = seen.sum() / PROBES
        return shared.fill_diagonal_(0.0)

    def _loaded(self, view: int) -> PairView:
        dataset = self._data.train_dataset
        image = load_rgb(dataset, view)
        resized = self._head.resized(image.to(self._device))
        with torch.no_grad():
            logits = self._prior.logits(image.to(self._device), resized)
        return PairView(
            image=resized,
            feature_map=self._data.maps("train", self._spec).map(view).to(self._device),
            prior_logits=logits,
            camera=dataset.cameras[view : view + 1].to(self._device),
            projection=_on(self._projections[view], self._device),
        )


def _on(camera: Camera, device: torch.device) -> Camera:
    """The camera where the points are that it projects."""
    names = ("camera_to_world", "focal", "centre", "distortion")
    return replace(camera, **{name: getattr(camera, name).to(device) for name in names})
