"""What a camera of the shown scene is rendered from, features and their colours included."""

import logging

from condense_ns.data.example_making import free_sources
from condense_ns.data.feature_datamanager import STATISTICS_SAMPLES
from condense_ns.data.feature_statistics import sampled_statistics
from condense_ns.data.multi_scene_datamanager import MultiSceneDataManager
from condense_ns.data.open_scenes import OpenScene
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.lifting.lift_example import LiftExample
from condense_ns.models.lift3d import LiftedFeatures, Surroundings
from condense_ns.tensors import FeatureStatistics

LOGGER = logging.getLogger(__name__)


class ShownSources:
    """Asks the data manager for sources, and the feature store for their features.

    Args:
        datamanager: that shows a scene.
        spec: of the encoder whose features are shown; None for none.
    """

    def __init__(self, datamanager: MultiSceneDataManager, spec: str | None) -> None:
        self._datamanager, self._spec = datamanager, spec
        self._statistics: dict[str, FeatureStatistics] = {}
        self._without_features: set[str] = set()

    def surroundings(self, target: PinholeViews) -> Surroundings:
        """Of a camera in the shown scene."""
        opened, near = self._datamanager.shown, target.to("cpu")
        numbers = free_sources(opened, near, self._datamanager.config.num_eval_sources)
        return Surroundings(
            opened.scene.source_views(numbers).to(self._datamanager.device),
            opened.anchors.depth_range(near),
            self._features(opened, numbers),
        )

    def of_example(self, example: LiftExample) -> Surroundings:
        """The sources of an example."""
        opened = self._datamanager.opened(example.scene)
        return Surroundings(
            example.sources,
            example.depth_range,
            self._features(opened, list(example.source_numbers)),
        )

    def _features(self, opened: OpenScene, numbers: list[int]) -> LiftedFeatures | None:
        """Of the views of a scene; None, after one warning, where the encoder cannot answer."""
        name = opened.scene.name
        if self._spec is None or name in self._without_features:
            return None
        try:
            maps = opened.stacked_maps(self._spec, numbers)
            statistics = self._statistics_of(opened, self._spec)
        except UserError as error:
            LOGGER.warning("feature_pca of scene %s stays black: %s", name, error)
            self._without_features.add(name)
            return None
        return LiftedFeatures(maps.to(self._datamanager.device), statistics)

    def _statistics_of(self, opened: OpenScene, spec: str) -> FeatureStatistics:
        name = opened.scene.name
        if name not in self._statistics:
            fingerprint = opened.teachers[spec].fingerprint
            self._statistics[name] = sampled_statistics(
                opened.maps(spec), STATISTICS_SAMPLES, fingerprint
            )
        return self._statistics[name]
