"""Memory and the time of a step do not grow with the number of scenes: `pytest -m benchmark`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_plan import ScenePlan

# Shape checks of the tests would be measured too, so a process of its own does the work.
PROGRAM = """
import sys, time
from pathlib import Path
import psutil
from condense_ns.data.multi_scene_datamanager import MultiSceneDataManagerConfig

manager = MultiSceneDataManagerConfig(data=Path(sys.argv[1])).setup(device="cpu")
for step in range(200):  # what is kept of images and scenes fills
    manager._drawn(step)
start = time.perf_counter()
for step in range(200, 350):
    manager._drawn(step)
milliseconds = 1000 * (time.perf_counter() - start) / 150
print("figures", milliseconds, psutil.Process().memory_info().rss / 2**20)
"""
MOST_MILLISECONDS, MOST_MEGABYTES = 60.0, 350.0
"""What a hundred scenes may cost more than one: images come from the disk instead of memory."""


def figures(data: Path) -> tuple[float, float]:
    """Milliseconds per example and megabytes of memory."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(data)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    _, milliseconds, megabytes = ended.stdout.splitlines()[-1].split()
    return float(milliseconds), float(megabytes)


@pytest.mark.benchmark
def test_a_hundred_scenes_cost_little_more_than_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    made = write_scene(ScenePlan(0, "tabletop", views=20, points=200), tmp_path / "made")
    found = {}
    for count in (1, 10, 100):
        for number in range(count):
            shutil.copytree(made, tmp_path / str(count) / f"scene{number:03d}")
        found[count] = figures(tmp_path / str(count))
        milliseconds, megabytes = found[count]
        with capsys.disabled():
            sys.stdout.write(
                f"\n{count} scenes: {milliseconds:.1f} ms per example, {megabytes:.0f} MB\n"
            )
    assert found[100][0] < found[1][0] + MOST_MILLISECONDS
    assert found[100][1] < found[1][1] + MOST_MEGABYTES
