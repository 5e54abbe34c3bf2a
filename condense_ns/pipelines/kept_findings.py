"""What a network finds out about the photographs of a scene, kept for all cameras that are rendered from them."""

from collections.abc import Callable, Collection, Hashable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from condense_ns.data.kept_tensor import kept_tensor
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.recent_items import RecentItems
from condense_ns.encoders.fingerprint import fingerprint, state_digest
from condense_ns.lifting.lifting_network import LiftingNetwork

RECENT_BYTES = 128 << 20
"""Memory."""


class KeptFindings:
    """In memory while the network stays as it is; in files what was found with all photographs of training.

    Args:
        network: of lift3d.
        scene: whose photographs are looked at.
        folder: of the files; None keeps none, as is best while the network is trained.
        settings: all that findings depend on beside the network and the photographs.
        patience: steps of training after which things are found anew; 0 does it after any change.
    """

    def __init__(
        self,
        network: LiftingNetwork,
        scene: PosedScene,
        folder: Path | None,
        settings: dict[str, Any],
        patience: int = 0,
    ) -> None:
        self._network, self._settings, self._patience = network, settings, patience
        self._everything = frozenset(scene.training)
        self._folder = None if folder is None else folder / scene.digest[:16]
        self._recent = RecentItems[Tensor](RECENT_BYTES)

    def recent(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """What was made lately under that key, or is made now."""
        return self._recent.get((self._state, key), make)

    def of_photograph(
        self, view: int, allowed: Collection[int], make: Callable[[], Tensor]
    ) -> Tensor:
        """What was found for a photograph, or is found now.

        Args:
            view: its number.
            allowed: numbers of the photographs that were looked at.
            make: finds it.
        """
        allowed = frozenset(allowed)
        if self._folder is None or allowed != self._everything:
            return self.recent((view, allowed), make)
        folder = self._folder
        return self.recent((view, allowed), lambda: self._kept(folder, view, make))

    def _kept(self, folder: Path, view: int, make: Callable[[], Tensor]) -> Tensor:
        """What is in a file, made if it is missing."""
        content = self._settings | {"network": state_digest(self._network.state_dict())}
        file = folder / fingerprint(content)[:16] / f"{view:05d}.safetensors"
        return kept_tensor(file, make).to(self.device)

    @property
    def device(self) -> torch.device:
        """Of the network."""
        return next(self._network.parameters()).device

    @property
    def _state(self) -> int:
        """Another number once the network's weights have been changed."""
        versions = [weights._version for weights in self._network.parameters()]
        return sum(versions) // max(1, self._patience * len(versions))
