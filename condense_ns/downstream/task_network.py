"""A backbone and a head."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.downstream.backbone_choice import PROBES, Mode, trained_adapter
from condense_ns.downstream.heads import Head, HeadName
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.scene_latents import scene_latents
from condense_ns.downstream.task import Task
from condense_ns.errors import UserError
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.volumes.sparse_volume import Kind


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
        self.frozen = mode == "frozen"
        """Whether rows do not change while the head learns: always, or for now."""
        if mode == "adapters":
            trained_adapter(backbone, kind)
        self._task = task

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

    def answers(self, cloud: PreparedCloud) -> Float[Tensor, "rows outputs"]:
        """What is said of a cloud, without gradients; large clouds go in pieces."""
        return self.head.answered(self.rows(cloud), cloud.volume)
