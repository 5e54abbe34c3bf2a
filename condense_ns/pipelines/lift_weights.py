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
    from condense_ns.models.lift3d import Lift3DModelConfig
    from condense_ns.pipelines.run_weights import load_weights, run_weights

    model, state = run_weights(load_config)
    if not isinstance(model, Lift3DModelConfig):
        raise UserError(f"{load_config} is a run of {type(model).__name__}; give one of lift3d")
    network = LiftingNetwork(model.depth_planes, model.samples_per_ray)
    load_weights(network, state)
    return network.eval()
