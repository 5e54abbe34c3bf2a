"""Which scenes of an index does a photograph show? A short list by votes, then every descriptor of these.

Some keypoints, spread over the photograph, vote: LanceDB's vector index sums up how near each scene
comes to them. The few best scenes are compared with all keypoints of the photograph; what counts then are
pairs that are each other's nearest and pass the ratio test (`keypoints/matching.py`). Each pair counts as much as
it tells its scene from the others: floors and walls that several scenes have in common decide nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from condense_ns.errors import UserError
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.selection import view_cells
from condense_ns.retrieval.scene_index import PROBES, SceneIndex

RATIO = 0.9
SHARPNESS = 40.0
"""Of the softmax over scenes that says how much a pair tells them apart; a factor of cosines."""
_TOGETHER = 8  # scenes


@dataclass(frozen=True)
class SceneSearch:
    """How much work a search does; more finds more."""

    voters: int = 48
    """Keypoints of the photograph that vote."""
    shortlist: int = 24
    """Scenes that are compared with all keypoints."""
    compared: int = 512
    """Keypoints of the photograph that they are compared with, the best ones."""
    probes: int = PROBES
    """Parts of the vector index that each voter looks into."""


USUAL_SEARCH = SceneSearch()


@dataclass(frozen=True)
class FoundScene:
    """A scene that a photograph may show."""

    name: str
    matches: int
    """Pairs of keypoints."""
    votes: float
    """The same, each pair counted by its share among the scenes that it was compared with."""


def find_scenes(
    index: SceneIndex,
    detected: Keypoints2D,
    size: tuple[int, int],
    search: SceneSearch = USUAL_SEARCH,
) -> list[FoundScene]:
    """Scenes of the short list, the one with the most votes first.

    Args:
        index: where to look.
        detected: keypoints of the photograph, with descriptors of the index's kind.
        size: height and width of the photograph.
        search: how much work to do.

    Raises:
        UserError: descriptors of another width, or an index that cannot be used.
    """
    if not len(detected):
        return []
    known = index.contents.descriptors
    if detected.descriptors.shape[1] != known.channels:
        raise UserError(
            f"keypoints of the photograph have {detected.descriptors.shape[1]} numbers, those of "
            f"{index.place}, made by {known.source.spec}, {known.channels}; use that encoder"
        )
    chosen = voters(detected, size, search.voters)
    compared = detected.descriptors[: search.compared]
    return ranked_scenes(index, detected.descriptors[chosen], compared, search)


def ranked_scenes(
    index: SceneIndex,
    asked: Float[Tensor, "voters channels"],
    compared: Float[Tensor, "compared channels"],
    search: SceneSearch = USUAL_SEARCH,
) -> list[FoundScene]:
    """Scenes of the short list that some descriptors vote for, by the votes of others.

    Args:
        index: where to look.
        asked: unit vectors that vote, at least one.
        compared: unit vectors that are compared with every scene of the short list.
        search: how much work to do.

    Raises:
        UserError: an index that cannot be used.
    """
    columns = ("name", "descriptors")
    rows = index.nearest("descriptors", asked.numpy(), search.shortlist, columns, search.probes)
    scenes = [torch.from_numpy(row["descriptors"]) for row in rows]
    pairs = nearest_pairs(compared, scenes)
    counts, votes = pairs.matched.sum(dim=0).tolist(), pairs.votes().tolist()
    found = [FoundScene(row["name"], *both) for row, *both in zip(rows, counts, votes, strict=True)]
    return sorted(found, key=lambda one: -one.votes)  # of equal ones the nearer stays first


def voters(detected: Keypoints2D, size: tuple[int, int], count: int) -> Int64[Tensor, " voters"]:
    """Numbers of keypoints: the best of each part of the photograph, then the second best, and so on.

    Args:
        detected: best first.
        size: height and width of the photograph.
        count: at most so many.
    """
    places = detected.pixels / detected.pixels.new_tensor([size[1], size[0]])
    parts = view_cells(torch.zeros(len(places), dtype=torch.long), places)
    same = (parts[:, None] == parts[None]).tril(diagonal=-1)
    rank = same.sum(dim=1)  # better keypoints in the same part
    return torch.argsort(rank, stable=True)[:count]


@dataclass(frozen=True)
class NearestPairs:
    """What descriptors find in several scenes."""

    cosines: Float[Tensor, "descriptors scenes"]
    """Of each descriptor and its nearest one in each scene."""
    matched: Bool[Tensor, "descriptors scenes"]
    """Whether these two are a match."""

    def votes(self) -> Float[Tensor, " scenes"]:
        """Matches, each counted by the share of its scene in a softmax over the cosines with all."""
        shares = torch.softmax(SHARPNESS * self.cosines, dim=1)
        return (shares * self.matched).sum(dim=0)


def nearest_pairs(
    descriptors: Float[Tensor, "a channels"],
    scenes: Sequence[Float[Tensor, "_ channels"]],
    ratio: float = RATIO,
) -> NearestPairs:
    """The pairs that `mutual_nearest` finds in each scene.

    Args:
        descriptors: unit vectors of the photograph.
        scenes: unit vectors of each scene; may be of half precision.
        ratio: of the ratio test, in (0, 1].
    """
    if not scenes or not len(descriptors):
        none = descriptors.new_zeros(len(descriptors), len(scenes))
        return NearestPairs(none, none.bool())
    parts = [
        _pairs_of_some(descriptors, scenes[start : start + _TOGETHER], ratio)
        for start in range(0, len(scenes), _TOGETHER)
    ]
    cosines, matched = zip(*parts, strict=True)
    return NearestPairs(torch.cat(cosines, dim=1), torch.cat(matched, dim=1))


def _pairs_of_some(
    descriptors: Float[Tensor, "a channels"],
    scenes: Sequence[Float[Tensor, "_ channels"]],
    ratio: float,
) -> tuple[Float[Tensor, "a scenes"], Bool[Tensor, "a scenes"]]:
    """Cosines and matches of a few scenes, whose products stay in the cache."""
    padded = pad_sequence(list(scenes), batch_first=True).to(descriptors)
    padded = F.normalize(padded, dim=-1)
    number, longest, channels = padded.shape
    cosines = (descriptors @ padded.reshape(-1, channels).T).reshape(-1, number, longest)
    lengths = torch.tensor([len(scene) for scene in scenes], device=descriptors.device)
    beyond = torch.arange(longest, device=descriptors.device) >= lengths[:, None]
    if bool(beyond.any()):
        cosines.masked_fill_(beyond, -torch.inf)
    best, nearest = cosines.max(dim=2)
    is_mutual = best >= cosines.amax(dim=0).gather(1, nearest.T).T
    second = cosines.scatter_(2, nearest[..., None], -torch.inf).amax(dim=2)
    closer = (1.0 - best).clamp_min(0.0) < ratio**2 * (1.0 - second)
    return best, is_mutual & closer
