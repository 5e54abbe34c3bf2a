"""A trained model asked at single pixels of any cameras, instead of at whole images."""

import torch
from jaxtyping import Float, Int
from nerfstudio.cameras.cameras import Cameras, CameraType
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera
from condense_ns.models.condense_dense import CondenseDenseModel

WANTED = ("rgb", "depth", "accumulation")


class RayCaster:
    """Rays through continuous pixel coordinates (first centre 0.5) of a set of cameras.

    Args:
        model: a trained model, in evaluation mode while `at` runs.
        cameras: the cameras that indices refer to.
    """

    def __init__(self, model: CondenseDenseModel, cameras: Cameras) -> None:
        self.model = model
        self.cameras = cameras.to(model.device)

    @torch.no_grad()
    def at(self, views: Int[Tensor, " rays"], pixels: Float[Tensor, "rays 2"]) -> dict[str, Tensor]:
        """Rendered values on the CPU.

        Returns:
            `rgb`, `depth` (distance along the ray), `z_depth` (along the optical axis),
            `accumulation`, each encoder's feature under its spec, `origins`, `directions`,
            `directions_norm` and `points` (origin + depth).
        """
        chunk = self.model.config.eval_num_rays_per_chunk
        parts = [
            self._render(view, pixel)
            for view, pixel in zip(views.split(chunk), pixels.split(chunk), strict=True)
        ]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _render(
        self, views: Int[Tensor, " rays"], pixels: Float[Tensor, "rays 2"]
    ) -> dict[str, Tensor]:
        device = self.model.device
        rays = self.cameras.generate_rays(
            camera_indices=views[:, None].to(device), coords=pixels.flip(-1).to(device)
        )
        rendered = self.model.render_features(rays)
        kept = {name: rendered[name] for name in (*WANTED, *self.model.config.features)}
        kept["origins"], kept["directions"] = rays.origins, rays.directions
        kept["points"] = rays.origins + rays.directions * rendered["depth"]
        norm = rays.metadata["directions_norm"]
        kept["z_depth"] = rendered["depth"] / norm
        kept["directions_norm"] = norm
        return {name: value.float().cpu() for name, value in kept.items()}


def projection_camera(cameras: Cameras, index: int) -> Camera:
    """The camera of that index, ready for `geometry.projection.project`, on the CPU.

    Raises:
        UserError: neither perspective nor fisheye.
    """
    camera = cameras[index].to("cpu")
    kind = int(camera.camera_type.item())
    if kind not in (CameraType.PERSPECTIVE.value, CameraType.FISHEYE.value):
        raise UserError(
            f"camera {index} is of type {CameraType(kind).name}: cross-view figures are defined for "
            "perspective and fisheye cameras only"
        )
    distortion = camera.distortion_params
    return Camera(
        camera_to_world=camera.camera_to_worlds.float(),
        focal=torch.tensor([camera.fx.item(), camera.fy.item()]),
        centre=torch.tensor([camera.cx.item(), camera.cy.item()]),
        distortion=torch.zeros(6) if distortion is None else distortion.float(),
        width=int(camera.width.item()),
        height=int(camera.height.item()),
        fisheye=kind == CameraType.FISHEYE.value,
    )
