"""A step costs the same with any number of scenes, and two processes do almost twice as much.

``pytest -m benchmark tests/pipelines/test_step_times.py -s`` on idle cores.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_plan import ScenePlan
from tests.pipelines.step_times import METHODS

ROOT = Path(__file__).parents[2]
COUNTS = 1, 10, 100


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Folders of one, ten and a hundred scenes, all the same."""
    folder = tmp_path_factory.mktemp("scenes")
    made = write_scene(ScenePlan(0, "tabletop", views=20, points=200), folder / "made")
    for count in COUNTS:
        for number in range(count):
            shutil.copytree(made, folder / str(count) / f"scene{number:03d}")
    return {count: folder / str(count) for count in COUNTS}


def seconds(*arguments: str | Path | int) -> list[float]:
    """What `step_times` prints."""
    line = [sys.executable, "-m", "tests.pipelines.step_times", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = [line for line in done.stdout.splitlines() if line.startswith("seconds ")]
    return [float(number) for number in printed[-1].split()[1:]]


@pytest.mark.benchmark
@pytest.mark.parametrize("method", METHODS)
def test_a_step_costs_the_same_with_any_number_of_scenes(
    method: str, scenes: dict[int, Path], capsys: pytest.CaptureFixture[str]
):
    found = seconds("growth", method, *scenes.values())
    with capsys.disabled():
        told = ", ".join(
            f"{count}: {time:.3f} s" for count, time in zip(COUNTS, found, strict=True)
        )
        sys.stdout.write(f"\n{method}, a step with so many scenes: {told}\n")
    assert max(found) < 1.1 * found[0]


@pytest.mark.benchmark
@pytest.mark.parametrize("method", METHODS)
def test_two_processes_do_almost_twice_as_much(
    method: str, scenes: dict[int, Path], capsys: pytest.CaptureFixture[str]
):
    alone, together = (seconds("ranks", method, scenes[10], count)[0] for count in (1, 2))
    gain = 2 * alone / together
    with capsys.disabled():
        sys.stdout.write(
            f"\n{method}: a step takes one process {alone:.3f} s and two, each with examples of its "
            f"own, {together:.3f} s: {gain:.2f} times the throughput\n"
        )
    assert gain >= 1.6
