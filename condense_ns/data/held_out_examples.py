"""The held-out views of some scenes as examples, one of each scene in turn; those wholly masked are left out."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from torch import Tensor

from condense_ns.data.host_cameras import host_cameras
from condense_ns.data.open_scenes import OpenScene, OpenScenes
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.geometry.pinhole import PinholeViews


@runtime_checkable
class SceneExample(Protocol):
    """What training and evaluation look at in one scene, whatever the method."""

    @property
    def scene(self) -> str:
        """Name of the scene."""
        ...

    @property
    def target(self) -> PinholeViews:
        """Cameras, in pixels of the working images; they know which of these count."""
        ...

    @property
    def image(self) -> Float[Tensor, "3 height width"] | None:
        """Working image, RGB in [0, 1], if the example brings one."""
        ...

    def to(self, device: torch.device | str) -> "SceneExample":
        """The same example on another device."""
        ...


class HeldOutExamples:
    """What the host iterates over to evaluate: cameras and batches, made when they are asked for.

    A batch has ``image`` [height width 3], ``image_idx``, the number here, and ``examples``, one; with a mask
    also ``mask`` [height width 1], true where pixels count.

    Args:
        places: of the scenes.
        open_scenes: opens them.
        make: the example of a view, with its image.
        device: where the tensors go.
    """

    def __init__(
        self,
        places: tuple[ScenePlace, ...],
        open_scenes: OpenScenes,
        make: Callable[[OpenScene, int], SceneExample],
        device: torch.device | str,
    ) -> None:
        self._open_scenes, self._make, self._device = open_scenes, make, device
        views = [
            (turn, place, view)
            for place in places
            for turn, view in enumerate(_telling(open_scenes[place].scene))
        ]
        in_turn = sorted(views, key=lambda found: found[0])
        self._views = [(place, view) for _, place, view in in_turn]

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[tuple[Cameras, dict[str, Any]]]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> tuple[Cameras, dict[str, Any]]:
        """Camera and batch of one view."""
        place, view = self._views[number]
        example = self._make(self._open_scenes[place], view).to(self._device)
        assert example.image is not None
        image = example.image.permute(1, 2, 0)
        batch = {"image": image, "image_idx": number, "examples": [example]}
        if example.target.valid is not None:
            batch["mask"] = example.target.valid[0, ..., None]
        return host_cameras(example.target).to(self._device), batch


def _telling(scene: PosedScene) -> list[int]:
    """The held-out views of a scene of which the masks leave anything."""
    return [view for view in scene.held_out if bool(scene.masks.valid(view).any())]
