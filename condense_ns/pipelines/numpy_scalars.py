"""nerfstudio's checkpoints under torch 2.6 and later."""

from typing import Any

import numpy as np
import torch


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
