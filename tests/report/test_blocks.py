"""Galleries, comparisons, films and queries: what they hold, what they refuse."""

import numpy as np
import pytest

from condense_ns.report.blocks import (
    Comparison,
    Film,
    Gallery,
    Queries,
    QueryStrip,
    Score,
)
from condense_ns.report.images import ReportError, spotlight
from condense_ns.report.picture import Picture
from tests.report.reading import decoded, durations, is_one_sentence, plain

VIEW = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
HEAT = 255 - VIEW
FOUND = VIEW[..., 0] > 128
TRUTH = VIEW[..., 1] > 128
A, B, C = (Picture(plain(6, width, (width, 0, 0)), f"{width} wide") for width in (8, 12, 10))


def film(count, frames_per_second=8.0):
    return Film("Round", tuple(plain(4, 6, (i, i, i)) for i in range(count)), frames_per_second)


def test_rows_of_a_gallery_by_hand():
    gallery = Gallery("Views", (A, None, B, C), columns=3)
    assert gallery.rows == [(A, None, B), (C,)]
    assert gallery.widest == 12
    assert Gallery("Views", (A, B, C), columns=1).rows == [(A,), (B,), (C,)]
    assert Gallery("Views", (A, B), columns=5).rows == [(A, B)]


def test_a_gallery_may_be_empty():
    assert Gallery("Views", (), columns=2).rows == []
    assert Gallery("Views", (), columns=2).widest == 0
    assert Gallery("Views", (None, None), columns=2).widest == 0


def test_headings_that_fit():
    gallery = Gallery("Views", (A, B, C), 2, "", ("left", "right"), ("first", "second"))
    assert len(gallery.rows) == len(gallery.row_headings)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"columns": 0}, "the gallery “Views” needs at least one column"),
        ({"column_headings": ("one",)}, "has 2 columns but headings for 1"),
        ({"column_headings": ("one", "two", "three")}, "has 2 columns but headings for 3"),
        ({"row_headings": ("one",)}, "has 2 rows but headings for 1"),
        ({"pictures": (), "row_headings": ("one",)}, "has 0 rows but headings for 1"),
    ],
)
def test_galleries_whose_headings_do_not_fit_are_refused(fields, told):
    with pytest.raises(ReportError, match=told) as caught:
        Gallery("Views", **{"pictures": (A, B, C), "columns": 2, **fields})
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize(
    ("pictures", "told"),
    [
        ((), "the comparison “Both” needs two pictures or more"),
        ((A,), "needs two pictures or more"),
        ((A, Picture(A.pixels)), "every picture of the comparison “Both” needs a caption"),
        ((A, B), r"the pictures of “Both” differ in size: \[\(6, 8\), \(6, 12\)\]"),
        ((A, A, Picture(plain(8, 6, (0, 0, 0)), "upright")), "differ in size"),
    ],
)
def test_comparisons_of_too_few_unnamed_or_unlike_pictures_are_refused(pictures, told):
    with pytest.raises(ReportError, match=told) as caught:
        Comparison("Both", pictures)
    assert is_one_sentence(caught.value)


def test_two_pictures_of_one_size_can_be_compared():
    assert Comparison("Both", (A, Picture(VIEW, "view"))).pictures[0] is A


@pytest.mark.parametrize(
    ("count", "chosen"),
    [
        (1, [0]),
        (4, [0, 1, 2, 3]),
        (6, [0, 1, 2, 3, 4, 5]),
        (7, [0, 1, 2, 3, 4, 5]),
        (24, [0, 4, 8, 12, 16, 20]),
    ],
)
def test_the_strip_of_a_film_is_evenly_spaced(count, chosen):
    made = film(count)
    assert [int(picture.pixels[0, 0, 0]) for picture in made.strip] == chosen
    assert made.still.pixels is made.frames[0]


def test_a_film_plays_all_its_frames_at_its_speed():
    made = Film("Round", (plain(4, 6, (0, 0, 0)), plain(4, 6, (255, 255, 255))), 12.5)
    image = decoded(made.uri)
    assert (image.size, durations(image)) == ((6, 4), [80, 80])
    assert np.asarray(image.convert("RGB")).min() > 245


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: film(0), "the film “Round” has no frames"),
        (lambda: film(2, 0.0), "“Round” must show more than 0 frames a second, not 0.0"),
        (lambda: film(2, -3.0), "not -3.0"),
        (lambda: film(2, float("nan")), "not nan"),
        (lambda: Film("Round", (VIEW, VIEW / 255.0), 8.0), "frame 1 of the film “Round” must hold"),
        (lambda: Film("Round", (VIEW, VIEW[:3]), 8.0), "the pictures of “Round” differ in size"),
    ],
)
def test_films_that_cannot_play_are_refused(made, told):
    with pytest.raises(ReportError, match=told) as caught:
        made()
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_scores_beyond_their_bar_are_refused(value):
    with pytest.raises(ReportError, match=r"score “field” must lie in \[0, 1\]") as caught:
        Score("field", value)
    assert is_one_sentence(caught.value)


def test_scores_reach_both_ends_of_their_bar():
    assert (Score("field", 0.0).value, Score("field", 1.0).value) == (0.0, 1.0)


def test_a_query_shows_view_relevancy_and_what_was_found():
    view, relevancy, found = QueryStrip("a mug", VIEW, HEAT, FOUND, TRUTH).pictures
    assert [view.caption, relevancy.caption] == ["View", "Relevancy"]
    assert found.caption == "Found, truth outlined"
    assert view.pixels is VIEW
    assert relevancy.pixels is HEAT
    assert (found.pixels == spotlight(VIEW, FOUND)).all()
    assert found.outline is TRUTH
    assert view.outline is None
    assert relevancy.outline is None


def test_a_query_without_truth_has_no_outline():
    found = QueryStrip("a mug", VIEW, HEAT, FOUND).pictures[2]
    assert (found.caption, found.outline) == ("Found", None)


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"view": VIEW / 255.0}, "the view of the query “a mug” must hold bytes"),
        ({"heat": HEAT[..., 0]}, "the heat of the query “a mug” must have the shape"),
        ({"heat": HEAT[:, :4]}, "the pictures of “a mug” differ in size"),
        ({"found": FOUND.astype(float)}, "the found region of the query “a mug” must be"),
        ({"found": FOUND[:2]}, "the found region of the query “a mug” has the shape"),
        ({"truth": TRUTH.T}, "the truth of the query “a mug” has the shape"),
    ],
)
def test_queries_whose_pictures_do_not_fit_are_refused(fields, told):
    with pytest.raises(ReportError, match=told) as caught:
        QueryStrip("a mug", **{"view": VIEW, "heat": HEAT, "found": FOUND, **fields})
    assert is_one_sentence(caught.value)


def test_there_may_be_no_queries():
    assert Queries("Asked", ()).strips == ()
