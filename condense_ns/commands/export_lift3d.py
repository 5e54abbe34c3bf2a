"""`condense export lift3d`: the network of a run as one small file, for `condense lift --weights`."""

from dataclasses import dataclass
from pathlib import Path

from condense_ns.errors import UserError


@dataclass
class ExportLift3D:
    """Write the network of a run of lift3d, without what only training needs."""

    load_config: Path
    """The run's config.yml."""
    output_path: Path = Path("lift3d.safetensors")
    """The file; condense lift takes it as --weights, ns-train as --pipeline.model.initial-weights."""

    def main(self) -> None:
        """Read and write."""
        if self.output_path.suffix != ".safetensors":
            raise UserError(
                f"--output-path is {self.output_path}; its name must end in .safetensors"
            )
        from rich.console import Console

        from condense_ns.lifting.network_file import save_network
        from condense_ns.pipelines.lift_weights import lifting_network

        save_network(lifting_network(self.load_config), self.output_path)
        Console(highlight=False).print(f"written to {self.output_path}")
