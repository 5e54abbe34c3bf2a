"""Choosing a scene shows its cameras in place of those before."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import viser
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.models.base_model import Model
from nerfstudio.viewer.viewer_elements import ViewerDropdown

from condense_ns.errors import UserError
from condense_ns.viewer.scene_selector import SceneSelector
from condense_ns.viewer.viewed_model import OUTPUTS
from tests.viewer.conftest import free_port

NAMES = ["kitchen", "garden", "attic"]


class Scenes:
    """Three scenes whose datasets are their names."""

    def __init__(self) -> None:
        self.scene_names, self.shown = NAMES, "kitchen"

    @property
    def train_dataset(self):
        return f"{self.shown}'s training"

    @property
    def eval_dataset(self):
        return f"{self.shown}'s held-out"

    def show_scene(self, name: str) -> None:
        self.shown = name


class Refusing(Model):
    """A model that may refuse to render."""

    refuses = True
    device = property(lambda self: torch.device("cpu"))

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)

    def get_outputs_for_camera(self, camera: Cameras, obb_box: Any = None) -> Any:
        if self.refuses:
            raise UserError("choose another camera type")
        return {}


class Frustum:
    """What the host draws for a camera."""

    removed = False

    def remove(self) -> None:
        self.removed = True


class Viewer(SimpleNamespace):
    """What the selector asks of the host's viewer, and what it did."""

    def __init__(self, **more: Any) -> None:
        hidden = SimpleNamespace(visible=False)
        self.old = {0: Frustum(), 1: Frustum()}
        super().__init__(camera_handles=self.old, show_images=hidden, drawn=[], shown=[], **more)

    def init_scene(self, *given: Any) -> None:
        self.drawn.append(given)

    def set_camera_visibility(self, visible: bool) -> None:
        self.shown.append(visible)


def chosen(name: str) -> ViewerDropdown[str]:
    return ViewerDropdown("Scene", name, NAMES)


@pytest.fixture
def selector() -> SceneSelector:
    scenes: Any = Scenes()
    selector = SceneSelector(scenes)
    viewer: Any = Viewer()
    selector.viewer = viewer
    status: Any = SimpleNamespace(content="")
    selector._status = status
    return selector


def test_the_shown_scene_is_chosen_first(selector):
    assert selector.default_value == "kitchen"
    assert list(selector.options) == NAMES


def test_cameras_of_the_chosen_scene_replace_those_before(selector):
    selector.viewer.train_state = "paused"
    selector._chosen(chosen("attic"))
    assert all(frustum.removed for frustum in selector.viewer.old.values())
    assert selector.viewer.drawn == [("attic's training", "paused", "attic's held-out")]
    assert selector.viewer.shown == []


def test_a_viewer_that_does_not_train_counts_as_completed(selector):
    selector._chosen(chosen("garden"))
    assert selector.viewer.drawn[0][1] == "completed"


def test_hidden_cameras_stay_hidden(selector):
    selector.viewer.show_images.visible = True
    selector._chosen(chosen("attic"))
    assert selector.viewer.shown == [False]


def test_a_scene_that_cannot_be_opened_changes_nothing_but_the_sentence(selector, monkeypatch):
    def refused(name: str) -> None:
        raise UserError(f"scene {name}: no images")

    with monkeypatch.context() as patch:
        patch.setattr(selector._scenes, "show_scene", refused)
        dropdown = chosen("attic")
        selector._chosen(dropdown)
        assert dropdown.value == "kitchen"
        selector._chosen(dropdown)  # the host calls again because the dropdown has changed
    assert selector._status.content == "\N{WARNING SIGN} scene attic\\: no images"
    assert not any(frustum.removed for frustum in selector.viewer.old.values())
    assert selector.viewer.drawn == []
    selector._chosen(chosen("garden"))
    assert selector._status.content == ""
    assert selector._scenes.shown == "garden"


def test_cameras_that_cannot_be_drawn_are_told_of(selector, monkeypatch):
    def refused(*given: Any) -> None:
        raise UserError("image 3 cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr(selector.viewer, "init_scene", refused)
        selector._chosen(chosen("attic"))
    assert selector._scenes.shown == "attic"
    selector._tell("picture", "image 3 cannot be read")  # the same is not told twice
    assert selector._status.content == "\N{WARNING SIGN} image 3 cannot be read"
    selector._tell("picture", "")
    assert selector._status.content == "\N{WARNING SIGN} image 3 cannot be read"
    selector._chosen(chosen("garden"))
    assert selector._status.content == ""


def test_the_viewer_goes_on_after_a_picture_that_cannot_be_rendered(selector):
    model = Refusing()
    viewer: Any = SimpleNamespace(viser_server=None, get_model=lambda: model)
    selector._setup(viewer)
    camera = Cameras(torch.eye(4)[None, :3], 9.0, 9.0, 3.0, 2.0, 6, 4)
    dark = viewer.get_model().get_outputs_for_camera(camera, obb_box=None)
    assert {name: values.shape for name, values in dark.items()} == {
        name: (4, 6, channels) for name, channels in OUTPUTS.items()
    }
    assert not any(values.any() for values in dark.values())
    assert selector._status.content == "\N{WARNING SIGN} choose another camera type"
    model.refuses = False
    assert viewer.get_model().get_outputs_for_camera(camera, obb_box=None) == {}
    assert selector._status.content == ""
    assert viewer.get_model().training
    model.refuses = True
    with pytest.raises(UserError):  # the model itself, which ns-eval and ns-render ask
        model.get_outputs_for_camera(camera)


def test_the_sentence_stands_below_the_list(selector):
    server = viser.ViserServer(host="127.0.0.1", port=free_port())
    try:
        selector.install(server)
        selector._tell("picture", "broken")
        assert selector._status.content == "\N{WARNING SIGN} broken"
        assert selector.value == "kitchen"
    finally:
        server.stop()
