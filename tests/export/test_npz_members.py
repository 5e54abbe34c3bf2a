"""Arrays come back from a zip file; whatever could run code or fill the memory is refused."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members, write_members

ARRAYS = {
    "a": np.arange(6.0).reshape(2, 3),
    "b": np.array([], dtype=np.int32),
    "c": np.array([[1], [2]], dtype=np.uint8),
}


@pytest.fixture
def path(tmp_path):
    write_members(tmp_path / "file.npz", ARRAYS)
    return tmp_path / "file.npz"


def with_member(path, content, name="a.npy", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(name, content)


def npy_file(header, payload, version=(1, 0)):
    """A member with a header that says what we like."""
    text = repr(header).encode().ljust(117) + b"\n"
    return npy.magic(*version) + struct.pack("<H", len(text)) + text + payload


def header(shape=(2,), descr: str | list = "<f8", fortran_order=False):
    return {"descr": descr, "fortran_order": fortran_order, "shape": shape}


def refused(path, reason):
    with pytest.raises(UserError, match=rf"file\.npz is damaged .*\(.*{reason}.*\); copy or write"):
        read_members(path)


def test_arrays_come_back_and_may_be_written_to(path):
    read = read_members(path)
    assert read.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert np.array_equal(read[name], array)
        assert read[name].dtype == array.dtype
        assert read[name].flags.writeable


def test_only_the_chosen_arrays_are_read(path):
    assert read_members(path, ["c", "missing"]).keys() == {"c"}


def test_columns_in_memory_are_written_as_rows(tmp_path):
    write_members(tmp_path / "file.npz", {"a": np.asfortranarray(ARRAYS["a"])})
    assert np.array_equal(read_members(tmp_path / "file.npz")["a"], ARRAYS["a"])


def test_columns_that_numpy_wrote_are_read_as_rows(tmp_path):
    x, y, z = np.arange(12.0).reshape(3, 4)
    xyz = np.stack([x, y, z]).T
    np.savez(tmp_path / "file.npz", xyz=xyz, one=np.asfortranarray(np.arange(3)), none=xyz[:0])
    read = read_members(tmp_path / "file.npz")
    assert np.array_equal(read["xyz"], xyz)
    assert read["xyz"].flags.c_contiguous
    assert read["xyz"].flags.writeable
    assert read["one"].tolist() == [0, 1, 2]
    assert read["none"].shape == (0, 3)


def test_a_sound_member_made_by_hand_is_read(path):
    with_member(path, npy_file(header(), np.array([1.5, 2.5]).tobytes()))
    assert read_members(path)["a"].tolist() == [1.5, 2.5]


def test_compressed_arrays_are_refused(path):
    np.savez_compressed(path, a=np.zeros(100_000))
    refused(path, "its arrays are compressed or overlap")
    np.savez_compressed(path, a=np.random.default_rng(0).random(10))
    refused(path, "compressed")


def test_a_pickle_is_never_opened(path):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("the pickle was opened",)

    with_member(path, npy_file(header(descr="|O"), pickle.dumps(Trap())))
    refused(path, "a holds other things than plain numbers")
    np.savez(path, a=np.array([Trap(), 1], dtype=object))
    refused(path, "a holds other things than plain numbers")
    with_member(path, pickle.dumps(Trap()))
    refused(path, "")


@pytest.mark.parametrize(
    ("described", "payload", "reason"),
    [
        (header(), b"\0" * 15, "a is shorter or longer than it says"),
        (header(), b"\0" * 17, "a is shorter or longer than it says"),
        (header((10**12,)), b"\0" * 16, "a is shorter or longer than it says"),
        (header((-1, -2)), b"\0" * 16, "a is shorter or longer than it says"),
        (header((0, 10**30)), b"", ""),
        (header((2.0,)), b"\0" * 16, ""),
        (header((2, 3), fortran_order=True), b"\0" * 16, "a is shorter or longer than it says"),
        (header(descr="<U2"), b"\0" * 16, "a holds other things"),
        (header(descr="<c16"), b"\0" * 32, "a holds other things"),
        (header(descr=[("x", "<f8")]), b"\0" * 16, "a holds other things"),
        (header(descr="nonsense"), b"\0" * 16, ""),
        ({"descr": "<f8"}, b"\0" * 16, ""),
        ([1, 2], b"\0" * 16, ""),
    ],
)
def test_headers_that_promise_something_else_are_refused(path, described, payload, reason):
    with_member(path, npy_file(described, payload))
    refused(path, reason)


@pytest.mark.parametrize("version", [(2, 0), (3, 0), (9, 9)])
def test_other_versions_of_a_header_are_refused(path, version):
    with_member(path, npy_file(header(), b"\0" * 16, version))
    refused(path, "a is written in an unknown way")


def test_two_arrays_of_one_name_are_refused(path):
    content = npy_file(header(), b"\0" * 16)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", content)
        archive.writestr("a", content)
    refused(path, "it holds two arrays of one name")


def test_a_directory_that_counts_the_same_bytes_twice_is_refused(path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.npy", npy_file(header((1000,)), b"\0" * 8000))
        for number in range(5):
            twin = zipfile.ZipInfo(f"b{number}.npy")
            for field in ("file_size", "compress_size", "header_offset", "CRC"):
                setattr(twin, field, getattr(archive.infolist()[0], field))
            archive.filelist.append(twin)
    path.write_bytes(content.getvalue())
    refused(path, "its arrays are compressed or overlap")


@pytest.mark.parametrize("name", ["missing.npz", "."])
def test_what_is_no_file_is_named(tmp_path, name):
    with pytest.raises(UserError, match=r"cannot be read \(.*\); give another file"):
        read_members(tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot be written .*; choose another"):
        write_members(tmp_path, ARRAYS)
