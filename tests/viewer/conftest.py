"""The real viewer on a trained run, and a browser."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lift_run import LiftRun, trained
from tests.pretrain_run import small_pretrain_config
from tests.trained_run import BIN, TrainedRun
from tests.viewer.page import BROWSER, DRIVER, ViewerPage

START_SECONDS = 180.0
ROOT = Path(__file__).parents[2]
PIPELINE = re.compile(r"\bcondense_ns\.pipelines\.feature_pipeline\.FeaturePipeline\b")
KEYPOINT_PIPELINE = "tests.viewer.keypoint_run.KeypointPipeline"


@pytest.fixture(scope="module")
def page(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ViewerPage]:
    """A browser that shows `ns-viewer` on the trained run."""
    with page_of(trained_run.config, tmp_path_factory.mktemp("viewer")) as page:
        yield page


@pytest.fixture(scope="module")
def keypoint_page(
    trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ViewerPage]:
    """The same for the run as one that has keypoints."""
    folder = tmp_path_factory.mktemp("keypoint_viewer")
    words, replaced = PIPELINE.subn(KEYPOINT_PIPELINE, trained_run.config.read_text())
    assert replaced == 1
    config = folder / "config.yml"
    config.write_text(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
        with page_of(config, folder) as page:
            yield page


@pytest.fixture(scope="module", params=["lift3d", "condense-pretrain"])
def scenes_page(
    request: pytest.FixtureRequest, lift_run: LiftRun, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ViewerPage]:
    """The same for a run of each method over many scenes."""
    config, folder = lift_run.config, tmp_path_factory.mktemp("scenes_viewer")
    if request.param == "condense-pretrain":
        config = trained(small_pretrain_config(lift_run.scenes, folder)).base_dir / "config.yml"
    with page_of(config, folder, panel="Custom Elements") as page:
        yield page


@contextmanager
def page_of(config: Path, folder: Path, panel: str = "Query by image crop") -> Iterator[ViewerPage]:
    """A browser that shows `ns-viewer` on a run; logs and pictures go to the folder.

    Args:
        config: the run's config.yml.
        folder: gets them.
        panel: words that the page has as soon as our part of it is there.
    """
    for program in (BROWSER, DRIVER):
        if not program.exists():
            pytest.skip(f"{program} is not installed (Debian: chromium chromium-driver)")
    port = free_port()
    line = [BIN / "ns-viewer", "--load-config", config]
    options = ["--viewer.websocket-host", "127.0.0.1", "--viewer.websocket-port", str(port)]
    with (folder / "viewer.log").open("w") as log:
        viewer = subprocess.Popen([*line, *options], stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until_open(port, viewer, folder / "viewer.log")
            browser = ViewerPage(folder / "profile", folder)
            try:
                browser.open(f"http://127.0.0.1:{port}", panel)
                yield browser
            finally:
                browser.close()
        finally:
            viewer.kill()
            viewer.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_open(port: int, viewer: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the viewer listens; fail with its words if it has ended."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and viewer.poll() is None:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    pytest.fail(f"ns-viewer did not start: {log.read_text()[-2000:]}")
