"""The layer of keypoints, with a made-up scene and with viser's own server."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
import viser
from nerfstudio.cameras.cameras import Cameras

from condense_ns.retrieval.relevancy import Query
from condense_ns.viewer.feature_panel import FeaturePanel
from condense_ns.viewer.keypoint_layer import KeypointLayer
from condense_ns.viewer.keypoint_window import KeypointWindow
from condense_ns.viewer.panel_scene import View
from condense_ns.viewer.panel_window import ViserPanel
from tests.viewer.conftest import free_port
from tests.viewer.made_up_scene import (
    RED,
    SECONDS,
    Fields,
    Folder,
    HalvesScene,
    made_up_keypoints,
)

MANY_SIDE, MOST_SECONDS = 142, 0.5  # 142 x 142 keypoints are 20,164


@pytest.fixture
def scene() -> HalvesScene:
    return HalvesScene()


@pytest.fixture
def fields(scene) -> Fields:
    fields = Fields(scene)
    fields.eye = View(Cameras(torch.eye(4)[None, :3], 100.0, 100.0, 100.0, 100.0, 200, 200), None)
    return fields


@pytest.fixture
def folder() -> Folder:
    return Folder()


@pytest.fixture
def panel(scene, fields) -> FeaturePanel:
    return FeaturePanel(scene, fields)


@pytest.fixture
def layer(panel, scene, fields, folder) -> KeypointLayer:
    layer = KeypointLayer(scene, fields, folder, panel.job)
    panel.followers.append(layer.panel_changed)
    return layer


def shown(layer: KeypointLayer) -> str:
    """The last sentence after Show was ticked and the scene condensed."""
    layer.shown_changed()
    assert layer.job.wait(SECONDS)
    assert isinstance(layer.window, Fields)
    return layer.window.told[-1]


def test_the_first_tick_condenses_and_later_ones_do_not(layer, scene, fields, folder):
    assert shown(layer) == "100 keypoints, coloured by score"
    assert fields.told[0] == "condensing the scene into keypoints ..."
    points, colours, size = folder.drawn
    assert points.shape == colours.shape == (100, 3)
    assert size == 0.02
    # out of the surface by half a point
    assert torch.allclose(points, scene.condensed.xyz.float() + torch.tensor([0.0, 0.0, 0.01]))
    folder.filled["shown"] = False
    layer.shown_changed()
    assert folder.drawn is None
    folder.filled["shown"] = True
    layer.shown_changed()
    assert folder.drawn is not None
    assert scene.times_condensed == 1


def test_keypoints_are_condensed_anew_when_shown_after_more_training(layer, scene, fields, folder):
    shown(layer)
    fields.training_step, scene.condensed = 7, scene.condensed.strongest(40)
    folder.text = "keypoint 99"
    folder.filled["shown"] = False
    layer.shown_changed()
    assert scene.times_condensed == 1  # hiding needs none
    folder.filled["shown"] = True
    assert shown(layer) == "40 keypoints, coloured by score"
    assert (len(folder.drawn[0]), folder.text) == (40, "")
    folder.filled["shown"] = False
    layer.shown_changed()
    folder.filled["shown"] = True
    layer.shown_changed()
    assert layer.job.wait(SECONDS)
    assert scene.times_condensed == 2


def test_a_set_in_the_dataset_s_coordinates_is_drawn_in_the_model_s(layer, scene, folder):
    layer.shown_changed()
    assert layer.job.wait(SECONDS)
    points = folder.drawn[0]
    other = KeypointLayer(scene, layer.window, folder, layer.job)
    scene.condensed = scene.condensed.in_frame("dataset")
    assert shown(other) == "100 keypoints, coloured by score"
    assert torch.allclose(folder.drawn[0], points)


@pytest.mark.parametrize("empty", [True, False])
def test_a_run_without_keypoints_says_so_and_takes_the_tick_back(layer, scene, folder, empty):
    nothing = scene.condensed.strongest(0)
    scene.condensed = nothing if empty else None
    assert shown(layer) == "error: this run has no keypoints to show"
    assert not folder.shown
    assert folder.drawn is None


def test_the_box_waits_while_a_job_runs(layer, panel, scene, fields, folder):
    scene.colour_encoder.may_answer.clear()
    panel.search()
    layer.shown_changed()
    layer.pick()
    assert fields.told[-1].startswith("error: busy with encoding text")
    assert not folder.shown
    assert fields.pointing is None
    scene.colour_encoder.may_answer.set()
    assert panel.job.wait(SECONDS)


def test_a_tick_taken_back_while_condensing_shows_nothing(layer, fields, folder, monkeypatch):
    def condense() -> object:
        folder.filled["shown"] = False
        return made_up_keypoints()

    monkeypatch.setattr(layer.scene, "keypoints", condense)
    assert shown(layer) == "100 keypoints; tick Show to see them"
    assert folder.drawn is None
    layer.colouring_changed()
    assert fields.told[-1] == "100 keypoints; tick Show to see them"


def test_the_best_are_shown_in_the_chosen_size(layer, scene, folder):
    shown(layer)
    folder.wanted, folder.filled["size"] = 7, 0.04
    layer.points_changed()
    points, colours, size = folder.drawn
    assert torch.allclose(points[:, :2], scene.condensed.xyz[:7, :2].float())
    assert (len(colours), size) == (7, 0.04)


def test_nothing_is_drawn_before_the_set_is_there(layer, folder):
    layer.points_changed()
    layer.colouring_changed()
    assert folder.times_drawn == 0


def test_colours_follow_the_query_and_the_encoder(layer, panel, scene, fields, folder):
    shown(layer)
    by_score = folder.drawn[1]
    panel.search()
    assert panel.job.wait(SECONDS)
    assert folder.times_drawn == 1  # the score does not depend on the query
    folder.filled["colouring"] = "query"
    layer.colouring_changed()
    assert fields.told[-1] == "keypoints coloured by relevancy to 'red'"
    by_query = folder.drawn[1]
    assert not torch.equal(by_query, by_score)
    fields.filled |= {"positives": "blue", "negatives": "red"}
    panel.search()
    assert panel.job.wait(SECONDS)
    assert torch.equal(folder.drawn[1], by_query.flip(0))
    panel.clear()
    assert torch.equal(folder.drawn[1], by_score)
    assert fields.told[-1] == "no query"
    folder.filled["colouring"] = "PCA"
    fields.filled["encoder"] = "matching"
    panel.encoder_changed()
    assert len(folder.drawn[1].unique(dim=0)) > 2  # not only red and blue


def test_a_click_finds_a_keypoint_and_tells_what_is_known(layer, scene, fields, folder):
    shown(layer)
    layer.pick()
    assert fields.pointing == "click"
    target = scene.condensed.xyz[37]
    place = (0.5 + float(target[0]) / 4 + 0.003, 0.5 - float(target[1]) / 4)
    fields.then([place], 0)
    assert fields.pointing is None
    assert fields.told[-1] == "keypoint 37 found"
    assert folder.text.startswith("**Keypoint 37** of 100\n")
    mark = folder.marked[0]
    assert torch.allclose(mark[:2] / mark[2], (target[:2] / target[2]).float(), atol=0.01)
    assert mark[2] > folder.drawn[0][37, 2]  # nearer to the camera
    assert folder.marked[1] == pytest.approx(0.05)


def test_a_click_beside_them_and_keypoints_that_are_not_shown(layer, fields, folder):
    layer.pick()
    assert fields.told[-1] == "error: no keypoints are shown; tick Show first"
    shown(layer)
    layer.pick()
    fields.then([(0.05, 0.05)], 0)
    assert fields.told[-1].startswith("error: no keypoint there")
    folder.wanted = 1
    layer.pick()
    fields.then([(0.75, 0.25)], 0)  # where the last of them was
    assert fields.told[-1].startswith("error: no keypoint there")
    assert folder.marked is None


def test_one_click_at_a_time_for_queries_and_keypoints(layer, panel, fields):
    shown(layer)
    panel.pick_point()
    layer.pick()
    assert fields.told[-1].startswith("click on a keypoint")
    layer.pick()
    assert fields.told[-1] == "nothing picked"
    assert fields.pointing is None


@pytest.fixture
def server() -> Iterator[viser.ViserServer]:
    server = viser.ViserServer(host="127.0.0.1", port=free_port(), verbose=False)
    yield server
    server.stop()


@pytest.fixture
def window(server, layer) -> KeypointWindow:
    """The real folder, connected to the made-up panel."""
    window = KeypointWindow()
    layer.fields = window
    window.build(server, layer, by_a_browser, by_a_browser)
    return window


def by_a_browser(action):
    """As the panel does: what the test itself sets is not the user's doing."""
    return lambda event: None if event.client_id is None else action(event.client_id)


