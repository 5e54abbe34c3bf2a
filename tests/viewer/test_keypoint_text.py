"""What is told of a keypoint, by hand."""

from dataclasses import replace

from condense_ns.viewer.keypoint_text import keypoint_text
from tests.viewer.made_up_scene import made_up_keypoints


def test_text_by_hand():
    keypoints = made_up_keypoints().in_frame("dataset")
    text = keypoint_text(keypoints, 4).replace("\\", "")
    assert text.splitlines() == [
        "**Keypoint 4** of 100",
        "",
        f"* Position: {10.0 - 2.0 / 9.0:.6g}, -2, -4",
        "* Score: 0.980",
        "* Uncertainty: 0.02",
        "* Scale: 0.5",
        "* Seen in: 4 views (images/000.png, images/001.png, images/002.png, ...)",
        "* RGB: 255, 0, 0",
    ]
    assert "Seen in: no view" in keypoint_text(keypoints, 5)
    assert "1 view \\(images" in keypoint_text(keypoints, 6)


def test_markdown_in_the_names_of_photographs_is_shown_as_it_is():
    keypoints = made_up_keypoints()
    view = replace(keypoints.views[0], name="a_b*c.png")
    text = keypoint_text(replace(keypoints, views=(view, *keypoints.views[1:])), 1)
    assert "a\\_b\\*c\\.png" in text
