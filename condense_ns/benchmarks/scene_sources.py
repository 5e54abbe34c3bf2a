"""The training images of a scene, without training."""

from pathlib import Path

from nerfstudio.data.datasets.base_dataset import InputDataset

from condense_ns.cache.extraction import ImageSource
from condense_ns.data.feature_datamanager import image_source
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.scene_reading import read_splits
from condense_ns.errors import UserError


def scene_sources(data: Path) -> list[ImageSource]:
    """One source per training image of a folder in nerfstudio's own format.

    Raises:
        UserError: there is no scene, or it cannot be used.
    """
    if not data.exists():
        raise UserError(f"there is no scene at {data}; check --data")
    place = ScenePlace(data.resolve().name, data, "nerfstudio-data")
    dataset = InputDataset(read_splits(place).train)
    return [image_source(dataset, index) for index in range(len(dataset))]
