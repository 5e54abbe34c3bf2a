"""Arrays of numbers in a ``.npz`` file, written alike every time and read without trust.

A file is as safe to open as a text: nothing in it is ever executed, and as its members are not
compressed, reading takes no more memory than twice the bytes of the file.
"""

import math
import zipfile
from collections.abc import Collection
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from condense_ns.errors import UserError
from condense_ns.whole_files import whole_file

_SUFFIX = ".npy"
_UNIX = 3
_NUMBERS = "fiu"


def write_members(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a file that numpy reads too; the same arrays always give the same bytes.

    Args:
        path: the file; its folder is made if missing.
        arrays: numbers by name.

    Raises:
        UserError: the file cannot be written.
    """
    with whole_file(path) as unfinished, ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            # The first date that a zip file can hold, and one system on all systems.
            member = ZipInfo(name + _SUFFIX, (1980, 1, 1, 0, 0, 0))
            member.create_system = _UNIX
            with archive.open(member, "w", force_zip64=True) as stream:
                npy.write_array(stream, np.ascontiguousarray(array), (1, 0), allow_pickle=False)


def read_members(path: Path, chosen: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a file by name.

    Args:
        path: a file of `write_members`.
        chosen: the names to read, of which the file may lack some; all if None.

    Raises:
        UserError: no such file, or one that is cut off, damaged, compressed or holds other things
            than plain numbers.
    """
    try:
        size = path.stat().st_size
        with ZipFile(path) as archive:
            members = {_name(member): member for member in archive.infolist()}
            if len(members) < len(archive.infolist()):
                raise _unusable(path, "it holds two arrays of one name")
            if sum(member.file_size for member in members.values()) > size:
                raise _unusable(path, "its arrays are compressed or overlap")
            wanted = members if chosen is None else members.keys() & chosen
            return {name: _read(archive, members[name], path) for name in wanted}
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror or error}); give another file"
        ) from error
    except Exception as error:  # damaged bytes fail in dozens of ways in zipfile and numpy
        raise _unusable(path, f"{error or type(error).__name__}") from error


def _read(archive: ZipFile, member: ZipInfo, path: Path) -> np.ndarray:
    """One array.

    Raises:
        UserError: it is compressed, holds no plain numbers, or is shorter or longer than it says.
    """
    name = _name(member)
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise _unusable(path, f"{name} is compressed")
    with archive.open(member) as stream:
        if npy.read_magic(stream) != (1, 0):
            raise _unusable(path, f"{name} is written in an unknown way")
        shape, in_columns, dtype = npy.read_array_header_1_0(stream)
        if dtype.kind not in _NUMBERS:
            raise _unusable(path, f"{name} holds other things than plain numbers")
        promised = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or promised != member.file_size - stream.tell():
            raise _unusable(path, f"{name} is shorter or longer than it says")
        content = bytearray(stream.read())
        if in_columns:  # as numpy keeps a transposed array, for example np.stack([x, y, z]).T
            return np.ndarray(shape, dtype, buffer=content, order="F").copy(order="C")
        return np.ndarray(shape, dtype, buffer=content)


def _name(member: ZipInfo) -> str:
    """Of the array in a member of the file."""
    return member.filename.removesuffix(_SUFFIX)


def _unusable(path: Path, reason: str) -> UserError:
    """What is wrong with a file, in one sentence."""
    line = " ".join(reason.split())
    return UserError(
        f"{path} is damaged or no file of plain arrays ({line}); copy or write it again"
    )
