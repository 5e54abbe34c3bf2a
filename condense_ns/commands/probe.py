"""`condense probe` and `condense finetune`: how much a 3D backbone knows, measured by tasks."""

from dataclasses import dataclass
from typing import Literal

from condense_ns.commands.downstream_options import DownstreamOptions

FINETUNING_RATE = 1e-3
PROBING_RATE = 3e-3


@dataclass
class Probe(DownstreamOptions):
    """Train a head on a 3D backbone that stays as it is, and score it.

    Writes, in a folder of its own below --out, row.json with all figures and where they come from,
    errors.png (confusion matrix, or precision against recall), a checkpoint, and curves for TensorBoard.
    Data sets: synthetic (made up on the spot), or <name>:<folder> with the files that their owners hand
    out.
    """

    adapters: bool = False
    """Train the backbone's input adapter as well, as ConDense does."""

    def main(self) -> None:
        """Train, score, write."""
        adapters = self.adapters
        self.run(self.plan("adapters" if adapters else "frozen", PROBING_RATE))


@dataclass
class Finetune(DownstreamOptions):
    """Train a 3D backbone and a head for a task, and score them.

    Writes what condense probe writes.
    """

    load: Literal["all", "encoder"] = "all"
    """What is taken over from the file: everything, or the way down to the coarsest voxels only."""

    def main(self) -> None:
        """Train, score, write."""
        self.run(self.plan(self.load, FINETUNING_RATE))
