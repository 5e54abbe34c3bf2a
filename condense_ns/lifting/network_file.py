"""Weights of a lifting network on disk: safetensors, with the sizes that it was built with."""

from pathlib import Path

from condense_ns.errors import UserError
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.weight_file import first_line, read_weights, write_weights

FORMAT = "condense_ns lift3d 2"
SHIPPED = Path(__file__).parent / "lift3d.safetensors"
"""Trained on made-up scenes; comes with the package."""
_KIND = "weights of lift3d"
_REMEDY = "give a run's config.yml or weights of this version"


def save_network(network: LiftingNetwork, path: Path) -> None:
    """Write weights and sizes; the file is whole or absent."""
    sizes = {"planes": str(network.planes), "samples": str(network.samples)}
    write_weights(path, network.state_dict(), {"format": FORMAT, **sizes})


def load_network(path: Path = SHIPPED) -> LiftingNetwork:
    """The network that was saved.

    Raises:
        UserError: no such file, damaged, of another version.
    """
    state, about = read_weights(path, _KIND, FORMAT, _REMEDY)
    try:
        network = LiftingNetwork(int(about["planes"]), int(about["samples"]))
        network.load_state_dict(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{path} cannot be read as {_KIND} ({first_line(error)}); {_REMEDY}"
        ) from error
    return network.eval()
