"""Weights in a TorchScript archive, the form in which OpenAI publishes CLIP; its program never runs.

`torch.jit.load` would compile and partly run what the archive holds. Here only the table of its
modules is read, by an unpickler that knows nothing but tensors and containers.
"""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from jaxtyping import Shaped
from torch import Tensor

_TABLE, _MARK = "data.pkl", "constants.pkl"
_NO_WEIGHTS = ("input_resolution", "context_length", "vocab_size", "attn_mask")
"""Tensors of OpenAI's networks that are settings, or follow from them."""
_NUMBERS = {
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "BoolStorage": torch.bool,
}


def is_torchscript(file: Path) -> bool:
    """Whether it is such an archive; `torch.save` writes a zip file, too, but no constants."""
    try:
        with ZipFile(file) as archive:
            return any(name.rpartition("/")[2] == _MARK for name in archive.namelist())
    except (BadZipFile, OSError):
        return False


def torchscript_weights(file: Path) -> dict[str, Shaped[Tensor, "..."]]:
    """The tensors of all modules by their names, on the CPU.

    Raises:
        pickle.UnpicklingError: the table asks for other things than tensors and containers.
        KeyError: tensors that the archive lacks.
    """
    with ZipFile(file) as archive:
        root = next(
            name.removesuffix(_MARK)
            for name in archive.namelist()
            if name.rpartition("/")[2] == _MARK
        )
        with archive.open(root + _TABLE) as stream:
            network = _TableReader(stream, archive, f"{root}data/").load()
    found = _tensors(network, "")
    return {
        name: tensor for name, tensor in found.items() if name.rpartition(".")[2] not in _NO_WEIGHTS
    }


class _Module:
    """Stands for any module of an archive: a place for attributes."""


class _TableReader(pickle.Unpickler):
    """Reads modules as `_Module`, and tensors from the archive's other files."""

    def __init__(self, stream: Any, archive: ZipFile, folder: str) -> None:
        super().__init__(stream)
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the table stands for; none of it can do harm."""
        if module.partition(".")[0] == "__torch__":
            return _Module
        if module == "torch.jit._pickle":  # marks the types of lists and dictionaries
            return _unmarked
        known: dict[str, Any] = {
            "torch._utils._rebuild_tensor_v2": _strided,
            "collections.OrderedDict": OrderedDict,
            **{f"torch.{storage}": dtype for storage, dtype in _NUMBERS.items()},
        }
        if f"{module}.{name}" not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return known[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> Shaped[Tensor, " numbers"]:
        """The numbers of a tensor: a kind, a type, a file's name, a device and a count."""
        _, dtype, name, _, count = pid
        content = bytearray(self._archive.read(self._folder + name))
        return torch.frombuffer(content, dtype=dtype, count=count)


def _strided(
    numbers: Shaped[Tensor, " numbers"],
    offset: int,
    size: tuple[int, ...],
    stride: tuple[int, ...],
    *_: object,
) -> Shaped[Tensor, "..."]:
    return numbers.as_strided(size, stride, offset)


def _unmarked(value: Any, *_: object) -> Any:
    return value


def _tensors(module: _Module, prefix: str) -> dict[str, Shaped[Tensor, "..."]]:
    """Of a module and all below it, named as `state_dict` does."""
    found = {}
    for name, value in vars(module).items():
        if isinstance(value, Tensor):
            found[prefix + name] = value
        elif isinstance(value, _Module):
            found |= _tensors(value, f"{prefix}{name}.")
    return found
