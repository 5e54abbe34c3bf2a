"""Peak memory of extraction and of lookup, with few and with many images.

Each figure comes from a process of its own, `python -m condense_ns.benchmarks.store_memory ...`: the
peak of a process never falls.
"""

import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.cache.extraction import ImageSource, extract
from condense_ns.encoders.base import ImageEncoder

FEW, MANY = 50, 2_000
HEIGHT, WIDTH, PATCH, CHANNELS = 270, 480, 8, 64
RAYS, LOOKUPS = 4096, 200


class AveragingEncoder(ImageEncoder):
    """Mean colours of patches, repeated to the width of a real encoder: cheap, of the real size."""

    spec, channels, patch_size, fingerprint, device = "averages", CHANNELS, PATCH, "0" * 64, "cpu"

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Whole patches only."""
        return height // PATCH, width // PATCH

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Means of patches."""
        means = torch.nn.functional.avg_pool2d(images, PATCH).permute(0, 2, 3, 1)
        return means.repeat(1, 1, 1, -(-CHANNELS // 3))[..., :CHANNELS]


def store_memory() -> dict[str, dict[str, float]]:
    """Peak resident memory in MB of extracting and of looking up 50 and 2,000 maps."""
    figures: dict[str, dict[str, float]] = {}
    for count in (FEW, MANY):
        with tempfile.TemporaryDirectory() as folder:
            figures[f"{count}_maps"] = {
                f"{stage}_peak_mb": _peak_of_process(Path(folder), count, stage)
                for stage in ("extraction", "lookup")
            }
    return figures


def _peak_of_process(folder: Path, count: int, stage: str) -> float:
    command = [sys.executable, "-m", __name__, str(folder), str(count), stage]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(found.stdout.split()[-1])


def _random_image(number: int) -> Float[Tensor, "3 height width"]:
    return torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(number))


def _sources(folder: Path, count: int) -> list[ImageSource]:
    """Images that are made when asked for; the file holds only the number, for the key."""
    sources = []
    for number in range(count):
        file = folder / f"{number:05d}"
        file.write_text(str(number))
        sources.append(ImageSource(file, HEIGHT, WIDTH, partial(_random_image, number)))
    return sources


def _work(folder: Path, count: int, stage: str) -> float:
    """Do one stage and tell this process's peak in MB."""
    maps = extract(AveragingEncoder(), _sources(folder, count), folder, "benchmark")
    if stage == "lookup":
        generator = torch.Generator().manual_seed(0)
        for _ in range(LOOKUPS):
            images = torch.randint(count, (RAYS,), generator=generator)
            pixels = torch.rand(RAYS, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
            maps.features(images, pixels)
    return own_peak_kilobytes() / 1024


def own_peak_kilobytes() -> float:
    """Peak resident memory since the process began to run this program.

    `getrusage` would also count the parent that it was forked from, so Linux's own file is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    peak = _work(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    sys.stdout.write(f"\n{peak}\n")
