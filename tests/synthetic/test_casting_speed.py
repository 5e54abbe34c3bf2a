"""How many pixels a core photographs in a second, with shading and maps: `pytest -m benchmark`."""

import os
import subprocess
import sys

import pytest

LEAST = 1.0  # megapixels per second of one core
# Shape checks of the tests would be measured too, so a process of its own does the work.
PROGRAM = """
import sys, time
from statistics import median
from condense_ns.synthetic.photographer import Photographer
from condense_ns.synthetic.scene_plan import ScenePlan

kind, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rates = []
for seed in range(8):
    plan = ScenePlan(seed, kind, views=6, width=width, height=height)
    scene = plan.scene()
    photographer, cameras = Photographer(scene), plan.cameras(scene)
    photographer.photograph(cameras[0])  # builds what rays are found with
    for camera in cameras:
        start = time.process_time()
        photographer.photograph(camera)
        rates.append(width * height / 1e6 / (time.process_time() - start))
print(median(rates))
"""


@pytest.mark.benchmark
@pytest.mark.parametrize("size", [(256, 192), (640, 480)])
@pytest.mark.parametrize("kind", ["room", "tabletop"])
def test_a_core_photographs_a_megapixel_in_a_second(kind, size, capsys):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, *map(str, size)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    rate = float(ended.stdout)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{kind} {size[0]}x{size[1]}: {rate:.2f} megapixels per second and core\n"
        )
    assert rate >= LEAST
