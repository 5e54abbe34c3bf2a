"""Weights on disk as safetensors, with texts that say what they are; reading runs no code of theirs."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.whole_files import whole_file


def write_weights(path: Path, state: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write tensors and texts; the file is whole or what it was before.

    Raises:
        UserError: the file cannot be written.
    """
    on_disk = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    with whole_file(path) as unfinished:
        save_file(on_disk, unfinished, metadata=dict(about))


def read_weights(
    path: Path, kind: str, expected: str, remedy: str
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and texts of a file.

    Args:
        path: the file.
        kind: what it should hold, for messages, e.g. "weights of lift3d".
        expected: the text "format" that it must bear.
        remedy: what to do if it does not, for messages.

    Raises:
        UserError: no such file, damaged, of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path} cannot be read as {kind} ({first_line(error)}); {remedy}"
        ) from error
    found = about.get("format")
    if found != expected:
        raise UserError(
            f"{path} does not hold {kind} (format {found!r}, expected {expected!r}); {remedy}"
        )
    return state, about


def first_line(error: BaseException) -> str:
    """What an error says, cut to one line."""
    return next(iter(str(error).splitlines()), type(error).__name__)
