"""Photographs to learn colours from: two halves, above always blue, below always orange."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SKY, SAND = np.array([60, 110, 220]), np.array([220, 140, 40])


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty of them, of several sizes, in two folders; not to be changed."""
    folder, generator = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    for number in range(30):
        height, width = 60 + 4 * number, 200 - 3 * number
        light = generator.uniform(0.6, 1.0, (height, width, 1))
        halves = np.where(np.arange(height)[:, None, None] < height / 2, SKY, SAND)
        place = folder / "ab"[number % 2] / f"{number:02d}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray((light * halves).astype(np.uint8)).save(place)
    return folder
