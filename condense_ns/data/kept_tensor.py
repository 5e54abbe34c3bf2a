"""Tensors that take long to work out, kept in files."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.whole_files import whole_file

NAME = "kept"


def kept_tensor(file: Path, make: Callable[[], Tensor]) -> Tensor:
    """The tensor in a file, on the CPU; made and written there if the file is missing or damaged.

    A file that cannot be written is no hindrance: next time the tensor is made anew.

    Args:
        file: whose name changes with all that the tensor depends on.
        make: works it out.
    """
    try:
        return load_file(file)[NAME]
    except (OSError, SafetensorError, KeyError):
        made = make().cpu().contiguous()
    with suppress(UserError), whole_file(file) as unfinished:
        save_file({NAME: made}, unfinished)
    return made
