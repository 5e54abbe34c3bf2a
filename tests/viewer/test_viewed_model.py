"""nerfstudio's own viewer on a run over many scenes, when a picture cannot be rendered."""

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from nerfstudio.cameras.cameras import CameraType
from nerfstudio.configs.base_config import ViewerConfig
from nerfstudio.utils.eval_utils import eval_setup
from nerfstudio.viewer.render_state_machine import RenderAction, RenderStateMachine
from nerfstudio.viewer.utils import CameraState
from nerfstudio.viewer.viewer import Viewer

from tests.lift_run import LiftRun
from tests.viewer.conftest import free_port

SECONDS = 60.0


@pytest.fixture
def viewer(lift_run: LiftRun, tmp_path: Path) -> Iterator[Viewer]:
    _, pipeline, _, _ = eval_setup(lift_run.config, test_mode="test")
    config = ViewerConfig(websocket_host="127.0.0.1", websocket_port=free_port())
    viewer = Viewer(config, tmp_path / "log", tmp_path, pipeline, train_lock=Lock())
    yield viewer
    viewer.viser_server.stop()


def state(camera_type: Any) -> CameraState:
    return CameraState(1.0, 1.5, torch.eye(4)[:3], camera_type)


def test_the_thread_that_renders_survives_a_camera_that_cannot_be_rendered(viewer: Viewer):
    selector: Any = viewer.pipeline.scene_selector
    sent: list[float] = []
    told: list[str] = []

    def send(image: Any, **_: Any) -> None:
        sent.append(float(image.mean()))
        told.append(selector._status.content)
        render.running = len(sent) < 2
        render.action(RenderAction("move", state(CameraType.PERSPECTIVE)))

    scene = SimpleNamespace(set_background_image=send)
    client: Any = SimpleNamespace(scene=scene, camera=SimpleNamespace(aspect=1.5))
    render = RenderStateMachine(viewer, 10.0, client)
    render.action(RenderAction("move", state(CameraType.EQUIRECTANGULAR)))
    render.start()
    render.join(SECONDS)
    assert not render.is_alive()
    assert len(sent) == 2
    assert sent[0] == 0.0 < sent[1]
    assert "only perspective cameras can be rendered" in told[0]
    assert told[1] == ""
