"""Weights of a lifting network on disk: safetensors, with the sizes that it was built with."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from condense_ns.errors import UserError
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.whole_files import whole_file

FORMAT = "condense_ns lift3d 1"
SHIPPED = Path(__file__).parent / "lift3d.safetensors"
"""Trained on made-up scenes; comes with the package."""


def save_network(network: LiftingNetwork, path: Path) -> None:
    """Write weights and sizes; the file is whole or absent."""
    state = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    sizes = {"planes": str(network.planes), "samples": str(network.samples)}
    with whole_file(path) as unfinished:
        save_file(state, unfinished, metadata={"format": FORMAT, **sizes})


def load_network(path: Path = SHIPPED) -> LiftingNetwork:
    """The network that was saved.

    Raises:
        UserError: no such file, damaged, of another version.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            found = about.get("format")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if found == FORMAT:
                network = LiftingNetwork(int(about["planes"]), int(about["samples"]))
                network.load_state_dict(state)
                return network.eval()
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} cannot be read as weights of lift3d ({reason})") from error
    raise UserError(
        f"{path} is no network of lift3d (format {found!r}, expected {FORMAT!r}); give a run's "
        "config.yml or weights of this version"
    )