def test_twenty_thousand_points_change_size_and_colour_in_time(layer, scene, window):
    scene.condensed = wide(made_up_keypoints(MANY_SIDE), channels=384)
    window._shown.value = True
    assert shown(layer).startswith("20164 keypoints")
    red, blue = scene.condensed.descriptors["colours"][[0, -1], None]
    scene.asked = Query("colours", red, blue, red[0])
    for colouring in ("score", "PCA", "query"):
        window._colouring.value = colouring
        window._size.value = 20
        start = time.perf_counter()
        layer.points_changed()
        assert time.perf_counter() - start < MOST_SECONDS


def wide(keypoints, channels):
    """The same with descriptors as wide as those of encoders."""
    torch.manual_seed(0)
    values = torch.nn.functional.normalize(torch.randn(len(keypoints), channels), dim=1)
    return replace(keypoints, descriptors={"colours": values})


def test_viser_gets_points_ten_times_as_far_and_a_slider_of_their_number(layer, window, server):
    sent = []
    server.scene._websock_interface.queue_message = sent.append
    window._shown.value = True
    shown(layer)
    window.mark(RED, 0.5)
    clouds = {
        message.name: message for message in sent if type(message).__name__ == "PointCloudMessage"
    }
    assert clouds["/keypoints"].points[0].tolist() == pytest.approx([-10.0, -10.0, -19.96])
    assert clouds["/keypoints"].point_size == pytest.approx(0.08)
    assert clouds["/found_keypoint"].points.tolist() == [[10.0, 0.0, 0.0]]
    assert window.count == 100
    assert window.size == 0.008
    window.hide()
    assert not window._points.visible
    assert not window._mark.visible


@pytest.mark.parametrize("has_keypoints", [True, False])
def test_the_panel_has_the_folder_only_for_runs_with_keypoints(scene, server, has_keypoints):
    scene.has_keypoints = has_keypoints
    panel = ViserPanel(scene)
    panel.install(server)
    assert len(panel.panel.followers) == has_keypoints
