"""What the buttons do, with a made-up scene."""

import logging
import threading
from collections.abc import Callable

import pytest
import torch
from PIL import Image

from condense_ns.viewer.feature_panel import FeaturePanel, grid
from tests.viewer.made_up_scene import BLUE, RED, SECONDS, Fields, HalvesScene


@pytest.fixture
def scene() -> HalvesScene:
    return HalvesScene()


@pytest.fixture
def fields(scene) -> Fields:
    return Fields(scene)


@pytest.fixture
def panel(scene, fields) -> FeaturePanel:
    return FeaturePanel(scene, fields)


def done(panel: FeaturePanel, action: Callable[[], None]) -> str:
    """The last sentence after an action and its thread have ended."""
    action()
    assert panel.job.wait(SECONDS)
    assert isinstance(panel.window, Fields)
    return panel.window.told[-1]


def test_a_search_asks_tells_and_shows(panel, scene, fields):
    assert done(panel, panel.search) == (
        "found 'red' on 50% of this view; relevancy is at most 1.00"
    )
    assert fields.told[0] == "encoding text 'red' with colours ..."
    assert scene.query.label == "red"
    assert fields.output == "query_overlay"
    assert fields.pictures > 0


def test_a_search_that_finds_nothing_says_how_far_it_is(panel, scene, fields):
    fields.filled |= {"positives": "red; blue", "negatives": "red;blue", "threshold": 0.9}
    panel.threshold_changed()
    assert "not found in this view: relevancy is at most" in done(panel, panel.search)
    assert scene.query.positives.shape == scene.query.negatives.shape == (2, 3)


def test_another_output_is_left_alone_and_said(panel, fields):
    fields.output = "depth"
    assert done(panel, panel.search).endswith("choose the output type query_overlay to see it")
    assert fields.output == "depth"


def test_without_a_browser_the_query_is_set_nevertheless(panel, scene, fields):
    fields.eye = None
    assert done(panel, panel.search) == "looking for 'red'"
    assert scene.query is not None
    assert "no browser window" in done(panel, panel.refresh_colours)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("positives", " ; ", "write them into Positives"),
        ("negatives", "", "at least one negative"),
        ("encoder", "silent", "encoder silent has no text tower"),
    ],
)
def test_errors_are_told_and_change_nothing(panel, scene, fields, field, value, sentence):
    fields.filled[field] = value
    told = done(panel, panel.search)
    assert told.startswith("error: ")
    assert sentence in told
    assert scene.query is None
    assert fields.output == "rgb"


def test_unexpected_errors_are_told_and_logged(panel, fields, caplog):
    fields.filled["positives"] = "purple"
    with caplog.at_level(logging.ERROR):
        told = done(panel, panel.search)
    assert "KeyError" in told
    assert "Traceback" in caplog.text


def test_busy_while_a_job_runs_and_free_after_it(panel, scene, fields):
    scene.colour_encoder.may_answer.clear()
    panel.search()
    for press in (panel.search, panel.pick_point, panel.clear, panel.refresh_colours):
        press()
        assert fields.told[-1].startswith("error: busy with encoding text 'red'")
    assert not scene.paused  # the picture goes on meanwhile
    scene.colour_encoder.may_answer.set()
    assert panel.job.wait(SECONDS)
    assert fields.told[-1].startswith("found 'red'")
    assert done(panel, panel.clear) == "no query"


def test_a_clicked_point_is_the_query(panel, scene, fields):
    panel.pick_point()
    assert fields.pointing == "click"
    assert "click on a thing" in fields.told[-1]
    assert done(panel, lambda: fields.then([(0.9, 0.5)], 0)).startswith("found 'the point at 90%")
    assert fields.pointing is None
    assert torch.allclose(scene.query.positives[0], BLUE * 1.009)
    assert scene.query.rule == "cosine"


def test_a_second_press_gives_up_pointing(panel, fields):
    panel.pick_point()
    panel.pick_region()
    assert fields.pointing == "rect-select"
    panel.pick_region()
    assert fields.pointing is None
    assert fields.told[-1] == "nothing picked"


def test_a_region_is_the_query(panel, scene, fields):
    panel.pick_region()
    told = done(panel, lambda: fields.then([(0.0, 0.2), (0.4, 0.8)], 0))
    assert told.startswith("found 'the region 0%-40%, 20%-80%' on 50%")
    assert scene.query.positives.shape == (1, 3)


def test_a_point_in_the_sky_is_refused(panel, scene, fields):
    panel.pick_point()
    assert "holds no features" in done(panel, lambda: fields.then([(0.5, 0.05)], 0))
    assert scene.query is None


