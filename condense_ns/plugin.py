"""What the entry points name. Importing it is cheap, and nothing here can raise.

nerfstudio loads every plugin at the start of every command without a try: an exception here would
end `ns-train nerfacto` too. So the methods are imported when they are asked for, and a failure becomes
a warning and a value that the host reports and skips.
"""

import warnings
from typing import Any

import numpy as np
import torch


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        from condense_ns import methods

        return methods.SPECIFICATIONS[name]
    except Exception as error:
        warnings.warn(f"condense_ns is switched off: {type(error).__name__}: {error}", stacklevel=2)
        return None


def allow_numpy_scalars_in_checkpoints() -> None:
    """Let `torch.load` read nerfstudio's checkpoints, which hold a NumPy float of the schedulers.

    Since torch 2.6 only listed classes load. Both historical module names of NumPy's private scalar
    constructor are listed, so that files cross NumPy 1 and 2.
    """
    if not hasattr(torch.serialization, "add_safe_globals"):
        return
    scalar = np.float64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    allowed: list[Any] = [(scalar, name) for name in names]
    torch.serialization.add_safe_globals([*allowed, np.dtype, type(np.dtype("f8"))])


try:
    allow_numpy_scalars_in_checkpoints()
except Exception as error:  # other commands of the host must survive anything that happens here
    warnings.warn(f"condense_ns could not prepare torch.load: {error}", stacklevel=1)
