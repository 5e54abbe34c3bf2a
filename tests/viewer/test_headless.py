"""The panel in a real browser, against the real `ns-viewer`."""

import re

import numpy as np

from tests.lift_run import TESTED, TRAINING
from tests.trained_run import TrainedRun
from tests.viewer.page import ViewerPage

BEST, MARK = (0.99, 0.91, 0.14), (1.0, 0.0, 1.0)  # colours of the best keypoints and the found one
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


def test_keypoints_lie_over_the_picture_and_a_clicked_one_is_described(keypoint_page: ViewerPage):
    page = keypoint_page
    page.tick("Composite depth")  # the run's few steps of training leave fog before them
    assert share(page.picture(), BEST) == 0.0
    page.tick("Show")
    page.wait_for_status("576 keypoints, coloured by score")
    assert share(page.picture(), BEST) > 0.001
    page.press("Find keypoint")
    page.wait_for_status("click on a keypoint")
    page.click_canvas(0.5, 0.5)
    page.wait_for_status("found")
    assert share(page.picture(), MARK) > 0.0005
    page.screenshot("found")
    found = re.search(r"Keypoint (\d+) of 576", page.text())
    assert found is not None
    assert {11, 12}.issuperset(divmod(int(found[1]), 24))  # in the middle of 24 x 24
    assert "Seen in: 1 view (images/000.png)" in page.text()
    page.tick("Show")
    hidden = page.picture()
    assert share(hidden, BEST) == share(hidden, MARK) == 0.0


def test_another_scene_is_another_picture_and_the_first_one_comes_back(scenes_page: ViewerPage):
    page = scenes_page
    assert page.chosen("Scene") == TRAINING[0]
    first, others = page.picture(), []
    for scene in (TRAINING[1], TESTED):
        page.choose("Scene", scene)
        others.append(page.picture())
        page.screenshot(scene)
        assert page.chosen("Scene") == scene
        assert difference(first, others[-1]) > VISIBLE
    page.choose("Output type", "feature_pca")
    assert difference(others[-1], page.picture()) > VISIBLE
    page.choose("Output type", "rgb")
    page.choose("Scene", TRAINING[0])
    back = page.picture()
    assert difference(first, back) < min(difference(other, back) for other in others) / 2
    assert "Traceback" not in (page.screenshots / "viewer.log").read_text()


def share(picture: np.ndarray, colour: tuple[float, float, float]) -> float:
    """How much of a picture has about that colour."""
    return float((np.abs(picture - colour).max(axis=-1) < 0.1).mean())
