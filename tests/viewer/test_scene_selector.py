"""Choosing a scene shows its cameras in place of those before."""

from types import SimpleNamespace
from typing import Any

import pytest
from nerfstudio.viewer.viewer_elements import ViewerDropdown

from condense_ns.viewer.scene_selector import SceneSelector

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


class Frustum:
    """What the host draws for a camera."""

    removed = False

    def remove(self) -> None:
        self.removed = True


def chosen(name: str) -> ViewerDropdown[str]:
    return ViewerDropdown("Scene", name, NAMES)


@pytest.fixture
def selector() -> SceneSelector:
    scenes: Any = Scenes()
    return SceneSelector(scenes)


def test_the_shown_scene_is_chosen_first(selector):
    assert selector.default_value == "kitchen"
    assert list(selector.options) == NAMES


def test_cameras_of_the_chosen_scene_replace_those_before(selector):
    frustums, drawn = {0: Frustum(), 1: Frustum()}, []
    selector.viewer = SimpleNamespace(
        camera_handles=frustums, train_state="paused", init_scene=lambda *given: drawn.append(given)
    )
    selector._chosen(chosen("attic"))
    assert all(frustum.removed for frustum in frustums.values())
    assert drawn == [("attic's training", "paused", "attic's held-out")]


def test_a_viewer_that_does_not_train_counts_as_completed(selector):
    drawn = []
    selector.viewer = SimpleNamespace(
        camera_handles={}, init_scene=lambda *given: drawn.append(given)
    )
    selector._chosen(chosen("garden"))
    assert drawn[0][1] == "completed"
