"""A GPU that is not there: tensors that say they are on it refuse others, as CUDA's would.

Within `PretendedGpu()` whatever is made on or moved to ``cuda`` stays in the CPU's memory and carries a
mark. What is computed from marked tensors is marked; an operation that meets marked and unmarked ones
raises. So code that forgets a device fails in every test, and not first on somebody's GPU. Only the
thread that entered it pretends.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

MARK = "_is_pretended"
UNMIXED = {
    "_has_compatible_shallow_copy_type",
    "__bool__",
    "__float__",
    "__format__",
    "__get__",
    "__hash__",
    "__index__",
    "__int__",
    "__len__",
    "__repr__",
    "copy_",
    "dim",
    "item",
    "load",
    "numel",
    "save",
    "size",
    "tolist",
}
"""Names of what may meet tensors of both kinds, or computes nothing."""


class DeviceMixError(RuntimeError):
    """Tensors of two devices met."""


class PretendedGpu(TorchFunctionMode):
    """While this lasts, ``cuda`` is a device."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Compute on the CPU and mark what comes out."""
        name, kwargs = getattr(func, "__name__", str(func)), dict(kwargs or {})
        if func in _PROPERTIES:
            return _PROPERTIES[func](func, *args)
        if name == "cuda":
            func, name, args = Tensor.to, "to", (args[0], "cuda")
        given = [tensor for tensor in tree_leaves([args, kwargs]) if isinstance(tensor, Tensor)]
        _refuse_mixtures(name, args, given)
        mark, plain, kwargs = _asked(name, args, kwargs)
        if mark is None:
            mark = _marked(args[0]) if name.startswith("new_") else any(map(_marked, given))
        made = func(*plain, **kwargs)
        if name in ("to", "cpu") and made is given[0] and mark != _marked(made):
            made = made.view_as(made)
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                setattr(tensor, MARK, mark)
        return made


def _replace_data(func: Callable[..., Any], tensor: Tensor, data: Tensor) -> None:
    func(tensor, data)
    setattr(tensor, MARK, _marked(data))


_TENSOR: Any = Tensor
_PROPERTIES: dict[Callable[..., Any], Callable[..., Any]] = {
    _TENSOR.device.__get__: lambda func, tensor: (
        torch.device("cuda", 0) if _marked(tensor) else func(tensor)
    ),
    _TENSOR.is_cuda.__get__: lambda func, tensor: _marked(tensor),
    _TENSOR.data.__set__: _replace_data,
}
"""What asks a tensor for its device, or changes it."""


def _marked(tensor: Any) -> bool:
    return getattr(tensor, MARK, False)


def _device_marks(value: Any) -> bool | None:
    """Whether a device is pretended; None if the value is no device."""
    if isinstance(value, torch.device):
        return value.type == "cuda"
    if isinstance(value, str) and value.split(":")[0] in ("cpu", "cuda"):
        return value.startswith("cuda")
    return None


def _asked(
    name: str, args: Iterable[Any], kwargs: dict[str, Any]
) -> tuple[bool | None, list[Any], dict[str, Any]]:
    """The mark that the call asks for, if any, and its arguments without pretended devices."""
    args, mark = list(args), None
    if name == "cpu":
        return False, args, kwargs
    if _device_marks(kwargs.get("device")) is not None:
        mark, kwargs["device"] = _device_marks(kwargs["device"]), "cpu"
    if name == "to":
        for at, value in enumerate(args[1:], 1):
            found = _marked(value) if isinstance(value, Tensor) else _device_marks(value)
            mark = found if found is not None else mark
            args[at] = "cpu" if _device_marks(value) is not None else value
    return mark, args, kwargs


def _refuse_mixtures(name: str, args: tuple, given: list[Tensor]) -> None:
    if name in ("numpy", "__array__") and _marked(args[0]):
        raise DeviceMixError(f"{name} of a tensor on the GPU")
    marks = {_marked(tensor) for tensor in given if tensor.dim() > 0}
    picks = name in ("__getitem__", "__setitem__") and _marked(args[0])  # by a CPU's indices
    if len(marks) > 1 and name not in UNMIXED | {"to"} and not picks:
        shapes = ", ".join(f"{tuple(one.shape)} on {one.device}" for one in given)
        raise DeviceMixError(f"{name} meets tensors of two devices: {shapes}")
