"""Which things are where in a scene: latents -> boxes with classes, without anchors.

Every occupied voxel of the detector says which class the thing has that it is part of, if any, how well
its box will fit, and the box (`box_coding`). Voxels within a box learn to say it, the smallest one of
several; all others learn to say nothing (focal loss: T.-Y. Lin et al., 2017). Answers are ranked by the
product of both probabilities and thinned out so that no two of a class overlap much (NMS in 3D). The
scheme is that of FCOS (Z. Tian et al., 2019), in sparse 3D that of FCAF3D (D. Rukhovich et al., 2022).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.downstream.box_coding import HALVINGS, NUMBERS, coded, decoded
from condense_ns.downstream.box_scores import BoxScores, FoundBoxes
from condense_ns.downstream.heads import Head, HeadName, start_as_rare
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.task import Scores, Task
from condense_ns.metrics.box_overlap import box_iou, paired_iou, within_boxes
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import VoxelGroups, indices_of, voxel_keys

FOCUS, BALANCE = 2.0, 0.25
"""Gamma and alpha of the focal loss."""
RARE = 0.01
"""Probability of each class at the beginning."""
CANDIDATES, KEPT = 200, 64
"""Boxes of a scene before and after they are thinned out."""
MOST_OVERLAP = 0.25
"""Of two boxes of one class that are kept."""
LEAST_SCORE = 1e-3


@dataclass(frozen=True)
class _Answers:
    """What is said at the detector's voxels."""

    classes: Float[Tensor, "rows classes"]
    quality: Float[Tensor, " rows"]
    codes: Float[Tensor, "rows 8"]


class Detection(Task):
    """Boxes around things."""

    heads = ("linear", "mlp")

    def head(self, name: HeadName, latent_dim: int) -> Head:
        """On mean and maximum of the latents within a voxel of the detector."""
        head = Head(name, 2 * latent_dim, len(self.data.class_names) + 1 + NUMBERS)
        start_as_rare(head, len(self.data.class_names), RARE)
        return head

    def rows(
        self, latents: Float[Tensor, "voxels latent"], cloud: PreparedCloud
    ) -> Float[Tensor, "rows channels"]:
        """One row for each of the detector's voxels."""
        groups = _groups(cloud.volume)
        lowest = latents.new_full((len(groups.keys), latents.shape[1]), float("-inf"))
        index = groups.voxel_of[:, None].expand_as(latents)
        return torch.cat(
            [groups.means(latents), lowest.scatter_reduce(0, index, latents, "amax")], dim=1
        )

    def loss(
        self, answers: Float[Tensor, "rows outputs"], cloud: PreparedCloud
    ) -> Float[Tensor, ""]:
        """Focal loss of classes, and the error of boxes and of their expected fit where there is one."""
        assert cloud.boxes is not None
        said, places = self._split(answers), _places(cloud.volume)
        owner = owners(places, cloud.boxes.boxes)
        inside = owner >= 0
        count = inside.sum().clamp_min(1)
        wanted = torch.zeros_like(said.classes)
        wanted[inside, cloud.boxes.classes[owner[inside]]] = 1.0
        loss = focal_loss(said.classes, wanted) / count
        truth = cloud.boxes.boxes[owner[inside]]
        codes, here = said.codes[inside], places[inside]
        loss = loss + F.smooth_l1_loss(codes, coded(truth, here), reduction="sum", beta=0.1) / count
        fit = paired_iou(decoded(codes.detach(), here), truth)
        quality = F.binary_cross_entropy_with_logits(said.quality[inside], fit, reduction="sum")
        return loss + quality / count

    def found(self, answers: Float[Tensor, "rows outputs"], cloud: PreparedCloud) -> FoundBoxes:
        """The boxes of a scene, the most certain first."""
        said = self._split(answers)
        best, classes = said.classes.max(dim=1)
        scores = best.sigmoid() * said.quality.sigmoid()
        scores, chosen = scores.topk(min(CANDIDATES, len(scores)))
        chosen = chosen[scores >= LEAST_SCORE]
        boxes = decoded(said.codes[chosen], _places(cloud.volume)[chosen])
        kept = thinned(boxes, classes[chosen])[:KEPT]
        return FoundBoxes(boxes[kept], scores[: len(chosen)][kept], classes[chosen][kept])

    def scores(self) -> Scores:
        """Mean average precision at overlaps of 0.25 and 0.5."""
        return BoxScores(self.data.class_names, self.found)

    def _split(self, answers: Float[Tensor, "rows outputs"]) -> _Answers:
        count = len(self.data.class_names)
        return _Answers(answers[:, :count], answers[:, count], answers[:, count + 1 :])


def owners(
    places: Float[Tensor, "rows 3"], boxes: Float[Tensor, "boxes 7"]
) -> Int64[Tensor, " rows"]:
    """Number of the smallest box that each place lies in, -1 outside all."""
    if len(boxes) == 0:
        return torch.full((len(places),), -1, device=places.device)
    inside = within_boxes(places, boxes, least_side=2.0**HALVINGS)
    volumes = boxes[:, 3:6].prod(dim=1).expand(len(places), -1)
    volumes = torch.where(inside, volumes, torch.full_like(volumes, float("inf")))
    return torch.where(inside.any(dim=1), volumes.argmin(dim=1), -1)


def focal_loss(
    logits: Float[Tensor, "rows classes"], wanted: Float[Tensor, "rows classes"]
) -> Float[Tensor, ""]:
    """Sum of -alpha_t (1 - p_t)^gamma log p_t."""
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    surprise = 1 - torch.exp(-entropy)
    balance = BALANCE * wanted + (1 - BALANCE) * (1 - wanted)
    return (balance * surprise**FOCUS * entropy).sum()


def thinned(
    boxes: Float[Tensor, "boxes 7"], classes: Int64[Tensor, " boxes"]
) -> Int64[Tensor, " kept"]:
    """Numbers of boxes that overlap none of their class before them by more than `MOST_OVERLAP`."""
    clash = box_iou(boxes, boxes) > MOST_OVERLAP
    clash &= classes[:, None] == classes
    clashes = clash.cpu()
    kept: list[int] = []
    for number in range(len(boxes)):
        if not bool(clashes[number, kept].any()):
            kept.append(number)
    return torch.tensor(kept, dtype=torch.long, device=boxes.device)


def _groups(volume: SparseVolume) -> VoxelGroups:
    """The volume's voxels by the detector's voxels."""
    return VoxelGroups.of_keys(voxel_keys(volume.voxel_indices >> HALVINGS))


def _places(volume: SparseVolume) -> Float[Tensor, "rows 3"]:
    """Middles of the detector's voxels, in edges of the volume's."""
    return (indices_of(_groups(volume).keys).float() + 0.5) * 2**HALVINGS
