"""The held-out views of some scenes as examples, one of each scene in turn."""

from collections.abc import Iterator
from typing import Any

import torch
from nerfstudio.cameras.cameras import Cameras

from condense_ns.data.example_making import held_out_example, with_features
from condense_ns.data.host_cameras import host_cameras
from condense_ns.data.open_scenes import OpenScenes
from condense_ns.data.scene_place import ScenePlace


class HeldOutExamples:
    """What the host iterates over to evaluate: cameras and batches, made when they are asked for.

    A batch has ``image`` [height width 3], ``image_idx``, the number here, and ``examples``, one.

    Args:
        places: of the scenes.
        open_scenes: opens them.
        num_sources: training views of its scene that a view is lifted from.
        encoders: specs of those whose features the examples carry.
        device: where the tensors go.
    """

    def __init__(
        self,
        places: tuple[ScenePlace, ...],
        open_scenes: OpenScenes,
        num_sources: int,
        encoders: tuple[str, ...],
        device: torch.device | str,
    ) -> None:
        self._open_scenes, self._num_sources = open_scenes, num_sources
        self._encoders, self._device = encoders, device
        views = [
            (turn, place, view)
            for place in places
            for turn, view in enumerate(open_scenes[place].scene.held_out)
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
        opened = self._open_scenes[place]
        example = held_out_example(opened, view, self._num_sources)
        for spec in self._encoders:
            example = with_features(example, opened, spec)
        example = example.to(self._device)
        image = example.image.permute(1, 2, 0)
        batch = {"image": image, "image_idx": number, "examples": [example]}
        return host_cameras(example.target).to(self._device), batch
