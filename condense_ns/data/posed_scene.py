"""One scene's photographs with ideal cameras, read from disk when somebody asks for one.

*Working images* are small and all of one size, so that a model can stack them. A *photograph* is the
same field of view in the camera's own resolution, for encoders and operators. Both are undistorted.
Views are numbered: those for training first, then those held out. What masks leave out is neither in
working images nor in depth; photographs are whole.
"""

import hashlib
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import torch
from jaxtyping import Float
from nerfstudio.data.datasets.base_dataset import InputDataset
from torch import Tensor

from condense_ns.cache.extraction import ImageSource, extract
from condense_ns.cache.lookup import StoredMaps
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.depth_images import read_depth
from condense_ns.data.feature_datamanager import image_source, load_rgb
from condense_ns.data.ideal_pixels import ideal_pixels, undistorted_size, working_size
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.saved_points import points_file, saved_points
from condense_ns.data.scene_checks import check_split
from condense_ns.data.scene_masks import SceneMasks
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.scene_reading import read_splits, same_file_indices
from condense_ns.data.small_copies import is_large, kept_copy
from condense_ns.data.undistortion import ideal_intrinsics, lens_of, undistorted
from condense_ns.encoders.base import MapMaker
from condense_ns.errors import UserError
from condense_ns.geometry.conventions import world_to_camera_cv
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.rotations import nearest_rotation
from condense_ns.geometry.source_views import SourceViews
from condense_ns.volumes.from_points import PointCloud

LARGEST_PHOTOGRAPH = 1024
"""Longest side in pixels of what encoders and operators see, unless said otherwise."""
RECENT_BYTES = 64 << 20
"""Memory for working images that were read lately, unless a cache is shared."""
_READING_DEPTH = Lock()
"""numpy parses the head of a file with `ast`, which Python before 3.11.8 cannot do in two threads."""


