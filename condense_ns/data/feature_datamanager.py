"""nerfstudio's data manager, plus the 2D feature of each ray's pixel.

The batch gains ``feature``: per encoder spec, [rays channels], interpolated at the pixel's centre in
the map of its own image, whatever that image's size. Maps are extracted only when somebody asks:
for training in `setup_train`, for metrics on first use, never for viewing, rendering or exporting.
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from jaxtyping import Float, Int
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.data.datamanagers.base_datamanager import (
    VanillaDataManager,
    VanillaDataManagerConfig,
)
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.datasets.base_dataset import InputDataset
from PIL import Image
from torch import Tensor

from condense_ns.cache.extraction import ImageSource, extract
from condense_ns.cache.lookup import StoredMaps
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.depth_images import PhotographsWithDepth
from condense_ns.data.feature_statistics import sampled_statistics
from condense_ns.data.photograph_pixels import Photographs, is_converted, read_rgb
from condense_ns.data.scene_checks import UNREADABLE, check_scene_file, check_split
from condense_ns.data.teachers import Teachers
from condense_ns.tensors import FeatureStatistics

Split = Literal["train", "eval"]
STATISTICS_SAMPLES = 20_000


@dataclass
class FeatureDataManagerConfig(VanillaDataManagerConfig):
    """Settings of nerfstudio's data manager and where features come from."""

    _target: type = field(default_factory=lambda: FeatureDataManager)
    encoders: tyro.conf.Suppress[tuple[str, ...]] = ()
    """Specs of the encoders; set by the pipeline."""
    encoder_image_size: int | None = None
    """Longest side in pixels of the images that encoders see; None leaves it to the encoder."""
    feature_store: Path | None = None
    """Folder for feature maps. None keeps them in the user's cache, one folder per scene."""
    feature_components: int | None = None
    """Compress stored features to this many principal components; None stores them whole."""


class FeatureDataManager(VanillaDataManager[InputDataset]):
    """Rays with pixels, features and, where the scene has it, depth."""

    config: FeatureDataManagerConfig

    def __init__(
        self,
        config: FeatureDataManagerConfig,
        device: torch.device | str = "cpu",
        test_mode: Literal["test", "val", "inference"] = "val",
        world_size: int = 1,
        local_rank: int = 0,
        **kwargs: Any,
    ) -> None:
        self.teachers = Teachers(config.encoders, str(device), config.encoder_image_size)
        self._stored: dict[tuple[Split, str], StoredMaps] = {}
        if test_mode == "val":
            for spec in config.encoders:
                _ = self.teachers[spec]  # a wrong file is told before anything else is done
            check_scene_file(Path(config.data or config.dataparser.data))
        super().__init__(config, device, test_mode, world_size, local_rank, **kwargs)

    def create_train_dataset(self) -> InputDataset:
        """The training images, checked, with depth where the scene has it."""
        return self._create_dataset(self.train_dataparser_outputs, "train")

    def create_eval_dataset(self) -> InputDataset:
        """The evaluation images; an empty split is allowed in training, with a warning."""
        outputs = self.dataparser.get_dataparser_outputs(split=self.test_split)
        return self._create_dataset(outputs, "eval")

    def _create_dataset(self, outputs: DataparserOutputs, split: Split) -> InputDataset:
        if self.test_mode == "val":
            check_split(outputs, split)
        has_depth = bool(outputs.metadata.get("depth_filenames"))
        kind = PhotographsWithDepth if has_depth else Photographs
        return kind(outputs, scale_factor=self.config.camera_res_scale_factor)

    def setup_train(self) -> None:
        """Prepare training batches; extract whatever features are not stored yet."""
        super().setup_train()
        if self.test_mode == "val":
            statistics = {spec: self.statistics(spec) for spec in self.config.encoders}
            self.train_dataset.metadata["features"] = statistics

    def statistics(self, spec: str) -> FeatureStatistics:
        """Mean, scale and colours of an encoder over the training views."""
        fingerprint = self.teachers[spec].fingerprint
        return sampled_statistics(self.maps("train", spec), STATISTICS_SAMPLES, fingerprint)

    def maps(self, split: Split, spec: str) -> StoredMaps:
        """The feature maps of a split, in the order of its dataset; extracted on first use."""
        if (split, spec) not in self._stored:
            dataset = self.train_dataset if split == "train" else self.eval_dataset
            self._stored[split, spec] = extract(
                self.teachers[spec],
                [image_source(dataset, index) for index in range(len(dataset))],
                self.store_root(),
                scene=self.get_datapath().resolve().name,
                components=self.config.feature_components,
            )
        return self._stored[split, spec]

    def store_root(self) -> Path:
        """Folder that holds this scene's stores, one folder per encoder in it."""
        if self.config.feature_store is not None:
            return self.config.feature_store
        return scene_cache_folder("features", self.get_datapath())

    def next_train(self, step: int) -> tuple[RayBundle, dict[str, Any]]:
        """Rays, pixels and, for every encoder of the run, the features of those pixels."""
        ray_bundle, batch = super().next_train(step)
        if self.test_mode == "val":
            batch["feature"] = {
                spec: self.pixel_features("train", spec, batch["indices"])
                for spec in self.config.encoders
            }
        return ray_bundle, batch

    def pixel_features(
        self, split: Split, spec: str, indices: Int[Tensor, "rays 3"]
    ) -> Float[Tensor, "rays channels"]:
        """Features at the centres of the pixels (image, row, column) of a split."""
        centres = indices[:, [2, 1]].float() + 0.5
        return self.maps(split, spec).features(indices[:, 0], centres)


def image_source(dataset: InputDataset, index: int) -> ImageSource:
    """One image of a dataset, as the encoder shall see it."""
    camera, path = dataset.cameras[index], Path(dataset.image_filenames[index])
    colour = dataset._dataparser_outputs.alpha_color
    background = None if colour is None else [round(float(value), 4) for value in colour]
    variant = f"background={background} scale={dataset.scale_factor}"
    return ImageSource(
        path=path,
        height=int(camera.height.item()),
        width=int(camera.width.item()),
        load=partial(load_rgb, dataset, index),
        variant=variant + " converted" * _is_converted(path),  # earlier versions did not
    )


def _is_converted(file: Path) -> bool:
    """Whether the photograph's numbers are converted; of a damaged one others tell."""
    try:
        with Image.open(file) as opened:
            return is_converted(opened)
    except UNREADABLE:
        return False


def load_rgb(dataset: InputDataset, index: int) -> Float[Tensor, "3 height width"]:
    """One photograph of a dataset, RGB in [0, 1], on its background.

    Raises:
        UserError: nobody knows which colours its numbers are.
    """
    background = dataset._dataparser_outputs.alpha_color
    return read_rgb(Path(dataset.image_filenames[index]), dataset.scale_factor, background)
