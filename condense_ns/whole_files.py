"""Files and folders that are either whole or what was there before."""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from condense_ns.errors import UserError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what becomes the file `path` once the block has ended well.

    Whoever may read other new files may read this one, whatever it is written with: safetensors keeps
    its own for their owner.

    Args:
        path: the file; its folder is made if missing.

    Raises:
        UserError: the file cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode_of_new_files(unfinished)
        yield unfinished
        unfinished.chmod(mode)
        unfinished.replace(path)
    except OSError as error:
        raise _told(error, path, unfinished) from error
    finally:
        with suppress(OSError):  # it is there only if something went wrong
            unfinished.unlink()


def _told(error: OSError, path: Path, unfinished: Path) -> UserError:
    """What went wrong while `path` was made: with its own place, or with a file that was read for it."""
    if isinstance(error.filename, str | os.PathLike):
        culprit = Path(error.filename).absolute()
        place = unfinished.absolute()
        is_own = culprit.is_relative_to(place) or culprit in (path.absolute(), *place.parents)
        if not is_own and culprit.with_suffix("") != place.with_suffix(""):
            return UserError(
                f"{error.filename} cannot be used ({error.strerror}), so that {path} was not written; put it "
                "back, or mend it"
            )
    return UserError(f"{path} cannot be written ({error.strerror}); choose another")


def _mode_of_new_files(place: Path) -> int:
    """What a file that is made at a place may be used for, and by whom."""
    place.touch()
    mode = stat.S_IMODE(place.stat().st_mode)
    place.unlink()
    return mode


@contextmanager
def whole_folder(path: Path, ours: Collection[str] = ()) -> Iterator[Path]:
    """An empty folder to fill, which becomes the folder `path` once the block has ended well.

    Args:
        path: the folder; the one above it is made if missing. An older one is replaced, unless it
            holds a file that the new one lacks: that file is not ours to delete.
        ours: patterns of names that an older one may hold, e.g. ``rgb/*.png``; then others are told of before
            the block begins.

    Raises:
        UserError: the folder cannot be written, is a file (told before the block begins), or an older one holds
            other files.
    """
    if ours:
        _refuse_other_files(path, lambda name: any(fnmatch(name.as_posix(), own) for own in ours))
    place = path.resolve()  # a link stays, and what it points to is replaced
    unfinished, old = (
        place.with_name(f"{place.name}.{os.getpid()}.{end}") for end in ("tmp", "old")
    )
    try:
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "it is no folder")
        unfinished.mkdir(parents=True)
        yield unfinished
        if not ours:
            _refuse_other_files(path, lambda name: (unfinished / name).is_file())
        if place.is_dir():
            place.rename(old)
        unfinished.rename(place)
    except OSError as error:
        raise _told(error, path, unfinished) from error
    finally:
        if old.is_dir() and not place.exists():
            old.rename(place)
        for leftover in (unfinished, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _refuse_other_files(old: Path, known: Callable[[Path], bool]) -> None:
    """Every file of the folder `old` must be known by its name in it.

    Raises:
        UserError: one is not.
    """
    for file in old.rglob("*"):
        name = file.relative_to(old)
        is_folder = file.is_dir() and not file.is_symlink()
        if not is_folder and not known(name):
            raise UserError(f"{old} holds {name}, which would be deleted; choose another folder")


def check_output_file(path: Path, option: str = "--output-path") -> None:
    """Tell before the work that a file could not be written after it; makes nothing.

    Args:
        path: the file, there or not.
        option: that it was given with.

    Raises:
        UserError: a folder has its name, or its own folder can neither be made nor written to.
    """
    _check_takes_files(path.absolute().parents, path, option)
    if path.is_dir():
        raise UserError(f"{option} is {path}, which is a folder; name a file")


def check_output_folder(path: Path, option: str) -> None:
    """The same of a folder that files will be written to.

    Args:
        path: the folder, there or not.
        option: that it was given with.

    Raises:
        UserError: it can neither be made nor written to.
    """
    place = path.absolute()
    _check_takes_files((place, *place.parents), path, option)


def _check_takes_files(folders: Iterable[Path], path: Path, option: str) -> None:
    """The first of the folders that is there, from the innermost one, must take new files."""
    above = next(folder for folder in folders if os.path.lexists(folder))
    if not above.is_dir():
        reason = f"{above} is no folder"
    elif not os.access(above, os.W_OK | os.X_OK):
        reason = f"{above} takes no files of yours"
    else:
        return
    raise UserError(f"{path} cannot be written, as {reason}; choose another {option}")


def refuse_to_overwrite(given: Path, written: Collection[Path]) -> None:
    """A file that was given may not be among those to be written.

    Raises:
        UserError: it is.
    """
    if given.resolve() in {path.resolve() for path in written}:
        raise UserError(f"{given} would be overwritten; choose another --output-path")


def write_text(path: Path, content: str) -> None:
    """Write a text file in UTF-8.

    Raises:
        UserError: the file cannot be written.
    """
    with whole_file(path) as unfinished:
        unfinished.write_text(content, encoding="utf-8")
