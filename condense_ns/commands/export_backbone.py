"""`condense export backbone`: what a run of condense-pretrain learned as one small file."""

from dataclasses import dataclass
from pathlib import Path

from condense_ns.errors import UserError


@dataclass
class ExportBackbone:
    """Write the 3D backbone of a run of condense-pretrain with its decoders and the 2D branch.

    condense features, probe and finetune take the file as --backbone.
    """

    load_config: Path
    """The run's config.yml."""
    output_path: Path = Path("backbone.safetensors")
    """The file."""
    half: bool = True
    """Weights in half precision: half the size. Statistics of encoders stay exact."""

    def main(self) -> None:
        """Read and write."""
        if self.output_path.suffix != ".safetensors":
            raise UserError(
                f"--output-path is {self.output_path}; its name must end in .safetensors"
            )
        from rich.console import Console

        from condense_ns.fields.backbone_file import save_backbone
        from condense_ns.pipelines.run_weights import pretrained_parts

        found = pretrained_parts(self.load_config)
        fingerprint = save_backbone(
            self.output_path, found.backbone, found.decoders, self.half, found.others
        )
        size = self.output_path.stat().st_size / 1e6
        Console(highlight=False).print(
            f"backbone {found.backbone.preset} for {', '.join(found.decoders.channels)}: "
            f"{self.output_path}, {size:.1f} MB, fingerprint {fingerprint[:12]}",
            soft_wrap=True,
        )
