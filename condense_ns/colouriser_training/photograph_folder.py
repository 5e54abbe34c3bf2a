"""Photographs of a folder, shrunk and kept in memory, and crops of them."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image, UnidentifiedImageError
from rich.progress import track
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError

LONGEST = 320
"""Pixels that photographs are shrunk to."""
HELD_OUT_EVERY = 10
"""Photograph of which one is not learned from."""
LEAST_PHOTOGRAPHS = 20
_LEAST_COLOUR = 4.0  # mean range of a pixel's channels, of 255; less is a grey photograph
_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_LARGEST_GROWTH = 1.5


@dataclass(frozen=True)
class Photographs:
    """Colour photographs of any sizes."""

    taught: list[UInt8[Tensor, "3 _ _"]]
    """RGB, to learn from."""
    held_out: list[UInt8[Tensor, "3 _ _"]]
    """To measure on."""

    def digest(self) -> str:
        """Tells the photographs that are learned from apart from others."""
        digest = hashlib.sha256()
        for image in self.taught:
            digest.update(repr(tuple(image.shape)).encode() + image.numpy().tobytes())
        return digest.hexdigest()


def read_photographs(folder: Path, least_side: int) -> Photographs:
    """Read all photographs below a folder but grey ones, in the order of their names.

    Args:
        folder: where they lie.
        least_side: pixels; smaller ones are enlarged.

    Raises:
        UserError: no folder, a file that is no image, or too few photographs in colour.
    """
    if not folder.is_dir():
        raise UserError(f"--photographs is {folder}, which is no folder")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _SUFFIXES)
    read = [_small(file, least_side) for file in track(files, "Reading photographs")]
    coloured = [image for image in read if image is not None]
    if len(coloured) < LEAST_PHOTOGRAPHS:
        raise UserError(
            f"--photographs: {folder} holds {len(coloured)} photographs in colour "
            f"({', '.join(_SUFFIXES)}); {LEAST_PHOTOGRAPHS} are needed, some hundreds are better"
        )
    held_out = coloured[::HELD_OUT_EVERY]
    return Photographs([x for i, x in enumerate(coloured) if i % HELD_OUT_EVERY], held_out)


def _small(file: Path, least_side: int) -> UInt8[Tensor, "3 height width"] | None:
    """The photograph of a size to learn from; None of a grey one."""
    try:
        with Image.open(file) as opened:
            opened.draft("RGB", (2 * LONGEST, 2 * LONGEST))
            image = opened.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(
            f"{file} cannot be read as an image ({error}); mend or remove it"
        ) from error
    factor = max(LONGEST / max(image.size), least_side / min(image.size))
    size = [max(least_side, round(factor * side)) for side in image.size]
    pixels = np.array(image.resize((size[0], size[1]), Image.Resampling.LANCZOS))
    if np.ptp(pixels, axis=-1).mean() < _LEAST_COLOUR:
        return None
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def random_crops(
    photographs: list[UInt8[Tensor, "3 _ _"]],
    count: int,
    side: int,
    generator: random.Random,
) -> Float[Tensor, "count 3 side side"]:
    """Square pieces of photographs in RGB in [0, 1], mirrored half of the time, of all sizes.

    Args:
        photographs: drawn from with equal chances.
        count: how many pieces.
        side: in pixels, of all pieces; they are enlarged by `_LARGEST_GROWTH` at most.
        generator: what decides.
    """
    return torch.stack(
        [_crop(generator.choice(photographs), side, generator) for _ in range(count)]
    )


def _crop(
    photograph: UInt8[Tensor, "3 height width"], side: int, generator: random.Random
) -> Float[Tensor, "3 side side"]:
    height, width = photograph.shape[-2:]
    taken = generator.randint(round(side / _LARGEST_GROWTH), min(height, width))
    top, left = generator.randint(0, height - taken), generator.randint(0, width - taken)
    piece = photograph[None, :, top : top + taken, left : left + taken]
    piece = F.interpolate(piece / 255, (side, side), mode="bilinear", antialias=True)[0]
    return piece.flip(-1) if generator.random() < 0.5 else piece
