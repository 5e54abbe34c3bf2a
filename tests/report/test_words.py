"""Tables and the marks in them, by hand."""

import pytest

from condense_ns.report.images import ReportError
from condense_ns.report.words import Commands, Prose, Table, best_cells, spread, without_folders
from tests.report.reading import is_one_sentence

ROWS = (("ours", "0.5", "3 s"), ("theirs", "0.50", "2 s"), ("mine", "0.4", "2 s"))
RULES = ("neither", "higher", "lower")


def best_row(rule, *cells):
    """Rows of the best cells in a table of one column."""
    return [row for row, _ in best_cells(tuple((cell,) for cell in cells), (rule,))]


def test_spread_is_the_mean_and_the_deviation_of_a_sample():
    assert spread([0.5]) == "0.500"
    assert spread([0.4, 0.6]) == "0.500 ± 0.141"
    assert spread([1.0, 2.0, 3.0], 0) == "2 ± 1"
    assert spread([0.4, float("nan"), 0.6]) == "0.500 ± 0.141"
    assert spread([float("nan")]) == ""


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("segment:models/net.tflite", "segment:net.tflite"),
        ("features:onnx:/a/b/net.onnx#12", "features:onnx:net.onnx#12"),
        ("annotations", "annotations"),
    ],
)
def test_titles_name_no_folders(spec, told):
    assert without_folders(spec) == told


def test_best_cells_by_hand_with_all_that_are_equal():
    assert best_cells(ROWS, RULES) == ((0, 1), (1, 1), (1, 2), (2, 2))
    assert best_cells(ROWS, ("neither", "lower", "higher")) == ((2, 1), (0, 2))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("9", "10"),
        ("-4", "-3"),
        ("\N{MINUS SIGN}4", "\N{MINUS SIGN}3"),
        ("\N{MINUS SIGN}1", "+0.5"),
        ("900", "1,200"),
        ("2e-4", "1e-3"),
        ("0.71 ± 0.20", "0.72 ± 0.01"),
        ("12 %", "30%"),
        ("0.9\N{MULTIPLICATION SIGN}", "1.1\N{MULTIPLICATION SIGN}"),
    ],
)
def test_numbers_are_compared_as_they_are_printed(low, high):
    assert best_row("higher", low, high) == [1]
    assert best_row("lower", low, high) == [0]


def test_what_is_no_number_is_left_out():
    # 1.5k and 40M would be compared without their thousands and millions.
    for nothing in ("", "\N{EN DASH}", "-", "n/a", "nan", "3D", "1.5k", "40M", "1.2.3", "about 3"):
        assert best_row("higher", nothing, "0.1") == [1]
        assert best_row("lower", nothing, "900") == [1]
        assert best_row("higher", nothing, nothing) == []


def test_columns_without_a_rule_and_tables_without_rows():
    assert best_cells(ROWS, ("neither",) * 3) == ()
    assert best_cells(ROWS, ("neither", "higher")) == ((0, 1), (1, 1))
    assert best_cells((), RULES) == ()


def test_the_order_of_rows_does_not_matter():
    marked = {(ROWS[row][0], column) for row, column in best_cells(ROWS, RULES)}
    for order in ((1, 2, 0), (2, 1, 0)):
        rows = tuple(ROWS[row] for row in order)
        assert {(rows[row][0], column) for row, column in best_cells(rows, RULES)} == marked


def test_columns_of_numbers():
    rows = (
        ("1", "0.5", "3D", "7 s", "", "1"),
        ("2", "\N{EN DASH}", "2D", "\N{MINUS SIGN}3 s", "", "one"),
    )
    table = Table("Scores", ("run", "a", "b", "c", "d", "e"), rows)
    assert table.numeric == [False, True, False, True, False, False]
    assert Table("Empty", ("run", "a"), ()).numeric == [False, False]


def test_marks_within_the_table_are_kept():
    table = Table("Scores", ("run", "a", "b"), ROWS, best=best_cells(ROWS, RULES), ours=(0, 2))
    assert table.best == ((0, 1), (1, 1), (1, 2), (2, 2))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"rows": (("ours", "1"),)}, "“Scores” has 3 columns, but a row of 2 cells: ours, 1"),
        ({"rows": (*ROWS, ())}, "a row of 0 cells"),
        ({"best": ((3, 0),)}, "“Scores” marks cells that it does not have"),
        ({"best": ((0, 3),)}, "marks cells"),
        ({"best": ((-1, 0),)}, "marks cells"),
        ({"ours": (3,)}, "marks cells"),
        ({"ours": (-1,)}, "marks cells"),
    ],
)
def test_tables_that_do_not_fit_together_are_refused(fields, told):
    with pytest.raises(ReportError, match=told) as caught:
        Table("Scores", ("run", "a", "b"), **{"rows": ROWS, **fields})
    assert is_one_sentence(caught.value)


def test_prose_has_nothing_beside_its_paragraphs():
    assert Prose("Words", ("one", "two")).text == ""
    assert Commands("Again", ("ls",)).text == ""
