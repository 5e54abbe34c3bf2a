"""The panel in a real browser, against the real `ns-viewer`."""

import numpy as np

from tests.trained_run import TrainedRun
from tests.viewer.page import ViewerPage

VISIBLE = 0.02  # mean difference of two pictures in [0, 1]


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).mean())


def test_a_search_in_words_changes_the_picture_and_clearing_brings_it_back(page: ViewerPage):
    for label in ("Positives", "Negatives", "Search", "Pick a point", "Threshold", "Clear"):
        assert label in page.text()
    before = page.picture()
    page.fill("Positives", "red paint")
    assert difference(before, page.picture()) < VISIBLE  # typing alone asks nothing
    page.press("Search")
    page.wait_for_status("red paint")
    page.wait_for_status("view")
    after = page.picture()
    page.screenshot("search")
    assert page.chosen("Output type") == "query_overlay"
    assert difference(before, after) > VISIBLE
    page.press("Clear")
    page.wait_for_status("no query")


def test_an_encoder_without_text_says_so_and_the_viewer_goes_on(
    page: ViewerPage, trained_run: TrainedRun
):
    page.choose("Encoder", trained_run.without_text)
    page.fill("Positives", "red paint")
    page.press("Search")
    assert "no text tower" in page.wait_for_status("no text tower")
    page.screenshot("error")
    page.choose("Output type", "feature_pca")
    features = page.picture()
    page.choose("Output type", "rgb")
    assert difference(features, page.picture()) > VISIBLE


def test_a_clicked_point_becomes_the_query(page: ViewerPage, trained_run: TrainedRun):
    page.choose("Encoder", trained_run.without_text)
    page.choose("Output type", "query_overlay")
    before = page.picture()
    page.press("Pick a point")
    page.wait_for_status("click")
    page.click_canvas(0.4, 0.6)
    page.wait_for_status("relevancy")
    after = page.picture()
    page.screenshot("point")
    assert difference(before, after) > VISIBLE
