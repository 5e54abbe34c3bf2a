"""The volume that a camera of the shown scene is rendered from."""

from condense_ns.data.volume_datamanager import VolumeDataManager
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.models.condense_pretrain import VolumeAround
from condense_ns.pretraining.pretrain_example import PretrainExample


class ShownVolume:
    """Asks the data manager for the scene's volume.

    Args:
        datamanager: that shows a scene.
    """

    def __init__(self, datamanager: VolumeDataManager) -> None:
        self._datamanager = datamanager

    def surroundings(self, target: PinholeViews) -> VolumeAround:
        """Of any camera in the shown scene.

        Raises:
            UserError: the scene has no volume.
        """
        prepared = self._datamanager.shown_volume()
        return VolumeAround(prepared.volume, prepared.pyramid)

    def of_example(self, example: PretrainExample) -> VolumeAround:
        """Of the views of an example."""
        return VolumeAround(example.volume, example.pyramid)
