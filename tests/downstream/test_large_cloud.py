"""Memory that five million points take."""

import subprocess
import sys
from pathlib import Path

import pytest

from condense_ns.downstream.volume_pieces import MOST_VOXELS

ROOT = Path(__file__).parents[2]
MOST_MEGABYTES = 2500
"""About a gigabyte for a piece, the rest for points and voxels."""


@pytest.mark.slow
def test_five_million_points_are_answered_for_in_bounded_memory():
    command = [sys.executable, "-m", "tests.downstream.large_cloud"]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    before, after, voxels, answered = map(float, found.stdout.split())
    assert voxels > MOST_VOXELS
    assert answered == 1.0
    assert after - before < MOST_MEGABYTES
