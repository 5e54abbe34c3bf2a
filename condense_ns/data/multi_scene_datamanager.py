"""lift3d's data manager: a target view per example and views to lift it from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from condense_ns.data.example_making import (
    drawn_example,
    free_sources,
    held_out_example,
    with_features,
)
from condense_ns.data.open_scenes import OpenScene
from condense_ns.data.scenes_datamanager import (
    ScenesDataManager,
    ScenesDataManagerConfig,
    refuse_small,
)
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lift_example import LiftExample


@dataclass
class MultiSceneDataManagerConfig(ScenesDataManagerConfig):
    """Which scenes, and how many views of them a step looks at."""

    _target: type = field(default_factory=lambda: MultiSceneDataManager)
    num_sources: tuple[int, int] = (4, 8)
    """Fewest and most source views in training."""
    num_eval_sources: int = 10
    """Source views in evaluation and in the viewer."""


class MultiSceneDataManager(ScenesDataManager[LiftExample]):
    """Targets and sources."""

    config: MultiSceneDataManagerConfig

    @classmethod
    def check(cls, config: Any) -> None:
        """Refuse settings that cannot be used, before anything is read.

        Raises:
            UserError: there is one.
        """
        super().check(config)
        least, most = config.num_sources
        if not 1 <= least <= most:
            raise UserError(
                f"num-sources is {least} {most}; give the fewest, at least 1, and the most"
            )
        refuse_small(config, {"num_eval_sources": 1})

    def example(self, opened: OpenScene, generator: np.random.Generator, step: int) -> LiftExample:
        """A random target with random sources; in training with the features of one encoder."""
        encoders = self.config.encoders
        example = drawn_example(opened, self.config.num_sources, generator)
        if encoders and self.test_mode == "val":
            example = with_features(example, opened, encoders[step % len(encoders)])
        return example

    def held_out(self, opened: OpenScene, view: int) -> LiftExample:
        """A view with its best sources; in training with the features of all encoders."""
        example = held_out_example(opened, view, self.config.num_eval_sources)
        for spec in self.config.encoders if self.test_mode == "val" else ():
            example = with_features(example, opened, spec)
        return example

    def with_features(self, example: LiftExample, spec: str) -> LiftExample:
        """The example with the maps of one more encoder, extracted if they are not stored."""
        return with_features(example, self.opened(example.scene), spec).to(self.device)

    def sources_for(
        self, target: PinholeViews, least_angle: float = 0.0
    ) -> tuple[SourceViews, tuple[float, float]]:
        """What to render a free camera of the shown scene from, and the range of its depths.

        Args:
            target: one view.
            least_angle: degrees by which the sources' rays to its surfaces differ at least.
        """
        target = target.to("cpu")
        numbers = free_sources(self.shown, target, self.config.num_eval_sources, least_angle)
        sources = self.shown.scene.source_views(numbers).to(self.device)
        return sources, self.shown.anchors.depth_range(target)
