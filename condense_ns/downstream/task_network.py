"""A backbone and a head, and what is worked out once where nothing before the head is trained."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.downstream.backbone_choice import PROBES, Mode, trained_adapter
from condense_ns.downstream.heads import Head, HeadName
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.prepared_split import PreparedSplit
from condense_ns.downstream.scene_latents import scene_latents
from condense_ns.downstream.task import Task
from condense_ns.errors import UserError
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.volumes.sparse_volume import Kind

MOST_MEASURED = 64
"""Clouds over which the head's mean and deviation are taken."""
_MOST_BYTES = 2**31
_HALF = 2  # bytes


class TaskNetwork(nn.Module):
    """Latents of the backbone, read by the head of a task.

    Args:
        backbone: with gradients where it is trained.
        task: what to do with latents.
        mode: what is trained.
        head: its name; None takes the task's usual one.
        kind: which input adapter is used.

    Raises:
        UserError: a head that the task cannot have.
    """

    def __init__(
        self,
        backbone: OctreeBackbone,
        task: Task,
        mode: Mode,
        head: HeadName | None = None,
        kind: Kind = "points",
    ) -> None:
        super().__init__()
        name = head or task.heads[0]
        if name not in task.heads:
            raise UserError(f"--head is {name}; for this task it can be {', '.join(task.heads)}")
        self.backbone = backbone
        self.head: Head = task.head(name, backbone.latent_dim)
        self.head_name = name
        self.mode: Mode = mode
        if mode == "adapters":
            trained_adapter(backbone, kind)
        self._task = task

    @property
    def frozen(self) -> bool:
        """Whether rows never change while the head learns."""
        return self.mode == "frozen"

    def set_training(self, training: bool) -> None:
        """A backbone that is not trained as a whole stays as it is in use."""
        self.train(training)
        if self.mode in PROBES:
            self.backbone.eval()

    def rows(self, cloud: PreparedCloud) -> Float[Tensor, "rows channels"]:
        """What the head sees of a cloud, without gradients; large clouds go in pieces."""
        with torch.no_grad():
            return self._task.rows(scene_latents(self.backbone, cloud.volume), cloud)

    def trained_rows(self, clouds: list[PreparedCloud]) -> list[Tensor]:
        """The same of several clouds at once, with gradients."""
        latents = self.backbone([cloud.volume for cloud in clouds])
        return [self._task.rows(found, cloud) for found, cloud in zip(latents, clouds, strict=True)]

    def measure(self, clouds: PreparedSplit, device: torch.device) -> None:
        """Take the head's mean and deviation over the first clouds."""
        count = min(len(clouds), MOST_MEASURED)
        places = [place * len(clouds) // count for place in range(count)]
        self.head.standardised.measure(self.rows(clouds[place].to(device)) for place in places)

    def answers(self, cloud: PreparedCloud) -> Float[Tensor, "rows outputs"]:
        """What is said of a cloud, without gradients; large clouds go in pieces."""
        return self.head.answered(self.rows(cloud), cloud.volume)


class KeptRows:
    """Rows of a frozen backbone, worked out when first asked for and kept in half precision.

    Args:
        network: whose backbone is frozen.
        clouds: a split.
        device: where to compute.
        most_bytes: of all rows together; more are worked out anew each time.
    """

    def __init__(
        self,
        network: TaskNetwork,
        clouds: PreparedSplit,
        device: torch.device,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self._network, self._clouds, self.device = network, clouds, device
        self._kept: dict[int, Tensor] = {}
        self._most_bytes = most_bytes

    def __getitem__(self, place: int) -> Float[Tensor, "rows channels"]:
        number = self._clouds.split.numbers[place]
        found = self._kept.get(number)
        if found is None:
            found = self._network.rows(self._clouds[place].to(self.device)).half()
            used = sum(_HALF * rows.numel() for rows in self._kept.values())
            if used + _HALF * found.numel() <= self._most_bytes:
                self._kept[number] = found
        return found.float()

    def of(self, clouds: PreparedSplit) -> "KeptRows":
        """The same rows for clouds that are some of these."""
        part = KeptRows(self._network, clouds, self.device, self._most_bytes)
        part._kept = self._kept
        return part
