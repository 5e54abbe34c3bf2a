"""Pixels into URIs and back; outlines by hand and against a walk along every edge."""

import re

import numpy as np
import pytest

from condense_ns.errors import UserError
from condense_ns.report.images import (
    LARGEST_SIDE,
    ReportError,
    check_mask,
    check_pixels,
    film_uri,
    labels_uri,
    outline_path,
    photograph_uri,
    spotlight,
)
from tests.report.reading import decoded, durations, is_one_sentence, plain

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 40), (20, 40, 210)


def random_mask(size, seed=0):
    return np.random.default_rng(seed).random(size) < 0.5


def gradient(height, width):
    rows, columns = np.mgrid[:height, :width]
    return np.stack(
        [255 * rows // height, 255 * columns // width, 255 - 255 * rows // height], axis=2
    ).astype(np.uint8)


def test_outlines_by_hand():
    one = np.zeros((3, 4), bool)
    one[1, 2] = True
    assert outline_path(one) == "M2 1h1M2 2h1M2 1v1M3 1v1"
    assert outline_path(np.ones((2, 3), bool)) == "M0 0h3M0 2h3M0 0v2M3 0v2"
    diagonal = np.eye(2, dtype=bool)
    assert outline_path(diagonal) == "M0 0h1M0 1h2M1 2h1M0 0v1M1 0v2M2 1v1"
    assert outline_path(np.zeros((5, 5), bool)) == ""


def test_a_hole_has_an_outline_of_its_own():
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    assert outline_path(ring) == "M0 0h3M1 1h1M1 2h1M0 3h3M0 0v3M1 1v1M2 1v1M3 0v3"


def edges_of(path):
    """Every edge of a pixel that a path draws: its upper or left end, and its direction."""
    edges = []
    for x, y, direction, length in re.findall(r"M(\d+) (\d+)([hv])(\d+)", path):
        for step in range(int(length)):
            across, down = (step, 0) if direction == "h" else (0, step)
            edges.append((int(x) + across, int(y) + down, direction))
    return edges


def slow_edges(mask):
    """Every edge between a pixel inside and one outside, pixel by pixel."""
    height, width = mask.shape

    def inside(row, column):
        return 0 <= row < height and 0 <= column < width and bool(mask[row, column])

    edges = []
    for row in range(height + 1):
        for column in range(width + 1):
            here = inside(row, column)
            if here != inside(row - 1, column):
                edges.append((column, row, "h"))
            if here != inside(row, column - 1):
                edges.append((column, row, "v"))
    return edges


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 12)])
@pytest.mark.parametrize("seed", range(3))
def test_outlines_agree_with_a_walk_along_every_edge(size, seed):
    mask = random_mask(size, seed)
    path = outline_path(mask)
    assert re.fullmatch(r"(M\d+ \d+[hv][1-9]\d*)*", path)
    assert sorted(edges_of(path)) == sorted(slow_edges(mask))


def test_a_mask_can_be_told_from_its_outline():
    mask = random_mask((8, 11))
    filled = np.zeros_like(mask)
    for x, y, direction in edges_of(outline_path(mask)):
        if direction == "v":
            filled[y, x:] ^= True
    assert (filled == mask).all()


def test_photographs_come_back_nearly_the_same():
    pixels = gradient(60, 80)
    image = decoded(photograph_uri(pixels))
    assert (image.format, image.size) == ("WEBP", (80, 60))
    difference = np.asarray(image.convert("RGB"), int) - pixels.astype(int)
    assert np.abs(difference).mean() < 2.0


def test_only_photographs_that_are_too_large_become_smaller():
    assert decoded(photograph_uri(gradient(12, 2 * LARGEST_SIDE))).size == (LARGEST_SIDE, 6)
    assert decoded(photograph_uri(gradient(LARGEST_SIDE, 3))).size == (3, LARGEST_SIDE)
    assert decoded(photograph_uri(gradient(1, 1))).size == (1, 1)


