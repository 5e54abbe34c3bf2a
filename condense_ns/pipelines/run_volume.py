"""The voxels of a run's scene: where its density stops light before its cameras.

From coarse to fine: small voxels are looked for where cameras see large ones. So neither fog that nobody
sees nor the inside of things takes time.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import Frustums, RayBundle, RaySamples
from nerfstudio.field_components.field_heads import FieldHeadNames
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import grid_places
from condense_ns.pipelines.loaded_run import RadianceRun
from condense_ns.rendering.volume_rendering import SURFACE
from condense_ns.rendering.voxel_visibility import largest_weights
from condense_ns.volumes.from_density import FieldSampling, volume_from_density
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import NOWHERE, find_keys, grown_keys, voxel_keys

COARSEST = 64
"""Voxels along the longest edge of the box, all of which are looked at."""
HALVINGS = (0, 1, 2, 3)
"""Of these, for one volume after the other."""
NEXT = 4
"""Times as many voxels has a surface when they are half as large."""
MOST_VIEWS = 32
RAYS_ACROSS = 64
"""Per view, along its longer side."""
SEEN = 0.02
"""Share of some ray that a voxel stops which is seen."""
COLOUR_VIEWS = 4
"""That a colour is the mean of."""
BOX_VIEWS, BOX_RAYS_ACROSS = 16, 32
"""Of the rays whose ends tell the box."""
MARGIN = 0.02
"""Of the box's longest edge, on every side."""
FARTHEST = 4.0
"""Times the distance of the nearest quarter: what is farther is left out, or a horizon would make voxels huge."""


@torch.no_grad()
def volume_of_run(run: RadianceRun, most_voxels: int) -> SparseVolume:
    """What the training views of a run see of its density, in its own frame.

    The box is not the scene box, beyond which fields with contraction have most of a scene whose cameras are
    close together: it holds the ends of rays.

    Args:
        run: whose density and colour are looked at.
        most_voxels: the resolution is halved until there are no more.

    Raises:
        UserError: there is nothing, or the density is not finite.
    """
    low, high = _box(run)
    field, volume = _Field(run), None
    for halvings in HALVINGS:
        size = float((high - low).max()) / (COARSEST << halvings)
        sampling = FieldSampling(size, halvings=halvings)
        found = volume_from_density(field.density, field.colour, low, high, sampling, name=run.name)
        volume = _seen(found, run)
        if NEXT * len(volume) > most_voxels:
            break
        field.look_only_near(volume)
    assert volume is not None
    return volume.at_most(most_voxels)


class _Field:
    """Density and colour of a run, asked and answered on the CPU.

    Args:
        run: whose they are.
    """

    def __init__(self, run: RadianceRun) -> None:
        self._field, self._device = run.model.field, run.model.device
        cameras = run.outputs.cameras
        self._centres = cameras.camera_to_worlds[_some(cameras, MOST_VIEWS), :, 3]
        self._most = min(COLOUR_VIEWS, len(self._centres))
        self._near: SparseVolume | None = None

    def look_only_near(self, volume: SparseVolume) -> None:
        """Say from now on that the density is zero but in these voxels and those around them."""
        self._near = volume
        self._keys = grown_keys(volume.keys)

    def density(self, positions: Float[Tensor, "positions 3"]) -> Float[Tensor, " positions"]:
        """Of the field, or zero where nothing is looked for."""
        density = torch.zeros(len(positions))
        asked = torch.arange(len(positions))
        if self._near is not None:
            indices = self._near.grid_positions(positions).floor().long()
            asked = asked[find_keys(self._keys, voxel_keys(indices)) != NOWHERE]
        if len(asked):
            found = self._field.density_fn(positions[asked].to(self._device))
            density[asked] = found[:, 0].float().cpu()
        return density

    def colour(
        self, positions: Float[Tensor, "positions 3"], _squarely: Float[Tensor, "positions 3"]
    ) -> Float[Tensor, "positions 3"]:
        """Mean RGB as the nearest cameras see it: from where nobody looked the field has learned nothing."""
        near = torch.cdist(positions, self._centres).topk(self._most, largest=False).indices
        away = F.normalize(positions[:, None] - self._centres[near], dim=2)
        places = positions[:, None].expand_as(away).to(self._device)
        none = torch.zeros_like(places[..., :1])
        frustums = Frustums(places, away.to(self._device), none, none, none)
        samples = RaySamples(frustums=frustums, camera_indices=none.long())
        return self._field(samples)[FieldHeadNames.RGB].float().mean(dim=1).cpu()


def _box(run: RadianceRun) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Lowest and highest corner of what training views see that is not very far.

    Raises:
        UserError: they see nothing.
    """
    model, points, distances = run.model, [], []
    for view in _views(run.outputs.cameras, BOX_VIEWS, BOX_RAYS_ACROSS):
        rendered = model(view.to(model.device))
        depth = rendered["depth"].cpu()
        stopped = rendered["accumulation"].cpu()[:, 0] >= SURFACE
        points.append((view.origins + view.directions * depth)[stopped])
        distances.append(depth[stopped, 0])
    place, distance = torch.cat(points), torch.cat(distances)
    if len(place) == 0:
        raise _nothing(run)
    place = place[distance <= FARTHEST * distance.quantile(0.25)]
    low, high = torch.quantile(place, torch.tensor([0.01, 0.99]), dim=0)
    margin = MARGIN * (high - low).max()
    low, high = low - margin, high + margin
    if model.field.spatial_distortion is None:  # there is nothing outside
        box = model.scene_box.aabb.cpu()
        low, high = torch.maximum(low, box[0]), torch.minimum(high, box[1])
    return low, high


def _seen(volume: SparseVolume, run: RadianceRun) -> SparseVolume:
    """The voxels that training views see, and those around them: rays have gaps.

    Raises:
        UserError: they see none.
    """
    views = _views(run.outputs.cameras, MOST_VIEWS, RAYS_ACROSS)
    rays = ((view.origins, view.directions) for view in views)
    weights = largest_weights(volume, rays, run.model.config.near_plane)
    keys = grown_keys(volume.keys[weights > SEEN])
    kept = torch.nonzero(find_keys(keys, volume.keys) != NOWHERE)[:, 0]
    if len(kept) == 0:
        raise _nothing(run)
    return volume.chosen(kept)


def _views(cameras: Cameras, most: int, across: int) -> Iterator[RayBundle]:
    """Rays that cover a view each, for some of the views.

    Args:
        cameras: of all views.
        most: views.
        across: rays along the longer side of a view.
    """
    for view in _some(cameras, most):
        height, width = int(cameras.height[view]), int(cameras.width[view])
        scale = across / max(height, width)
        rows, columns = (max(1, round(scale * side)) for side in (height, width))
        pixels = grid_places(rows, columns).flip(1) * torch.tensor([height, width])
        yield cameras.generate_rays(torch.full((len(pixels), 1), view), coords=pixels)


def _some(cameras: Cameras, most: int) -> list[int]:
    """Numbers of so many of the views, evenly spread."""
    return list(range(0, len(cameras), -(-len(cameras) // most)))


def _nothing(run: RadianceRun) -> UserError:
    return UserError(f"{run.name} has no surface that its cameras see; train it longer")