def test_an_image_file_is_the_query(panel, scene, fields, tmp_path):
    assert "write the path" in done(panel, panel.search_image_file)
    fields.filled["image_file"] = str(tmp_path / "blue.png")
    assert "there is no image" in done(panel, panel.search_image_file)
    Image.new("RGB", (8, 8), (0, 0, 255)).save(fields.image_file)
    assert done(panel, panel.search_image_file).startswith("found 'blue.png' on 50%")


def test_the_threshold_changes_the_query_and_nothing_without_one(panel, scene, fields):
    panel.threshold_changed()
    assert fields.pictures == 0
    done(panel, panel.search)
    fields.filled["threshold"] = 0.8
    panel.threshold_changed()
    assert scene.query.threshold == 0.8


def test_words_are_cut_at_the_slider_and_places_where_the_scene_says(panel, scene, fields):
    done(panel, panel.search)
    assert (scene.query.threshold, fields.threshold, fields.automatic) == (0.5, 0.5, False)
    panel.pick_point()
    told = done(panel, lambda: fields.then([(0.9, 0.5)], 0))
    assert told.endswith(f"; threshold {scene.query.threshold:.2f} chosen from the scene")
    assert (fields.threshold, fields.automatic) == (scene.query.threshold, True)
    done(panel, panel.search)
    assert (scene.query.threshold, fields.automatic) == (0.5, False)


def test_ticking_the_box_chooses_and_moving_the_slider_unticks_it(
    panel, scene, fields, monkeypatch
):
    sample = torch.stack([RED, RED + 2 * BLUE]).repeat_interleave(100, dim=0)
    monkeypatch.setattr(scene, "sample", lambda spec: sample)
    done(panel, panel.search)
    fields.filled["automatic"] = True
    assert "chosen from the scene" in done(panel, panel.automatic_changed)
    chosen = scene.query.threshold
    assert chosen != 0.5
    done(panel, panel.search)  # the wish is remembered for words
    assert (scene.query.threshold, fields.automatic) == (chosen, True)
    fields.filled["threshold"] = 0.8
    panel.threshold_changed()
    assert (scene.query.threshold, fields.automatic) == (0.8, False)
    done(panel, panel.search)
    assert scene.query.threshold == 0.8


def test_unticking_the_box_keeps_what_was_chosen(panel, scene, fields):
    panel.pick_point()
    done(panel, lambda: fields.then([(0.9, 0.5)], 0))
    chosen = scene.query.threshold
    fields.filled["automatic"] = False
    panel.automatic_changed()
    panel.pick_point()
    assert "chosen" not in done(panel, lambda: fields.then([(0.1, 0.5)], 0))
    assert scene.query.threshold == chosen


def test_the_box_waits_while_a_job_runs_and_without_a_query_is_a_wish(panel, scene, fields):
    panel.automatic_changed()
    assert fields.told == []
    scene.colour_encoder.may_answer.clear()
    panel.search()
    panel.automatic_changed()
    assert fields.told[-1].startswith("error: busy")
    assert not fields.automatic
    scene.colour_encoder.may_answer.set()
    assert panel.job.wait(SECONDS)
    assert fields.automatic  # the wish was for whatever is asked next


def test_the_encoder_is_shown_and_an_older_query_named(panel, scene, fields):
    panel.encoder_changed()
    assert fields.told[-1] == "feature_pca shows colours; queries ask it"
    done(panel, panel.search)
    fields.filled["encoder"] = "silent"
    panel.encoder_changed()
    assert scene.shown_encoder == "silent"
    assert "'red' still asks colours" in fields.told[-1]


def test_colours_are_fitted_about_the_mean_of_the_scene(panel, scene, fields):
    assert done(panel, panel.refresh_colours) == "colours of colours fitted to this view"
    basis, limits = scene.colours["colours"]
    ends = torch.stack([RED * 1.0, BLUE * 1.01]) - scene.centre("colours")
    assert torch.allclose((ends @ basis)[:, 0].sort().values, limits[:, 0], atol=0.02)
    assert fields.output == "feature_pca"
    panel.reset_colours()
    assert scene.colours["colours"] is None


def test_a_view_of_nothing_has_no_colours(panel, scene, monkeypatch):
    monkeypatch.setattr(scene, "features", lambda spec, view, places: torch.zeros(3, 3))
    assert "too little of the scene" in done(panel, panel.refresh_colours)


def test_no_thread_is_left_over(panel, fields):
    before = threading.active_count()
    for _ in range(3):
        done(panel, panel.search)
    assert threading.active_count() == before


def test_grid_by_hand():
    places = grid((0.0, 0.5), (1.0, 1.0), 2)
    assert torch.allclose(
        places, torch.tensor([[0.25, 0.625], [0.75, 0.625], [0.25, 0.875], [0.75, 0.875]])
    )
