"""What the 2D branch of a backbone makes of scenes' photographs."""

from jaxtyping import Float
from torch import Tensor

from condense_ns.cache.lookup import StoredMaps
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.posed_scene import PosedScene
from condense_ns.encoders.base import ImageEncoder
from condense_ns.fields.backbone_file import SavedBackbone
from condense_ns.pipelines.refined_encoding import read_by, refined_map


class BranchMaps:
    """Refined maps; those that the branch reads are stored with the scene's features.

    Args:
        encoder: that the branch was trained with.
        saved: the backbone.

    Raises:
        UserError: nothing in 2D was trained, or not with this encoder, or with other weights of it.
    """

    def __init__(self, encoder: ImageEncoder, saved: SavedBackbone) -> None:
        self._encoder, self._saved = encoder, saved
        self._reads = read_by(saved, encoder)
        self._stored: dict[PosedScene, StoredMaps] = {}

    def __call__(self, scene: PosedScene, view: int) -> Float[Tensor, "rows columns channels"]:
        """Of a view of a scene, in the encoder's units."""
        if scene not in self._stored:
            store = scene_cache_folder("features", scene.folder)
            self._stored[scene] = scene.feature_maps(self._reads, store)
        read = self._stored[scene].map(view)
        return refined_map(self._encoder, read[None], self._saved)[0]
