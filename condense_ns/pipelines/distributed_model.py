"""Several processes that train one model, on any device, and what that leaves in checkpoints."""

from typing import Any, TypeVar, cast

import torch
from nerfstudio.models.base_model import Model
from torch.nn.parallel import DistributedDataParallel

MODEL = "_model."
"""What names of a model's weights begin with in a checkpoint."""
AnyModel = TypeVar("AnyModel", bound=Model)


def distributed(model: AnyModel, device: str | torch.device, local_rank: int) -> AnyModel:
    """The model, whose gradients are averaged over all processes; the host's own wrapping insists on CUDA.

    Only what the model's `forward` uses is averaged: losses must not use other weights.

    Args:
        model: with its weights in place; all processes get those of the first.
        device: where it is.
        local_rank: number of this process on its machine, which is that of its GPU.
    """
    on_gpu = torch.device(device).type == "cuda"
    wrapped = DistributedDataParallel(
        model, device_ids=[local_rank] if on_gpu else None, find_unused_parameters=True
    )
    return cast(AnyModel, wrapped)


def without_wrapper(state: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint's tensors under the names that they have without distributed training."""
    names = {key: key.removeprefix("module.") for key in state}
    wrapper = f"{MODEL}module."
    return {
        MODEL + name.removeprefix(wrapper) if name.startswith(wrapper) else name: state[key]
        for key, name in names.items()
    }