def test_labels_come_back_exactly_at_any_size():
    pixels = np.random.default_rng(0).integers(0, 256, (3, LARGEST_SIDE + 20, 3), dtype=np.uint8)
    image = decoded(labels_uri(pixels))
    assert image.format == "PNG"
    assert (np.asarray(image) == pixels).all()


def test_films_come_back_frame_by_frame():
    colours = (RED, GREEN, BLUE)
    image = decoded(film_uri([plain(20, 30, colour) for colour in colours], 4.0))
    assert (image.format, image.size, image.info["loop"]) == ("WEBP", (30, 20), 0)
    assert durations(image) == [250, 250, 250]
    for index, colour in enumerate(colours):
        image.seek(index)
        pixels = np.asarray(image.convert("RGB"), int)
        assert np.abs(pixels - np.array(colour)).max() < 12


def test_a_film_that_stands_still_lasts_as_long():
    frames = [plain(8, 8, RED)] * 3 + [plain(8, 8, BLUE)]
    assert sum(durations(decoded(film_uri(frames, 10.0)))) == 400


def test_films_of_one_frame_too_fast_and_too_large():
    assert decoded(film_uri([plain(8, 8, RED)], 5.0)).size == (8, 8)
    assert durations(decoded(film_uri([plain(8, 8, RED), plain(8, 8, BLUE)], 5000.0))) == [1, 1]
    wide = [plain(4, 17000, colour) for colour in (RED, BLUE)]  # more than WebP can hold
    assert decoded(film_uri(wide, 5.0)).size == (LARGEST_SIDE, 1)


def test_the_spotlight_by_hand():
    pixels = np.array([[[90, 150, 60], [90, 150, 60], [255, 255, 255], [0, 0, 0]]], np.uint8)
    before = pixels.copy()
    lit = spotlight(pixels, np.array([[True, False, False, False]]))
    # 0.32 of the mean and 14: 100 -> 46, 255 -> 95.6, 0 -> 14
    assert lit.tolist() == [[[90, 150, 60], [46, 46, 46], [96, 96, 96], [14, 14, 14]]]
    assert lit.dtype == np.uint8
    assert (pixels == before).all()


def test_the_spotlight_leaves_and_greys_all():
    pixels = gradient(6, 5)
    assert (spotlight(pixels, np.ones((6, 5), bool)) == pixels).all()
    dark = spotlight(pixels, np.zeros((6, 5), bool))
    assert (dark[..., 0] == dark[..., 1]).all()
    assert (dark[..., 0] == dark[..., 2]).all()
    assert dark.max() < 100


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        ([[0, 0, 0]], "the view must be a numpy array, not a list"),
        (np.zeros((2, 2, 3), np.float32), "bytes (uint8, 0 to 255), not float32"),
        (np.zeros((2, 2), np.uint8), "the shape (height, width, 3), not (2, 2)"),
        (np.zeros((2, 2, 4), np.uint8), "not (2, 2, 4)"),
        (np.zeros((0, 2, 3), np.uint8), "not (0, 2, 3)"),
    ],
)
def test_what_is_no_picture_is_refused(pixels, told):
    with pytest.raises(ReportError, match=re.escape(told)) as caught:
        check_pixels(pixels, "the view")
    assert is_one_sentence(caught.value)
    assert isinstance(caught.value, UserError)


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        ([[True]], "the truth must be a numpy array of booleans, not list"),
        (np.ones((4, 5), np.uint8), "booleans, not uint8"),
        (np.ones((5, 4), bool), "the truth has the shape (5, 4), its picture (4, 5)"),
        (np.ones((4, 5, 1), bool), "(4, 5, 1)"),
    ],
)
def test_what_is_no_mask_for_a_picture_is_refused(mask, told):
    with pytest.raises(ReportError, match=re.escape(told)) as caught:
        check_mask(mask, plain(4, 5, RED), "the truth")
    assert is_one_sentence(caught.value)


def test_good_pixels_and_masks_pass():
    check_pixels(plain(1, 1, RED), "a picture")
    check_mask(np.ones((4, 5), bool), plain(4, 5, RED), "a mask")
