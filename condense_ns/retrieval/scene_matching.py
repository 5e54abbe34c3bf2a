"""Which scene of an index a photograph shows, and where in it the camera stood."""

from dataclasses import dataclass

from condense_ns.errors import UserError
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.retrieval.absolute_pose import Lens
from condense_ns.retrieval.localization import Localization, localize
from condense_ns.retrieval.scene_descriptor import as_keypoints
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.retrieval.scene_search import USUAL_SEARCH, FoundScene, SceneSearch, find_scenes

CANDIDATES = 3
"""Scenes that a pose is looked for in."""


@dataclass(frozen=True)
class MatchedScene:
    """A scene, and what a photograph says of its place there."""

    found: FoundScene
    keypoints: Keypoints3D
    localization: Localization


def match_scenes(
    index: SceneIndex,
    detected: Keypoints2D,
    lens: Lens,
    candidates: int = CANDIDATES,
    search: SceneSearch = USUAL_SEARCH,
) -> list[MatchedScene]:
    """The scenes that match best, each with a pose; the surest pose first.

    Args:
        index: of scenes.
        detected: keypoints of the photograph, with descriptors of the index's kind.
        lens: of the photograph.
        candidates: scenes that a pose is looked for in, at least 1.
        search: how scenes are looked for.

    Raises:
        UserError: an index without scenes, or descriptors of another kind.
    """
    if not len(index):
        raise UserError(f"the index {index.place} holds no scene; add some with condense index add")
    found = find_scenes(index, detected, (lens.height, lens.width), search)[:candidates]
    scenes = index.scenes([one.name for one in found])
    matched = []
    for one, scene in zip(found, scenes, strict=True):
        keypoints = as_keypoints(scene)
        matched.append(MatchedScene(one, keypoints, localize(detected, keypoints, lens)))
    return sorted(matched, key=lambda one: -one.localization.confidence)
