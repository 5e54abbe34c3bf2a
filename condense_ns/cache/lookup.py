"""Features of a scene's images at any pixels, read from a store as they are asked for."""

import zlib

import torch
from jaxtyping import Float, Int
from torch import Tensor

from condense_ns.cache.compression import PcaBasis
from condense_ns.cache.index import StoredEntry
from condense_ns.cache.mapped_matrix import MappedMatrix
from condense_ns.cache.store_error import StoreError
from condense_ns.geometry.interpolation import bilinear_cells


class StoredMaps:
    """Maps in the order of a dataset; images and maps may all differ in size.

    Args:
        matrix: the cells of the store.
        entries: one per image; images of equal content share one.
        image_sizes: height and width in pixels of each image.
        basis: how cells are compressed, or None.
    """

    def __init__(
        self,
        matrix: MappedMatrix,
        entries: list[StoredEntry],
        image_sizes: list[tuple[int, int]],
        basis: PcaBasis | None = None,
    ) -> None:
        self._matrix, self._entries, self._basis = matrix, entries, basis
        self._first_rows = torch.tensor([entry.first_row for entry in entries])
        self._grids = torch.tensor([[entry.rows, entry.columns] for entry in entries])
        pixels = torch.tensor(image_sizes, dtype=torch.float32)
        self._cells_per_pixel = (self._grids / pixels).flip(-1)  # (x, y)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._entries)

    def features(
        self, images: Int[Tensor, " queries"], pixels_xy: Float[Tensor, "queries 2"]
    ) -> Float[Tensor, "queries channels"]:
        """Features at continuous pixel coordinates (first centre 0.5), bilinear, on the CPU.

        Args:
            images: position of each query's image in the dataset.
            pixels_xy: (x, y) in that image's own pixels.
        """
        images, pixels_xy = images.cpu(), pixels_xy.cpu()
        rows, columns = self._grids[images].unbind(dim=1)
        cells, weights = bilinear_cells(pixels_xy * self._cells_per_pixel[images], rows, columns)
        stored = self._matrix.gather((cells + self._first_rows[images, None]).flatten())
        corners = stored.float().reshape(*cells.shape, stored.shape[1])
        return self._decompressed(torch.einsum("qk,qkc->qc", weights, corners))

    def map(self, image: int) -> Float[Tensor, "rows columns channels"]:
        """The whole map of one image, on the CPU.

        Raises:
            StoreError: its bytes are not those that were stored.
        """
        entry = self._entries[image]
        stored = self._matrix.read(entry.first_row, entry.end_row)
        if zlib.crc32(stored.numpy().tobytes()) != entry.checksum:
            raise StoreError(
                f"the stored features of {entry.image} are damaged; delete the feature store and "
                "run again, it will be rebuilt"
            )
        return self._decompressed(stored.float().reshape(entry.rows, entry.columns, -1))

    def sample(self, count: int, generator: torch.Generator) -> Float[Tensor, "count channels"]:
        """Cells drawn with equal chance from all maps, with replacement."""
        ends = self._grids.prod(dim=1).cumsum(dim=0)
        draws = torch.randint(int(ends[-1]), (count,), generator=generator)
        images = torch.searchsorted(ends, draws, right=True)
        starts = ends - self._grids.prod(dim=1)
        rows = self._first_rows[images] + draws - starts[images]
        return self._decompressed(self._matrix.gather(rows).float())

    def _decompressed(
        self, cells: Float[Tensor, "*cells width"]
    ) -> Float[Tensor, "*cells channels"]:
        return cells if self._basis is None else self._basis.reconstruct(cells)
