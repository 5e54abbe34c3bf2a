"""The training images of a scene, without training."""

from pathlib import Path

from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from nerfstudio.data.datasets.base_dataset import InputDataset

from condense_ns.cache.extraction import ImageSource
from condense_ns.data.feature_datamanager import image_source


def scene_sources(data: Path) -> list[ImageSource]:
    """One source per training image of a folder in nerfstudio's own format."""
    outputs = NerfstudioDataParserConfig(data=data).setup().get_dataparser_outputs("train")
    dataset = InputDataset(outputs)
    return [image_source(dataset, index) for index in range(len(dataset))]
