"""What is known of one keypoint, to be read."""

from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.viewer.markdown import as_markdown

VIEWS_NAMED = 3


def keypoint_text(keypoints: Keypoints3D, number: int) -> str:
    """Markdown: a heading and a list.

    Args:
        keypoints: the set, in the dataset's coordinates.
        number: which keypoint, from 0.
    """
    observations = keypoints.observations
    views = observations.views[observations.keypoints == number].unique().tolist()
    names = [keypoints.views[view].name for view in views]
    position = ", ".join(f"{value:.6g}" for value in keypoints.xyz[number].tolist())
    red, green, blue = (keypoints.colours[number] * 255).round().int().tolist()
    lines = {
        "Position": position,
        "Score": f"{keypoints.scores[number].item():.3f}",
        "Uncertainty": f"{keypoints.uncertainty[number].item():.3g}",
        "Scale": f"{keypoints.scales[number].item():.3g}",
        "Seen in": _views_sentence(names),
        "RGB": f"{red}, {green}, {blue}",
    }
    items = [f"* {label}: {as_markdown(value)}" for label, value in lines.items()]
    return "\n".join([f"**Keypoint {number}** of {len(keypoints)}", "", *items])


def _views_sentence(names: list[str]) -> str:
    if not names:
        return "no view"
    listed = ", ".join(names[:VIEWS_NAMED])
    more = ", ..." if len(names) > VIEWS_NAMED else ""
    return f"{len(names)} {'view' if len(names) == 1 else 'views'} ({listed}{more})"
