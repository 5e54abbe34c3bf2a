"""Normals of scanned rooms face the air in them."""

from dataclasses import replace

import pytest
import torch

from condense_ns.downstream.labelled_cloud import LabelledCloud
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.downstream.room_viewpoints import MOST, room_viewpoints
from condense_ns.volumes.from_points import PointCloud
from tests.downstream.made_up_clouds import rooms_data

LOW = torch.tensor([-2.0, 5.0, -0.5], dtype=torch.float64)


def box_room(size: tuple[float, float, float], count: int = 30_000) -> PointCloud:
    """Floor, ceiling and four walls of an empty room that begins at `LOW`."""
    generator = torch.Generator().manual_seed(0)
    shares = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    axes = torch.randint(3, (count,), generator=generator)
    shares[torch.arange(count), axes] = shares[torch.arange(count), axes].round()
    return PointCloud(LOW + shares * torch.tensor(size))


def test_places_by_hand():
    square = room_viewpoints(box_room((4.0, 5.0, 3.0)).positions)
    assert square.tolist() == [pytest.approx([0.0, 7.5, 1.0], abs=0.01)]
    corridor = room_viewpoints(box_room((2.0, 6.0, 3.0)).positions)
    expected = torch.tensor([[-1.0, 6, 1], [-1, 8, 1], [-1, 10, 1]], dtype=torch.float64)
    torch.testing.assert_close(corridor, expected, atol=0.01, rtol=0)
    assert len(room_viewpoints(box_room((1.0, 60.0, 3.0)).positions)) == MOST
    assert room_viewpoints(torch.tensor([[1.0, 2, 3]]).double()).tolist() == [[1, 2, 4.5]]
    nowhere = torch.full((2, 3), float("nan")).double()
    assert room_viewpoints(nowhere).isnan().any()  # and the cloud is refused later


@pytest.mark.parametrize("size", [(4.0, 5.0, 3.0), (12.0, 2.0, 2.5)])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_normals_of_a_room_face_the_air_in_it(size, scale):
    cloud = box_room(size)
    how = Preparation(voxel_size=0.1 * scale, scale=scale)
    seen = LabelledCloud("room", cloud, viewpoints=room_viewpoints(cloud.positions))
    for sample, inwards in ((seen, True), (replace(seen, viewpoints=None), False)):
        volume = prepared(sample, rooms_data(), how).volume
        low, high = LOW * scale, (LOW + torch.tensor(size)) * scale
        after_a_step = volume.centres + 3 * volume.voxel_size * volume.normal
        inside = ((after_a_step > low) & (after_a_step < high)).all(dim=1)
        flat = volume.normal.abs().amax(dim=1) > 0.99  # edges face anywhere
        assert float(flat.float().mean()) > 0.7
        assert (float(inside[flat].float().mean()) > 0.98) == inwards
