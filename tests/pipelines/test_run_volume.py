"""Voxels of a run whose density and colour are known exactly: a board, and what cameras do not see."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from nerfstudio.cameras.rays import RaySamples
from nerfstudio.field_components.field_heads import FieldHeadNames
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.geometry.similarity import Similarity
from condense_ns.pipelines.loaded_run import RadianceRun, load_radiance_run
from condense_ns.pipelines.run_volume import volume_of_run
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.volume_checks import validated
from tests.pretended_gpu import PretendedGpu
from tests.trained_run import TrainedRun

RED, BLUE = torch.tensor([0.8, 0.1, 0.1]), torch.tensor([0.1, 0.2, 0.9])
HALF_THICKNESS, MOST = 0.05, 20_000
Inside = Callable[[Tensor], Tensor]


def board(places: Tensor) -> Tensor:
    """That of the photographs, a tenth of a unit thick."""
    return (places.abs() < torch.tensor([1.0, 1.0, HALF_THICKNESS])).all(dim=-1)


def board_and_more(places: Tensor) -> Tensor:
    """Also a cube below it, which it hides, and a horizon far away."""
    hidden = (places + torch.tensor([0.0, 0.0, 0.3])).abs().amax(dim=-1) < 0.15
    return board(places) | hidden | (places.norm(dim=-1) > 40.0)


class Painted(torch.nn.Module):
    """Stands for a field that was fitted perfectly: red for x < 0, blue elsewhere, from above.

    Args:
        inside: of places in the dataset, whether something is there.
        to_dataset: from the model's frame.
    """

    def __init__(self, inside: Inside, to_dataset: Similarity) -> None:
        super().__init__()
        self.inside, self.to_dataset = inside, to_dataset
        self.spatial_distortion: object | None = "as trained"

    def places(self, positions: Tensor) -> Tensor:
        """In the dataset, on the CPU."""
        flat = positions.cpu().reshape(-1, 3).double()
        return self.to_dataset.points(flat).reshape(positions.shape)

    def density_fn(self, positions: Tensor) -> Tensor:
        density = 200.0 * self.inside(self.places(positions))[..., None].float()
        return density.to(positions.device)

    def forward(self, samples: RaySamples, compute_normals: bool = False) -> dict:
        positions = samples.frustums.get_positions()
        rgb = torch.where(self.places(positions)[..., :1] < 0, RED, BLUE)
        down = samples.frustums.directions.cpu() @ self.to_dataset.rotation.T.float()
        rgb = (rgb * (down[..., 2:] < 0)).to(positions.device)
        return {FieldHeadNames.RGB: rgb, FieldHeadNames.DENSITY: self.density_fn(positions)}


@dataclass(frozen=True)
class Found:
    """A run with such a field and its voxels."""

    run: RadianceRun
    field: Painted
    volume: SparseVolume

    @property
    def places(self) -> Tensor:
        """Centres of the voxels in the dataset."""
        return self.field.places(self.volume.centres)

    @property
    def edge(self) -> float:
        """Of a voxel in the dataset."""
        return self.volume.voxel_size * self.field.to_dataset.scale


def painted(trained_run: TrainedRun, inside: Inside) -> tuple[RadianceRun, Painted]:
    """A run's cameras and samplers with such a field."""
    run = load_radiance_run(trained_run.config)
    known = run.outputs
    moved = Similarity.of_dataparser(known.dataparser_transform, known.dataparser_scale)
    field = Painted(inside, moved.inverse())
    run.model.field = field  # type: ignore[assignment]
    run.model.density_fns = [field.density_fn] * len(run.model.density_fns)
    return run, field


@pytest.fixture(scope="module")
def found(trained_run: TrainedRun) -> Found:
    run, field = painted(trained_run, board_and_more)
    return Found(run, field, validated(volume_of_run(run, MOST)))


def test_voxels_fill_the_surface_that_cameras_see_and_nothing_else(found: Found):
    places, reach = found.places, found.edge
    assert found.volume.kind == "radiance"
    assert found.edge < 0.05
    assert (places[:, :2].abs() < 1 + reach).all()
    assert (places[:, 2].abs() < HALF_THICKNESS + reach).all()
    axis = torch.linspace(-0.95, 0.95, 20)
    top = torch.nn.functional.pad(torch.cartesian_prod(axis, axis), (0, 1), value=HALF_THICKNESS)
    nearest = torch.cdist(top, places.float()).amin(dim=1)
    assert (nearest < 2 * reach).all()


def test_colours_are_those_that_cameras_see_and_normals_point_out_of_it(found: Found):
    places, colour = found.places, found.volume.colour
    for side, expected in ((places[:, 0] < 0, RED), (places[:, 0] >= 0, BLUE)):
        assert side.sum() > 100
        torch.testing.assert_close(colour[side], expected.expand(int(side.sum()), 3))
    normals = found.field.to_dataset.directions(found.volume.normal.double())
    top = (places[:, 2] - HALF_THICKNESS).abs() < found.edge / 2
    inner = (places[:, :2].abs() < 0.9).all(dim=1)
    assert normals[top & inner][:, 2].median() > 0.95


def test_the_resolution_is_halved_until_there_are_few_enough(found: Found):
    assert MOST / 8 < len(found.volume) <= MOST
    few = volume_of_run(found.run, 300)
    assert 300 / 8 < len(few) <= 300
    assert few.voxel_size > 2 * found.volume.voxel_size


def test_without_contraction_there_is_nothing_outside_of_the_scene_box(trained_run: TrainedRun):
    run, field = painted(trained_run, board)
    field.spatial_distortion = None
    low, high = run.model.scene_box.aabb
    inside = volume_of_run(run, 2000).centres
    assert ((inside > low) & (inside < high + 0.1)).all()
    field.spatial_distortion = "as trained"
    assert not (volume_of_run(run, 2000).centres < high + 0.1).all()


def test_on_a_gpu_as_on_the_cpu(found: Found, trained_run: TrainedRun):
    run, _ = painted(trained_run, board_and_more)
    with PretendedGpu():
        run.model.to("cuda")
        volume = volume_of_run(run, 2000)
    assert volume.density.device.type == "cpu"
    expected = volume_of_run(found.run, 2000)
    assert torch.equal(volume.voxel_indices, expected.voxel_indices)


def test_a_field_without_surfaces_is_refused(trained_run: TrainedRun):
    run, _ = painted(trained_run, lambda places: places[..., 0] > 1e6)
    with pytest.raises(UserError, match=r"^the run .*config.yml has no surface that its cameras "):
        volume_of_run(run, 2000)
