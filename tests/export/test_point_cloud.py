"""Points keep the place that a dataset gives them, however far from its origin."""

import numpy as np
import pytest
import torch
from plyfile import PlyData

from condense_ns.errors import UserError
from condense_ns.export.cloud_file import read_cloud
from condense_ns.export.feature_points import write_feature_points
from condense_ns.export.npz_members import read_members
from condense_ns.export.point_cloud import read_points, write_points

UTM = torch.tensor(
    [[500_000.001, 5_400_000.002, 312.003], [500_000.004, 5_400_000.005, 0.1]], dtype=torch.float64
)
COLOURS = torch.tensor([[0.0, 1.0, 0.2], [1.0, 0.0, 2.0]])


def test_every_property_comes_back_under_its_name(tmp_path):
    path = tmp_path / "new folder" / "points.ply"
    write_points(path, UTM, COLOURS, "label", torch.tensor([-1, 7]))
    data = PlyData.read(str(path))["vertex"].data
    assert data.dtype.names == ("x", "y", "z", "red", "green", "blue", "label")
    assert data["green"].tolist() == [255, 0]
    assert data["blue"].tolist() == [51, 255]
    assert data["label"].tolist() == [-1, 7]


def test_positions_of_a_map_are_read_as_they_were_written(tmp_path):
    write_points(tmp_path / "points.ply", UTM, COLOURS, "score", torch.rand(2))
    assert torch.equal(read_points(tmp_path / "points.ply"), UTM)
    assert torch.equal(read_cloud(tmp_path / "points.ply").positions, UTM)


def test_single_precision_is_written_too(tmp_path):
    points = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    write_points(tmp_path / "points.ply", points, torch.zeros(5, 3), "score", torch.zeros(5))
    assert torch.equal(read_points(tmp_path / "points.ply"), points.double())


def test_both_files_of_features_have_the_same_positions(tmp_path):
    known = ("seen_by", torch.tensor([3, 0]))
    write_feature_points(tmp_path / "points.npz", UTM, torch.rand(2, 4), COLOURS, known)
    assert np.array_equal(read_members(tmp_path / "points.npz")["xyz"], UTM)
    assert torch.equal(read_points(tmp_path / "points.ply"), UTM)
    assert PlyData.read(str(tmp_path / "points.ply"))["vertex"]["seen_by"].tolist() == [3, 0]


@pytest.mark.parametrize(
    ("points", "wrong"),
    [(torch.zeros(0, 3), "no points"), (torch.full((1, 3), torch.nan), "positions that are not")],
)
def test_points_that_cannot_be_used_are_told(tmp_path, points, wrong):
    count = len(points)
    write_points(tmp_path / "a.ply", points, torch.zeros(count, 3), "n", torch.zeros(count))
    with pytest.raises(UserError, match=rf"a\.ply holds {wrong}.*; give another file"):
        read_points(tmp_path / "a.ply")
