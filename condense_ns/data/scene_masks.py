"""Which pixels of a scene's working images count, by the masks that come with its photographs."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.photograph_masks import read_mask, valid_pixels
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.small_copies import is_large, kept_copy
from condense_ns.data.undistortion import Lens
from condense_ns.errors import UserError
from condense_ns.geometry.valid_pixels import filled


class SceneMasks:
    """Masks of one scene, read when somebody asks; of large ones copies are kept in the user's cache.

    Args:
        place: of the scene.
        files: the mask of each view; None for a view all of which counts.
        lenses: of the views.
        size: height and width of the working images.
        recent: keeps what was read lately.

    Raises:
        UserError: a file is missing.
    """

    def __init__(
        self,
        place: ScenePlace,
        files: list[Path | None],
        lenses: list[Lens],
        size: tuple[int, int],
        recent: RecentItems[Tensor],
    ) -> None:
        self._place, self.files, self._lenses = place, files, lenses
        self._size, self._recent = size, recent
        missing = [file for file in files if file is not None and not file.exists()]
        if missing:
            raise UserError(
                f"scene {place.name}: mask {missing[0]} does not exist; restore it, or drop the masks of all "
                "photographs"
            )

    def check(self, training: list[int]) -> None:
        """Read every mask once.

        Args:
            training: numbers of the views for training.

        Raises:
            UserError: one cannot be used, or no pixel of any view for training counts.
        """
        some = [
            file is None or bool(self._read(view).any()) for view, file in enumerate(self.files)
        ]
        if not any(some[view] for view in training):
            raise UserError(
                f"scene {self._place.name}: its masks leave out all of its photographs; a mask is 0 where a "
                "photograph is not to be used, and anything else where it is"
            )

    def valid(self, view: int) -> Bool[Tensor, "height width"]:
        """The pixels of a working image that count; all without a mask.

        Raises:
            UserError: the mask cannot be used.
        """
        file = self.files[view]
        if file is None:
            return torch.ones(self._size, dtype=torch.bool)
        key = (self._place.folder, *self._size, view, "mask")
        return self._recent.get(key, lambda: self._working_mask(view, file)[0] > 0)

    def _working_mask(self, view: int, file: Path) -> Float[Tensor, "1 height width"]:
        lens, made = self._lenses[view], partial(self._made, view)
        if not is_large(lens, *self._size):
            return made()
        height, width = self._size
        folder = scene_cache_folder("images", self._place.folder)
        return kept_copy(folder, file, f"{height} x {width} {lens} mask", made)

    def _made(self, view: int) -> Float[Tensor, "1 height width"]:
        return valid_pixels(self._read(view), self._lenses[view], *self._size)[None].float()

    def _read(self, view: int) -> Float32[np.ndarray, "rows columns"]:
        file = self.files[view]
        assert file is not None
        try:
            return read_mask(file, self._lenses[view])
        except UserError as error:
            raise UserError(f"scene {self._place.name}: {error}") from error

    def stacked(self, views: list[int]) -> Bool[Tensor, "views height width"] | None:
        """The pixels of some views that count; None if all do."""
        if all(self.files[view] is None for view in views):
            return None
        valid = torch.stack([self.valid(view) for view in views])
        return None if bool(valid.all()) else valid

    def filled(
        self, view: int, image: Float[Tensor, "3 height width"]
    ) -> Float[Tensor, "3 height width"]:
        """The working image with what does not count filled from around it."""
        return image if self.files[view] is None else filled(image, self.valid(view))