class PosedScene:
    """Photographs and cameras of one scene.

    Args:
        place: where it lies.
        image_size: longest side of the working images in pixels.
        recent: keeps working images; may be shared with other scenes.
        largest_photograph: longest side in pixels of what encoders and operators see.

    Raises:
        UserError: the scene cannot be used; the message begins with its name.
    """

    def __init__(
        self,
        place: ScenePlace,
        image_size: int,
        recent: RecentItems[Tensor] | None = None,
        largest_photograph: int = LARGEST_PHOTOGRAPH,
    ) -> None:
        self.name, self.folder, self.place = place.name, place.folder, place
        self._largest_photograph = largest_photograph
        splits = read_splits(place)
        self.train_outputs, self.eval_outputs = splits.train, splits.held_out
        self._recent = RecentItems[Tensor](RECENT_BYTES) if recent is None else recent
        train, held_out = InputDataset(splits.train), InputDataset(splits.held_out)
        self.training = list(range(len(train)))
        known = same_file_indices(train.image_filenames)
        self._images = [(train, index) for index in self.training]
        self.held_out: list[int] = []
        for index, file in enumerate(held_out.image_filenames):
            if Path(file) in known:  # split "all": it is a training view as well
                self.held_out.append(known[Path(file)])
                continue
            self.held_out.append(len(self._images))
            self._images.append((held_out, index))
        self._lenses = [lens_of(data.cameras, index, self.name) for data, index in self._images]
        self.views = self._ideal_views(image_size)
        files = [data._dataparser_outputs.mask_filenames for data, _ in self._images]
        self.masks = SceneMasks(
            place,
            [
                known[at] if known else None
                for known, (_, at) in zip(files, self._images, strict=True)
            ],
            self._lenses,
            (self.views.height, self.views.width),
            self._recent,
        )

    def __len__(self) -> int:
        return len(self._images)

    def _ideal_views(self, image_size: int) -> PinholeViews:
        """Cameras of the working images."""
        height, width = working_size(self._lenses, image_size)
        matrices = np.stack([ideal_intrinsics(lens) for lens in self._lenses])
        own = np.array([[lens.width, lens.height, 1.0] for lens in self._lenses])
        matrices = matrices * (np.array([width, height, 1.0]) / own)[:, :, None]
        poses = torch.stack([data.cameras.camera_to_worlds[at] for data, at in self._images])
        rotations = nearest_rotation(poses[:, :, :3].double())  # those in files are rounded
        rigid = torch.cat([rotations, poses[:, :, 3:].double()], dim=2)
        rotation, translation = world_to_camera_cv(rigid)
        world_to_camera = torch.eye(4, dtype=torch.float64).repeat(len(poses), 1, 1)
        world_to_camera[:, :3, :3], world_to_camera[:, :3, 3] = rotation, translation
        intrinsics = torch.from_numpy(matrices).float()
        return PinholeViews(intrinsics, world_to_camera.float(), height, width)

    def check(self) -> None:
        """Read every photograph and mask once, to find damaged ones.

        Raises:
            UserError: as `check_split` and `SceneMasks` say; the message begins with the scene's name.
        """
        try:
            check_split(self.train_outputs, "train")
            check_split(self.eval_outputs, "eval")
        except UserError as error:
            raise UserError(f"scene {self.name}: {error}") from error
        self.masks.check(self.training)

    @property
    def digest(self) -> str:
        """Hexadecimal; differs when anything does that anchors and volumes are made from."""
        content = hashlib.sha256(self.views.intrinsics.numpy().tobytes())
        content.update(self.views.world_to_camera_cv.numpy().tobytes())
        content.update(f"{self.views.height} {self.views.width} {self.training}".encode())
        files = [
            file for view in range(len(self)) for file in (self.file(view), self._depth_file(view))
        ]
        for file in (*files, *self.masks.files, points_file(self.place)):
            if file is not None:
                status = file.stat()
                stamp = f"{file.name} {status.st_size} {status.st_mtime_ns}\n"
                content.update(stamp.encode())
        for dataset in {id(data): data for data, _ in self._images}.values():
            behind = dataset._dataparser_outputs.alpha_color
            content.update(f"{_depth_unit(dataset)} {behind}".encode())
        known = self.train_outputs.metadata.get("points3D_xyz", torch.zeros(0))
        content.update(f"{len(known)} {known.double().sum(dim=0).tolist()}".encode())
        return content.hexdigest()

    def file(self, view: int) -> Path:
        """The photograph's file."""
        dataset, index = self._images[view]
        return Path(dataset.image_filenames[index])

    def image(self, view: int) -> Float[Tensor, "3 height width"]:
        """Working image, RGB in [0, 1]; of a large photograph a copy is kept in the user's cache.

        What the mask leaves out has the colours of the nearest pixels that count.
        """
        key = (self.folder, self.views.height, self.views.width, view)
        return self._recent.get(key, lambda: self._working_image(view))

    def _working_image(self, view: int) -> Float[Tensor, "3 height width"]:
        height, width = self.views.height, self.views.width
        lens, read = self._lenses[view], partial(self._read, view, height, width)
        if is_large(lens, height, width):
            variant = f"{height} x {width} {lens} {image_source(*self._images[view]).variant}"
            folder = scene_cache_folder("images", self.folder)
            return self.masks.filled(view, kept_copy(folder, self.file(view), variant, read))
        return self.masks.filled(view, read())

    def masked_views(self, views: list[int]) -> PinholeViews:
        """Cameras of some views that know which of their pixels count."""
        return replace(self.views[views], valid=self.masks.stacked(views))

    def source_views(self, views: list[int]) -> SourceViews:
        """Some views as something else is made of them."""
        return SourceViews(self.masked_views(views), self.images(views))

    def images(self, views: list[int]) -> Float[Tensor, "views 3 height width"]:
        """Working images of some views."""
        return torch.stack([self.image(view) for view in views])

    def photograph_size(self, view: int) -> tuple[int, int]:
        """Height and width of what `photograph` returns."""
        lens = self._lenses[view]
        scale = min(1.0, self._largest_photograph / max(lens.height, lens.width))
        return max(1, round(lens.height * scale)), max(1, round(lens.width * scale))

    def photograph(self, view: int) -> Float[Tensor, "3 photo_height photo_width"]:
        """The undistorted photograph in its own resolution, up to the largest."""
        return self._read(view, *self.photograph_size(view))

    def _read(self, view: int, height: int, width: int) -> Float[Tensor, "3 rows columns"]:
        dataset, index = self._images[view]
        try:
            pixels = load_rgb(dataset, index).permute(1, 2, 0).numpy()
        except UserError as error:
            raise UserError(f"scene {self.name}: {error}") from error
        except (OSError, SyntaxError, ValueError) as error:
            raise UserError(
                f"scene {self.name}: image {self.file(view)} cannot be read ({error}); restore it"
            ) from error
        resized = ideal_pixels(pixels, self._lenses[view], height, width)
        return torch.from_numpy(resized).permute(2, 0, 1).clamp(0, 1).contiguous()

    def depth(self, view: int) -> Float[Tensor, "height width"] | None:
        """Depth along the optical axis in scene units, 0 where unknown or masked; None if the scene has none.

        Raises:
            UserError: its file, or the mask, cannot be read.
        """
        file = self._depth_file(view)
        if file is None:
            return None
        dataset, _ = self._images[view]
        unit = _depth_unit(dataset)
        lens = self._lenses[view]
        try:
            with _READING_DEPTH:
                found = read_depth(file, *undistorted_size(lens), unit)
        except (OSError, ValueError, cv2.error) as error:
            raise UserError(
                f"scene {self.name}: depth {file} cannot be read; restore it"
            ) from error
        pixels = undistorted(found, lens, nearest=True)
        size = (self.views.width, self.views.height)
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST_EXACT)
        known = np.isfinite(small) & (small > 0) & self.masks.valid(view).numpy()
        return torch.from_numpy(np.where(known, small, np.float32(0)))

    def _depth_file(self, view: int) -> Path | None:
        dataset, index = self._images[view]
        files = dataset.metadata.get("depth_filenames")
        return Path(files[index]) if files else None

    def feature_source(self, view: int) -> ImageSource:
        """The photograph as encoders shall see it."""
        dataset, index = self._images[view]
        source, lens = image_source(dataset, index), self._lenses[view]
        height, width = self.photograph_size(view)
        changed = not lens.is_ideal or (height, width) != (lens.height, lens.width)
        return ImageSource(
            path=source.path,
            height=height,
            width=width,
            load=partial(self.photograph, view),
            variant=source.variant + (f" undistorted to {width} x {height} {lens}" * changed),
        )

    def feature_maps(self, encoder: MapMaker, store_root: Path) -> StoredMaps:
        """The encoder's maps of all views, in their order; those not stored yet are made now.

        Args:
            encoder: what encodes.
            store_root: folder of this scene's stores.
        """
        sources = [self.feature_source(view) for view in range(len(self))]
        return extract(encoder, sources, store_root, scene=self.folder.resolve().name)

    @property
    def cloud(self) -> PointCloud | None:
        """Points on surfaces that come with the scene, in the world.

        Raises:
            UserError: their file is damaged.
        """
        metadata = self.train_outputs.metadata
        found, colours = metadata.get("points3D_xyz"), metadata.get("points3D_rgb")
        if found is None or len(found) == 0:
            return self._saved_points
        return PointCloud(found[:, :3].double(), None if colours is None else colours.float() / 255)

    @cached_property
    def _saved_points(self) -> PointCloud | None:
        return saved_points(self.place, self.train_outputs)


def _depth_unit(dataset: InputDataset) -> float:
    """Scene units of one step of depth images, the host's default where the dataset does not say."""
    unit = dataset.metadata.get("depth_unit_scale_factor", 1e-3)
    return unit * dataset._dataparser_outputs.dataparser_scale
