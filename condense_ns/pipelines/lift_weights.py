"""lift3d's network from wherever a user has it."""

from pathlib import Path

from condense_ns.errors import UserError
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import SHIPPED, load_network


def lifting_network(weights: Path | None) -> LiftingNetwork:
    """The network of a file of weights or of a run.

    Args:
        weights: a .safetensors file, or the config.yml of a run of lift3d; None for those that come
            with the package.

    Raises:
        UserError: there is none, or it is no network of lift3d.
    """
    if weights is None:
        return load_network(SHIPPED)
    if weights.suffix == ".safetensors":
        return load_network(weights)
    if weights.suffix not in (".yml", ".yaml"):
        raise UserError(
            f"{weights} is neither weights (.safetensors) nor a run's config.yml; give one of them"
        )
    return _of_run(weights)


def _of_run(load_config: Path) -> LiftingNetwork:
    import torch

    from condense_ns.models.lift3d import Lift3DModelConfig
    from condense_ns.pipelines.checkpoint_checks import check_keys
    from condense_ns.pipelines.frozen_geometry import read_run
    from condense_ns.pipelines.numpy_scalars import allow_numpy_scalars_in_checkpoints

    config = read_run(load_config)
    model = config.pipeline.model
    if not isinstance(model, Lift3DModelConfig):
        raise UserError(f"{load_config} is a run of {config.method_name}; give one of lift3d")
    checkpoints = sorted((load_config.parent / "nerfstudio_models").glob("step-*.ckpt"))
    if not checkpoints:
        raise UserError(f"{load_config.parent} has no checkpoint; let ns-train finish first")
    allow_numpy_scalars_in_checkpoints()
    state = torch.load(checkpoints[-1], map_location="cpu", weights_only=True)["pipeline"]
    prefix = "_model.network."
    names = {key.replace("_model.module.", "_model."): key for key in state}
    own = {key.removeprefix(prefix): state[names[key]] for key in names if key.startswith(prefix)}
    network = LiftingNetwork(model.depth_planes, model.samples_per_ray)
    check_keys(own, network.state_dict())
    network.load_state_dict(own)
    return network.eval()
