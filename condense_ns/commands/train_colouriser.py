"""`condense train-colouriser`: a network for `condense lift --operator colourise:…`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class TrainColouriser:
    """Train a small colouriser on a folder of your photographs and write it as ONNX.

    Photographs may have any sizes; a tenth of them are held out, to measure on. A run that was killed
    goes on where it was, if started again with the same options. Needs the package `onnx`.
    """

    photographs: Path
    """Folder of colour photographs, and of folders of them; some hundreds are good."""
    output_path: Path = Path("colouriser.onnx")
    """ONNX file; figures go into a JSON file beside it."""
    steps: int = 4000
    """Batches."""
    batch: int = 16
    """Crops of 160 x 160 pixels in a step."""
    learning_rate: float = 2e-3
    """At its largest."""
    seed: int = 0
    """Of the first weights and the crops."""
    device: str = "cpu"
    """Where to train, for example cpu or cuda:0."""

    def main(self) -> None:
        """Read, train, measure, write."""
        from rich.console import Console

        from condense_ns.colouriser_training.onnx_writing import write_onnx
        from condense_ns.colouriser_training.photograph_folder import read_photographs
        from condense_ns.colouriser_training.training import (
            ColouriserSettings,
            ColouriserTrainer,
            held_out_errors,
            train_colouriser,
        )
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        self._check()
        keep_large_buffers()
        settings = ColouriserSettings(
            steps=self.steps,
            batch=self.batch,
            learning_rate=self.learning_rate,
            seed=self.seed,
        )
        photographs = read_photographs(self.photographs, settings.crop)
        trainer = ColouriserTrainer(photographs, settings, self.device)
        checkpoint = self.output_path.with_suffix(".checkpoint.pt")
        train_colouriser(trainer, settings, checkpoint)
        figures = held_out_errors(trainer.network, photographs)
        write_onnx(trainer.network, self.output_path)
        counts = {"photographs": len(photographs.taught), "held_out": len(photographs.held_out)}
        write_json(
            self.output_path.with_suffix(".json"),
            {**provenance(), "steps": self.steps, **counts, **figures},
        )
        checkpoint.unlink()
        Console(highlight=False).print(
            f"{counts['held_out']} photographs held out: a and b {figures['distance']:.1f} off "
            f"({figures['distance_grey']:.1f} if left grey), PSNR {figures['psnr']:.2f} dB "
            f"({figures['psnr_grey']:.2f} dB); {self.output_path} written"
        )

    def _check(self) -> None:
        from importlib.util import find_spec

        from condense_ns.encoders import check_device
        from condense_ns.errors import UserError
        from condense_ns.whole_files import check_output_file

        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name} is {getattr(self, name)}, it must be 1 or more")
        if not 0 < self.learning_rate < float("inf"):
            raise UserError(f"--learning-rate is {self.learning_rate}, it must be more than 0")
        if self.output_path.suffix != ".onnx":
            raise UserError(f"--output-path is {self.output_path}; it must end in .onnx")
        if find_spec("onnx") is None:
            raise UserError("train-colouriser needs a package: pip install 'onnx<1.18'")
        check_device(self.device)
        check_output_file(self.output_path)
