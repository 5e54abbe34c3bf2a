"""How an index of scenes grows: size and time of a search with more and more scenes of random descriptors.

Descriptors scatter about a few thousand centres, as those of a network do. A photograph shows two fifths of
the keypoints of its scene, with noise; the rest of its keypoints belong to nothing.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from condense_ns.benchmarks.index_timing import Timing
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.retrieval.scene_search import find_scenes
from condense_ns.tensors import FeatureSource, SceneDescriptor

KEYPOINTS, CHANNELS = 512, 64
HALF_BYTES = 2
SIZE = (480, 640)
SOURCE = FeatureSource("made up", "00" * 16)
_CENTRES, _SCATTER, _NOISE, _SEEN = 4096, 0.7, 0.4, 0.4
_TOGETHER = 250


def made_up_scene(number: int) -> SceneDescriptor:
    """A scene of random keypoints in a room of 5 m, without words."""
    generator = torch.Generator().manual_seed(number)
    xyz = 5.0 * torch.rand(KEYPOINTS, 3, generator=generator, dtype=torch.float64)
    descriptors = _descriptors(KEYPOINTS, generator)
    thumbnail = torch.randint(0, 255, (9, 12, 3), generator=generator, dtype=torch.uint8)
    large = F.interpolate(thumbnail.permute(2, 0, 1)[None].float(), (72, 96), mode="bilinear")
    return SceneDescriptor(
        name=f"scene {number:07d}",
        xyz=xyz,
        descriptors=descriptors,
        source=SOURCE,
        embeddings={SOURCE.spec: F.normalize(descriptors.mean(dim=0), dim=0)},
        fingerprints={SOURCE.spec: SOURCE.fingerprint},
        box=torch.stack([xyz.amin(dim=0), xyz.amax(dim=0)]),
        thumbnail=large[0].permute(1, 2, 0).to(torch.uint8).contiguous(),
        provenance={"made up": number},
    )


def made_up_photograph(number: int) -> Keypoints2D:
    """Keypoints of a photograph of a scene, in any order."""
    generator = torch.Generator().manual_seed(1_000_000_000 + number)
    scene = made_up_scene(number).descriptors
    seen = scene[torch.randperm(KEYPOINTS, generator=generator)[: round(_SEEN * KEYPOINTS)]]
    # noise of this length turns a unit vector by about 20 degrees
    noise = torch.randn(seen.shape, generator=generator) * _NOISE / math.sqrt(CHANNELS)
    others = _descriptors(KEYPOINTS - len(seen), generator)
    descriptors = torch.cat([F.normalize(seen + noise), others])
    order = torch.randperm(KEYPOINTS, generator=generator)
    pixels = torch.rand(KEYPOINTS, 2, generator=generator) * torch.tensor(SIZE[::-1])
    return Keypoints2D(pixels, torch.ones(KEYPOINTS), descriptors[order])


def scaling_row(count: int, queries: int, folder: Path) -> dict[str, float]:
    """Figures of an index of so many scenes.

    Args:
        count: scenes, at least 1.
        queries: photographs that are looked for, at least 1.
        folder: where the index is made; must not exist.

    Raises:
        UserError: something is there, or lancedb is missing.
    """
    start = time.process_time()
    index = SceneIndex.open_or_create(str(folder), made_up_scene(0))
    for first in track(range(0, count, _TOGETHER), f"{count} scenes", transient=True):
        numbers = range(first, min(first + _TOGETHER, count))
        index.add_all([made_up_scene(number) for number in numbers])
    added = time.process_time()
    index.build()
    built = time.process_time()
    asked = np.linspace(0, count - 1, queries).astype(int).tolist()
    photographs = [made_up_photograph(number) for number in asked]
    for photograph in photographs[:3]:  # what is read for the first time is not counted
        find_scenes(index, photograph, SIZE)
    timing, right = Timing(), 0
    for number, photograph in zip(asked, photographs, strict=True):
        with timing.repetition():
            found = find_scenes(index, photograph, SIZE)
        right += bool(found) and found[0].name == f"scene {number:07d}"
    size = folder_bytes(folder)
    return {
        "scenes": float(count),
        **timing.figures(),
        "recall@1": right / queries,
        "kB per scene": size / count / 1e3,
        "size ratio": size / raw_bytes(count),
        "kB in vector index": folder_bytes(folder, "_indices") / count / 1e3,
        "cpu ms to add": 1e3 * (added - start) / count,
        "cpu s to build": built - added,
    }


def growth(rows: Sequence[dict[str, float]], figure: str) -> float:
    """The power of the number of scenes that a figure grows with, by least squares; NaN of one row.

    Args:
        rows: of `scaling_row`.
        figure: name of a figure above 0.
    """
    counts = np.log([row["scenes"] for row in rows])
    if len(set(counts)) < 2:
        return math.nan
    return float(np.polyfit(counts, np.log([row[figure] for row in rows]), 1)[0])


def raw_bytes(count: int, keypoints: int = KEYPOINTS, channels: int = CHANNELS) -> int:
    """Of so many scenes' descriptors in half precision."""
    return count * keypoints * channels * HALF_BYTES


def folder_bytes(folder: Path, part: str = "") -> int:
    """Size of all files below a folder, or of those below its folders of one name."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files if not part or part in file.parts)


def _descriptors(count: int, generator: torch.Generator) -> Tensor:
    """Unit vectors about one of the centres each."""
    centres = torch.randn(_CENTRES, CHANNELS, generator=torch.Generator().manual_seed(17))
    chosen = torch.randint(0, _CENTRES, (count,), generator=generator)
    return F.normalize(
        centres[chosen] + _SCATTER * torch.randn(count, CHANNELS, generator=generator)
    )
