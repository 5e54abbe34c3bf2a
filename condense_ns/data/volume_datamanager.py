"""condense-pretrain's data manager: a scene's volume and a few of its views per example."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from nerfstudio.cameras.cameras import Cameras

from condense_ns.data.feature_datamanager import STATISTICS_SAMPLES
from condense_ns.data.feature_statistics import feature_statistics
from condense_ns.data.host_cameras import host_cameras
from condense_ns.data.open_scenes import OpenScene
from condense_ns.data.prepared_scenes import PreparedScenes, PreparedVolume, refuse_unseen
from condense_ns.data.scenes_datamanager import (
    Batch,
    Hidden,
    ScenesDataManager,
    ScenesDataManagerConfig,
    refuse_small,
)
from condense_ns.data.volume_examples import (
    annotated_things,
    drawn_source,
    drawn_views,
    volume_example,
    with_captions,
    with_priors,
)
from condense_ns.data.volume_kinds import AS_GIVEN
from condense_ns.encoders.base import TextImageEncoder
from condense_ns.encoders.encoder_trunk import EncoderTrunk
from condense_ns.errors import UserError
from condense_ns.pretraining.pretrain_example import PretrainExample
from condense_ns.tensors import FeatureStatistics
from condense_ns.volumes.sparse_volume import Kind
from condense_ns.volumes.turned import TURNS

LOGGER = logging.getLogger(__name__)
STATISTICS_SCENES = 8
"""Training scenes whose features say what is usual."""


@dataclass
class VolumeDataManagerConfig(ScenesDataManagerConfig):
    """Which scenes, how finely they are cut into voxels, and how many views a step looks at."""

    _target: type = field(default_factory=lambda: VolumeDataManager)
    views_per_example: int = 4
    """Views of a scene that one example looks at; correspondence and keypoint scores need 2."""
    most_voxels: int = 12_000
    """Of a scene; its resolution is halved until it has no more. Steps take time in proportion."""
    kinds: tuple[Kind, ...] = ("depth", "points", "radiance")
    """Kinds of sources that the backbone learns to read; each example has one of those that its scene
    has or can imitate."""
    turn_scenes: bool = True
    """Show the backbone each scene turned by quarters about the vertical, and mirrored."""
    grey_share: float = 0.5
    """Share of the examples whose volume is shown to the backbone without colours, so that it learns what
    shapes alone say."""
    memory_mb: int = 1024
    """For volumes, what views see of them, and features, on the training device."""
    objectives: Hidden[tuple[str, ...]] = ()
    """What is trained for; set by the pipeline."""
    tuned_blocks: Hidden[int] = 0
    """Last blocks of the encoders that are trained; set by the pipeline."""
    lora_rank: Hidden[int] = 0
    """Of their updates; set by the pipeline."""


class VolumeDataManager(ScenesDataManager[PretrainExample]):
    """Volumes and views."""

    config: VolumeDataManagerConfig

    def __init__(
        self, config: VolumeDataManagerConfig, device: torch.device | str = "cpu", **kwargs: Any
    ) -> None:
        self.prepared = PreparedScenes(
            config.most_voxels, config.kinds, device, config.memory_mb << 20
        )
        self._unavailable: set[str] = set()
        super().__init__(config, device, **kwargs)
        if self.test_mode == "val":
            self.train_dataset.metadata["features"] = self._statistics()
            self.train_dataset.metadata["tails"] = {
                spec: trunk.tail for spec, trunk in self._trunks().items()
            }

    @classmethod
    def check(cls, config: Any) -> None:
        """Refuse settings that cannot be used, before anything is read.

        Raises:
            UserError: there is one.
        """
        super().check(config)
        refuse_small(config, {"views_per_example": 1, "most_voxels": 100, "memory_mb": 16})
        if not 0.0 <= config.grey_share <= 1.0:
            raise UserError(
                f"--pipeline.datamanager.grey-share is {config.grey_share}, it must lie in [0, 1]"
            )
        if not config.encoders:
            raise UserError("no encoder given; name one, e.g. --pipeline.encoders dinov2-small")

    def setup_train(self) -> None:
        """Make sure that all scenes have volumes and that all features are stored."""
        if self.test_mode == "val":
            self._check_language()
            trunks = self._trunks()
            for place in self.slots.own_scenes(self.scenes.train):
                refuse_unseen(self.open_scenes[place], self.prepared)
                for spec in trunks:
                    self.open_scenes[place].maps(spec, self.config.tuned_blocks)
        super().setup_train()

    def _trunks(self) -> dict[str, EncoderTrunk]:
        """Encoders without the blocks that are trained, by their specs; none if none are.

        Raises:
            UserError: an encoder has no such blocks, or fewer numbers in a token than the rank.
        """
        blocks, rank = self.config.tuned_blocks, self.config.lora_rank
        found = {spec: self.teachers.trunk(spec, blocks) for spec in self.config.encoders if blocks}
        for spec, trunk in found.items():
            if rank > trunk.channels:
                raise UserError(
                    f"--pipeline.model.lora-rank is {rank}, but tokens of {spec} have {trunk.channels} numbers; "
                    f"give {trunk.channels} or less, or 0 to train whole blocks"
                )
        return found

    def _check_language(self) -> None:
        """Can captions be learned from, if they are to be?

        Raises:
            UserError: no encoder knows text, or no training scene has things with captions.
        """
        if "language" not in self.config.objectives:
            return
        specs = self.config.encoders
        if not any(isinstance(self.teachers[spec], TextImageEncoder) for spec in specs):
            raise UserError(
                f"--pipeline.model.objectives has language, but no text is understood by {', '.join(specs)}; "
                "name an encoder that does, e.g. --pipeline.encoders mini, or leave language out"
            )
        if not any(annotated_things(place.folder) for place in self.scenes.train):
            raise UserError(
                "--pipeline.model.objectives has language, but no training scene has an annotations.json "
                "with instances; annotate some, or leave language out"
            )

    def _statistics(self) -> dict[str, FeatureStatistics]:
        """Of each encoder, over a few training scenes; the same in all processes of a run."""
        places = self.scenes.train[:STATISTICS_SCENES]
        found = {}
        for spec in self.config.encoders:
            generator = torch.Generator().manual_seed(0)
            count = STATISTICS_SAMPLES // len(places)
            maps = [self.open_scenes[place].maps(spec) for place in places]
            sample = torch.cat([one.sample(count, generator) for one in maps])
            found[spec] = feature_statistics(sample, self.teachers[spec].fingerprint)
        return found

    def example(
        self, opened: OpenScene, generator: np.random.Generator, step: int
    ) -> PretrainExample:
        """Random views of a scene that overlap, and its volume from a random kind of source."""
        config = self.config
        views = drawn_views(opened, self.prepared, config.views_per_example, generator)
        source = drawn_source(opened, self.prepared, generator)
        turn = int(generator.integers(TURNS)) if config.turn_scenes else 0
        grey = generator.random() < config.grey_share
        example = volume_example(
            opened, self.prepared, views, source, turn, config.encoders, config.tuned_blocks
        )
        return self._completed(example.without_colour() if grey else example, opened)

    def _completed(self, example: PretrainExample, opened: OpenScene) -> PretrainExample:
        """With what else is needed for what is trained for."""
        if "sparse" in self.config.objectives and example.seen:
            example = with_priors(example, opened, self.prepared)
        if "language" in self.config.objectives:
            example = with_captions(example, opened, self.prepared)
        return example

    def held_out(self, opened: OpenScene, view: int) -> PretrainExample:
        """A view of a scene as it stands, with its image and the features that can be had."""
        example = self._as_given(opened, [view])
        return example.with_image(opened.scene.image(view))

    def next_eval(self, step: int) -> tuple[Cameras, Batch]:
        """The next held-out view with the training view that shares most with it, as some losses need two."""
        _, batch = super().next_eval(step)
        alone: PretrainExample = batch["examples"][0]
        opened = self.opened(alone.scene)
        try:
            views = [alone.view, *self.prepared.overlapping(opened, alone.view, 1)]
        except UserError:  # it shares nothing with any
            views = [alone.view]
        example = self._completed(self._as_given(opened, views), opened).to(self.device)
        cameras = host_cameras(example.target).to(self.device)
        return cameras, {**batch, "examples": [example]}

    def _as_given(self, opened: OpenScene, views: list[int]) -> PretrainExample:
        """Views of a scene as it stands, with the features that can be had."""
        encoders = tuple(spec for spec in self.config.encoders if self._available(opened, spec))
        return volume_example(
            opened, self.prepared, views, AS_GIVEN, 0, encoders, self.config.tuned_blocks
        )

    def shown_volume(self) -> PreparedVolume:
        """The volume of the shown scene as it stands.

        Raises:
            UserError: the scene has none.
        """
        return self.prepared.prepared(self.shown, AS_GIVEN, 0)

    def _available(self, opened: OpenScene, spec: str) -> bool:
        """Whether an encoder's features of a scene can be had; what cannot is told once."""
        needed: tuple[tuple[str, Callable[[], Any]], ...] = (
            (spec, lambda: self.teachers[spec]),
            (f"{spec} of scene {opened.scene.name}", lambda: self._stored(opened, spec)),
        )
        for what, ask in needed:
            if what in self._unavailable:
                return False
            try:
                ask()
            except UserError as error:
                LOGGER.warning("features of %s are not compared: %s", what, error)
                self._unavailable.add(what)
                return False
        return True

    def _stored(self, opened: OpenScene, spec: str) -> None:
        """Have the maps of a scene that are needed of an encoder.

        Raises:
            UserError: they cannot be had.
        """
        opened.maps(spec)
        if self.config.tuned_blocks:
            opened.maps(spec, self.config.tuned_blocks)
