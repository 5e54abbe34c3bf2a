"""Grids on disk: duplicates and empty ones are left out before the split is drawn."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from condense_ns.downstream.modelnet10_voxels import read_modelnet10_voxels
from condense_ns.errors import UserError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "points" / "modelnet10_voxels"


def write_grids(path, grids):
    with gzip.GzipFile(path, "wb") as stream:
        np.save(stream, grids)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("chair", "monitor"):
        grids = (rng.random((12, 1, 4, 4, 4)) < 0.3).astype(float)
        grids[3] = 0
        grids[5] = grids[4]
        write_grids(tmp_path / f"{name}.npy.gz", grids)
    return tmp_path


def test_duplicates_and_empty_grids_are_left_out(folder):
    data = read_modelnet10_voxels(folder)
    assert data.class_names == ("chair", "monitor")
    assert (len(data.train), len(data.test)) == (16, 4)
    assert data.test.categories == [0, 0, 1, 1]
    seen = {cloud.cloud.positions.numpy().tobytes() for cloud in (*data.train, *data.test)}
    assert len(seen) == 20


def test_points_are_the_middles_of_occupied_cells(folder):
    with gzip.open(folder / "chair.npy.gz") as stream:
        grids = np.load(stream)[:, 0]
    cloud = read_modelnet10_voxels(folder).train[0]
    cells = np.floor(cloud.cloud.positions.numpy()).astype(int)
    assert any(np.array_equal(np.argwhere(grid), cells) for grid in grids)


def test_the_split_is_always_the_same(folder):
    first, again = (read_modelnet10_voxels(folder) for _ in range(2))
    assert list(first.test.numbers) == list(again.test.numbers)


def test_one_file_is_not_enough(folder):
    (folder / "monitor.npy.gz").unlink()
    with pytest.raises(UserError, match=r"holds 1 files .* two are needed; get chair.npy.gz"):
        read_modelnet10_voxels(folder)


@pytest.mark.parametrize("inside", [None, b"no numpy", b""])
def test_a_damaged_file_is_named(folder, inside):
    content = b"no gzip" if inside is None else gzip.compress(inside)
    (folder / "chair.npy.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"chair.npy.gz cannot be read as grids"):
        read_modelnet10_voxels(folder)


def test_an_array_of_another_shape_is_refused(folder):
    write_grids(folder / "chair.npy.gz", np.zeros((3, 4)))
    with pytest.raises(UserError, match=r"holds float64 of shape \(3, 4\), no grids"):
        read_modelnet10_voxels(folder)


@pytest.mark.data
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_the_shared_copy_has_1290_different_shapes():
    data = read_modelnet10_voxels(SHARED)
    assert len(data.train) + len(data.test) == 839 + 451
