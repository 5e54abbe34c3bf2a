"""Files that are either whole or what was there before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from condense_ns.errors import UserError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what becomes the file `path` once the block has ended well.

    Args:
        path: the file; its folder is made if missing.

    Raises:
        UserError: the file cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another") from error
    finally:
        with suppress(OSError):  # it is there only if something went wrong
            unfinished.unlink()


def write_text(path: Path, content: str) -> None:
    """Write a text file in UTF-8.

    Raises:
        UserError: the file cannot be written.
    """
    with whole_file(path) as unfinished:
        unfinished.write_text(content, encoding="utf-8")
