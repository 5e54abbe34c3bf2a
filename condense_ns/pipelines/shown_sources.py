"""What a camera of the shown scene is rendered from, features and their colours included."""

import logging

from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.example_making import free_sources
from condense_ns.data.feature_datamanager import STATISTICS_SAMPLES
from condense_ns.data.feature_statistics import sampled_statistics
from condense_ns.data.multi_scene_datamanager import MultiSceneDataManager
from condense_ns.data.open_scenes import OpenScene
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lift_example import LiftExample
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.models.lift3d import LiftedFeatures, Surroundings
from condense_ns.pipelines.surface_finder import SurfaceFinder
from condense_ns.tensors import FeatureStatistics

LOGGER = logging.getLogger(__name__)
PATIENCE = 500
"""Steps of training for which the viewer's pictures keep the depth of photographs: finding it takes long."""


class ShownSources:
    """Asks the data manager for sources, finds their surfaces, and asks the feature store for their features.

    Args:
        datamanager: that shows a scene.
        network: that finds the surfaces.
        spec: of the encoder whose features are shown; None for none.
    """

    def __init__(
        self, datamanager: MultiSceneDataManager, network: LiftingNetwork, spec: str | None
    ) -> None:
        self._datamanager, self._network, self._spec = datamanager, network, spec
        self._finders: dict[int, SurfaceFinder] = {}
        self._statistics: dict[str, FeatureStatistics] = {}
        self._without_features: set[str] = set()

    def surroundings(self, target: PinholeViews) -> Surroundings:
        """Of a camera in the shown scene."""
        opened, near = self._datamanager.shown, target.to("cpu")
        numbers = free_sources(opened, near, self._datamanager.config.num_eval_sources)
        return Surroundings(
            self._source_views(opened, numbers, opened.scene.training, PATIENCE),
            opened.anchors.depth_range(near),
            self._features(opened, numbers),
        )

    def of_example(self, example: LiftExample) -> Surroundings:
        """The sources of an example."""
        opened = self._datamanager.opened(example.scene)
        numbers = list(example.source_numbers)
        others = [view for view in opened.scene.training if view != example.view]
        return Surroundings(
            self._source_views(opened, numbers, others),
            example.depth_range,
            self._features(opened, numbers),
        )

    def _source_views(
        self, opened: OpenScene, numbers: list[int], allowed: list[int], patience: int = 0
    ) -> SourceViews:
        """With the surfaces that are found in the photographs that are allowed; those of one scene are kept."""
        finder = self._finders.get(patience)
        if finder is None or finder.scene is not opened.scene:
            folder = None
            if self._datamanager.test_mode != "val":
                folder = scene_cache_folder("surfaces", opened.scene.folder)
            finder = SurfaceFinder(self._network, opened.scene, opened.anchors, patience, folder)
            self._finders[patience] = finder
        return finder.source_views(numbers, allowed)

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
