"""Features of pixels against a loop that looks at one query at a time."""

import math

import pytest
import torch

from condense_ns.cache.compression import fit_pca
from condense_ns.cache.lookup import StoredMaps
from condense_ns.cache.store import FeatureStore, NewMap, StoreIdentity
from condense_ns.cache.store_error import StoreError

IMAGE_SIZES = [(60, 80), (33, 17), (60, 80), (5, 200)]  # height, width
GRIDS = [(6, 8), (5, 3), (1, 1), (2, 9)]  # rows, columns
CHANNELS = 3


@pytest.fixture
def maps():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*grid, CHANNELS, generator=generator).half().float() for grid in GRIDS]


def stored(folder, maps, order, image_sizes, basis=None):
    width = maps[0].shape[-1] if basis is None else basis.basis.shape[1]
    store = FeatureStore(folder, StoreIdentity("fake", "ab", width, "room"))
    for number, feature_map in enumerate(maps):
        cells = feature_map if basis is None else basis.project(feature_map)
        store.append([NewMap(str(number), f"{number}.png", cells)])
    entries = store.index.entries()
    chosen = [entries[str(number)] for number in order]
    return StoredMaps(store.matrix(), chosen, image_sizes, basis), store


def slow_feature(feature_map, image_size, x, y):
    """Bilinear interpolation between cell centres, written out for one pixel."""
    rows, columns = len(feature_map), len(feature_map[0])
    column = min(max(x * columns / image_size[1] - 0.5, 0.0), columns - 1.0)
    row = min(max(y * rows / image_size[0] - 0.5, 0.0), rows - 1.0)
    total = torch.zeros(CHANNELS)
    for r in range(rows):
        for c in range(columns):
            share = max(0.0, 1 - abs(r - row)) * max(0.0, 1 - abs(c - column))
            total += share * feature_map[r, c]
    return total


def test_a_pixel_between_two_cells_gets_their_mean(tmp_path):
    two_cells = torch.tensor([[[1.0, 0.0, 8.0], [3.0, 0.0, -8.0]]])  # left and right half
    lookup, _ = stored(tmp_path, [two_cells], [0], [(10, 20)])
    pixels = torch.tensor([[10.0, 5.0], [5.0, 0.5], [15.0, 9.5], [0.5, 5.0], [7.5, 1.0]])
    found = lookup.features(torch.zeros(5, dtype=torch.long), pixels)
    expected = [[2.0, 0, 0], [1.0, 0, 8], [3.0, 0, -8], [1.0, 0, 8], [1.5, 0, 4]]
    assert torch.allclose(found, torch.tensor(expected))


def test_images_and_maps_may_all_differ_in_size(tmp_path, maps):
    order = [2, 0, 3, 1, 0]  # not the order of the store, and one map twice
    sizes = [IMAGE_SIZES[number] for number in order]
    lookup, _ = stored(tmp_path, maps, order, sizes)
    assert len(lookup) == 5
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(5, (200,), generator=generator)
    scale = torch.tensor([[width, height] for height, width in sizes])[images]
    pixels = torch.rand(200, 2, generator=generator) * 1.2 * scale - 0.1 * scale  # some outside
    found = lookup.features(images, pixels)
    for image, (x, y), feature in zip(images.tolist(), pixels.tolist(), found, strict=True):
        expected = slow_feature(maps[order[image]], sizes[image], x, y)
        assert torch.allclose(feature, expected, atol=2e-4), (image, x, y)


def test_no_queries_give_no_features(tmp_path, maps):
    lookup, _ = stored(tmp_path, maps, [0, 1], IMAGE_SIZES[:2])
    assert lookup.features(torch.zeros(0, dtype=torch.long), torch.zeros(0, 2)).shape == (0, 3)


def test_a_whole_map_is_what_was_stored(tmp_path, maps):
    lookup, _ = stored(tmp_path, maps, [3, 1], [IMAGE_SIZES[3], IMAGE_SIZES[1]])
    assert torch.equal(lookup.map(0), maps[3])
    assert torch.equal(lookup.map(1), maps[1])


def test_damaged_bytes_are_told_with_the_image(tmp_path, maps):
    lookup, store = stored(tmp_path, maps, [0, 1], IMAGE_SIZES[:2])
    with store.matrix_file.open("r+b") as stream:
        stream.seek(2 * CHANNELS * math.prod(GRIDS[0]) + 7)
        byte = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([byte[0] ^ 1]))
    assert torch.equal(lookup.map(0), maps[0])
    with pytest.raises(StoreError, match=r"features of 1\.png are damaged.*run again"):
        lookup.map(1)


def test_samples_come_from_its_own_maps_with_equal_chance_per_cell(tmp_path):
    numbered = [torch.full((*grid, 1), float(number)) for number, grid in enumerate(GRIDS)]
    lookup, _ = stored(tmp_path, numbered, [1, 3], [IMAGE_SIZES[1], IMAGE_SIZES[3]])
    sample = lookup.sample(3300, torch.Generator().manual_seed(0))
    assert sample.shape == (3300, 1)
    counts = {number: int((sample == number).sum()) for number in range(len(GRIDS))}
    assert counts[0] == counts[2] == 0
    assert counts[1] == pytest.approx(1500, abs=120)  # 15 of 33 cells; four standard deviations
    again = lookup.sample(3300, torch.Generator().manual_seed(0))
    assert torch.equal(sample, again)


def test_samples_reach_every_cell(tmp_path, maps):
    cells = torch.arange(15.0).reshape(5, 3, 1)
    lookup, _ = stored(tmp_path, [cells + 100, cells], [1], [(33, 17)])
    sample = lookup.sample(1000, torch.Generator().manual_seed(0))
    assert set(sample.flatten().tolist()) == set(range(15))


def test_compressed_features_come_back_in_full_width(tmp_path, maps):
    flat = [torch.cat([part, part.sum(dim=-1, keepdim=True)], dim=-1) for part in maps]
    basis = fit_pca(flat, 3)  # loses nothing: the fourth channel is the sum of the others
    lookup, _ = stored(tmp_path / "small", flat, [0, 1], IMAGE_SIZES[:2], basis)
    whole, _ = stored(tmp_path / "whole", flat, [0, 1], IMAGE_SIZES[:2])
    images, pixels = torch.tensor([0, 1, 1]), torch.tensor([[3.0, 50.0], [9.0, 30.0], [0.5, 0.5]])
    found = lookup.features(images, pixels)
    assert torch.allclose(found, whole.features(images, pixels), atol=1e-2)
    assert torch.allclose(lookup.map(1), flat[1], atol=1e-2)
    drawn, expected = (
        part.sample(50, torch.Generator().manual_seed(0)) for part in (lookup, whole)
    )
    assert torch.allclose(drawn, expected, atol=1e-2)
