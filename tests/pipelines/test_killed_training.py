"""A training over many scenes that is killed goes on from its last checkpoint as if it had not been."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.lift_run import write_list
from tests.pipelines.told_losses import SAVED_EVERY, STEPS, WORD
from tests.pipelines.training_ranks import METHODS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills processes"),
]

ROOT = Path(__file__).parents[2]
Losses = dict[int, dict[str, float]]


@pytest.fixture(scope="module", params=METHODS)
def arguments(
    request: pytest.FixtureRequest, tabletops: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str | Path]:
    """A method and its scenes."""
    return [request.param, write_list(tabletops, tmp_path_factory.mktemp("killed") / "list.yaml")]


def training(
    arguments: list[str | Path], folder: Path, *loaded: Path, killed_after: int | None = None
) -> Losses:
    """The losses that a process tells: of all steps, or of so many, in the one after which it is killed."""
    folder.mkdir()
    line = [sys.executable, "-m", "tests.pipelines.told_losses", *arguments, folder, *loaded]
    with (folder / "errors.log").open("w") as log:
        worker = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            told = dict(islice(told_by(worker), killed_after))
            if killed_after is not None:
                worker.send_signal(signal.SIGKILL)
            ended = worker.wait(timeout=300)
        finally:
            worker.kill()
            worker.communicate()
    expected = 0 if killed_after is None else -signal.SIGKILL
    assert ended == expected, (folder / "errors.log").read_text()[-3000:]
    return told


def told_by(worker: "subprocess.Popen[str]") -> Iterator[tuple[int, dict[str, float]]]:
    """The losses of each step as soon as they are told, until it ends."""
    assert worker.stdout is not None
    for line in worker.stdout:
        if line.startswith(WORD):
            step, losses = json.loads(line.removeprefix(WORD))
            yield step, losses


def checkpoints(folder: Path) -> Path:
    """The folder of the only checkpoint of a training."""
    (file,) = folder.rglob("*.ckpt")
    return file.parent


def test_a_training_that_is_killed_twice_has_the_same_losses(
    arguments: list[str | Path], tmp_path: Path
):
    expected = training(arguments, tmp_path / "whole")
    assert list(expected) == list(range(STEPS))
    assert expected[0] != expected[STEPS - 1]
    first, second = tmp_path / "first", tmp_path / "second"
    parts = [
        training(arguments, first, killed_after=SAVED_EVERY + 3),
        training(arguments, second, checkpoints(first), killed_after=SAVED_EVERY + 2),
        training(arguments, tmp_path / "third", checkpoints(second)),
    ]
    for number, found in enumerate(parts):
        assert min(found) == number * SAVED_EVERY + (number > 0)  # the one after the checkpoint
        assert found == {step: expected[step] for step in found}
    assert max(parts[-1]) == STEPS - 1
