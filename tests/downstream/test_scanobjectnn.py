"""ScanObjectNN: three variants, as their authors name the files."""

import h5py
import numpy as np
import pytest

from condense_ns.downstream.scanobjectnn import CLASSES, VARIANTS, read_scanobjectnn
from condense_ns.errors import UserError


@pytest.fixture
def folder(tmp_path):
    for number, (place, ending) in enumerate(VARIANTS.values(), start=1):
        files = tmp_path / "h5_files" / place
        files.mkdir(parents=True, exist_ok=True)
        for name in ("training", "test"):
            with h5py.File(files / f"{name}_{ending}.h5", "w") as file:
                file["data"] = np.full((2, 8, 3), number, np.float32)
                file["label"] = np.array([3, 14], np.int32)
                file["mask"] = np.zeros((2, 8), np.int64)
    return tmp_path


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("above", [True, False])
def test_each_variant_reads_its_own_files(folder, variant, above):
    data = read_scanobjectnn(folder if above else folder / "h5_files", variant)
    assert data.name == f"scanobjectnn {variant}"
    assert len(data.class_names) == len(CLASSES) == 15
    assert data.test.categories == [3, 14]
    expected = list(VARIANTS).index(variant) + 1
    assert data.train[1].cloud.positions[0].tolist() == [expected, -expected, expected]


def test_another_variant_is_refused(folder):
    with pytest.raises(UserError, match="no variant 'easy'; use one of obj_bg, obj_only, hardest"):
        read_scanobjectnn(folder, "easy")


def test_a_missing_file_says_where_to_ask(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read as HDF5 .*; ask its authors"):
        read_scanobjectnn(tmp_path)
