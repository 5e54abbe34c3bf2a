"""Seconds of a core and memory of the 3D branch, beside ocnn's convolutions: `pytest -m benchmark`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MOST_SECONDS = 2.0
"""Of a step, forward and backward, of the preset S on a scene of 30,000 voxels."""
# Shape checks of the tests would be measured too, and the peak of memory is one of a process.
PROGRAM = """
import resource, sys, time
import torch
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.fields.sparse_convolution import SparseConvolution
from tests.voxel_scenes import made_volume, surface_voxels

preset, side, rival = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
volume = made_volume(surface_voxels(side))
backbone = OctreeBackbone(preset)
pyramid = backbone.pyramid([volume])
if rival != "ours":
    from ocnn.nn import OctreeConv
    from ocnn.octree import Octree, Points

    depth = (side - 1).bit_length()
    octree = Octree(depth, full_depth=1)
    octree.build_octree(Points(volume.voxel_indices + 0.5), 0.0, float(2**depth))
    octree.construct_all_neigh()
    depths = {id(level): depth - number for number, level in enumerate(pyramid.levels)}
    theirs = {
        ours: OctreeConv(*ours.weight.shape[1:], [3], 1, nempty=True, method=rival)
        for ours in backbone.modules() if isinstance(ours, SparseConvolution)
    }
    SparseConvolution.forward = lambda self, features, level: theirs[self](
        features, octree, depths[id(level)]
    )
seconds = []
for _ in range(3 if side < 100 else 1):
    start = time.process_time()
    latents = backbone([volume], pyramid)[0]
    middle = time.process_time()
    latents.square().mean().backward()
    seconds.append((time.process_time() - start, middle - start))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(len(volume), *min(seconds), peak)
"""


def measured(capsys, preset: str, side: int, convolutions: str = "ours") -> float:
    """Seconds of a step; they are printed with the rest."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, preset, str(side), convolutions],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    voxels, step, forward, peak = map(float, ended.stdout.split())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{preset}, {voxels:,.0f} voxels, {convolutions}: {step:.2f} s of a core per step "
            f"(forward {forward:.2f}), {peak:.2f} GB at the peak\n"
        )
    return step


@pytest.mark.benchmark
@pytest.mark.parametrize("preset", ["S", "M", "L"])
def test_seconds_and_memory_of_a_step(preset, capsys):
    step = measured(capsys, preset, 72)
    if preset == "S":
        assert step < MOST_SECONDS


@pytest.mark.benchmark
def test_a_scene_of_two_hundred_thousand_voxels(capsys):
    measured(capsys, "S", 190)


@pytest.mark.benchmark
def test_ours_are_faster_than_those_of_ocnn(capsys):
    pytest.importorskip("ocnn")
    ours = measured(capsys, "S", 72)
    theirs = [measured(capsys, "S", 72, method) for method in ("block_gemm", "explicit_gemm")]
    assert 1.5 * ours < min(theirs)
