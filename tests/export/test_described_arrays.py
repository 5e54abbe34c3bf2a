"""Arrays with a description: two kinds of files are told apart, and what is not sound is named."""

import numpy as np
import pytest

from condense_ns.errors import UserError
from condense_ns.export.described_arrays import DescribedArrays
from condense_ns.keypoints.array_layout import require


def check(arrays, metadata):
    require(len(arrays["rows"]) == metadata["count"], "there are other rows than are counted")


FILE = DescribedArrays("some rows", 3, "file of rows", "count again", check)
OTHER = DescribedArrays("other rows", 3, "file of others", "count again", check)
NEWER = DescribedArrays("some rows", 4, "file of rows", "count again", check)


@pytest.fixture
def path(tmp_path):
    FILE.write(tmp_path / "rows.npz", {"rows": np.arange(5)}, {"count": 5, "of": "ü"})
    return tmp_path / "rows.npz"


def test_what_is_written_is_read(path):
    arrays, metadata = FILE.read(path)
    assert arrays.keys() == {"rows"}
    assert arrays["rows"].tolist() == [0, 1, 2, 3, 4]
    assert metadata == FILE.metadata(path) == {"count": 5, "of": "ü"}


def test_kinds_and_versions_are_told_apart(path):
    assert FILE.announces(path)
    assert not OTHER.announces(path)
    with pytest.raises(UserError, match=r"rows.npz is no file of others; give one"):
        OTHER.read(path)
    with pytest.raises(UserError, match="is a file of rows of version 3, of which only 4 is known"):
        NEWER.metadata(path)


def test_what_is_not_sound_is_neither_written_nor_read(path, tmp_path):
    told = "there are other rows than are counted; count again"
    with pytest.raises(UserError, match=f"new.npz: {told}"):
        FILE.write(tmp_path / "new.npz", {"rows": np.arange(2)}, {"count": 5})
    assert not (tmp_path / "new.npz").exists()
    careless = DescribedArrays("some rows", 3, "file of rows", "", lambda arrays, metadata: None)
    careless.write(path, {"rows": np.arange(2)}, {"count": 5})
    with pytest.raises(UserError, match=f"rows.npz: {told}"):
        FILE.read(path)
