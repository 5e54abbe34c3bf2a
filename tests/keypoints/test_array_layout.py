"""Layouts of arrays: types, shapes, sides that arrays share."""

import numpy as np
import pytest

from condense_ns.keypoints.array_layout import ANY, UnsoundArraysError, check_layout, in_layout

LAYOUT = {
    "places": ("<f4", ("points", 3)),
    "numbers": ("<i4", ("points",)),
    "vectors": ("<f2", ("points", ANY)),
}


def arrays(**changed):
    found = {
        "places": np.zeros((4, 3)),
        "numbers": np.arange(4),
        "vectors": np.ones((4, 7)),
    }
    return in_layout({**found, **changed}, LAYOUT)


def test_arrays_in_their_types_fit_and_tell_their_lengths():
    assert check_layout(arrays(), LAYOUT) == {"points": 4}
    assert {name: array.dtype.str for name, array in arrays().items()} == {
        name: dtype for name, (dtype, _) in LAYOUT.items()
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"numbers": np.arange(5)}, r"numbers has the shape \(5,\)"),
        ({"places": np.zeros((4, 2))}, r"places has the shape \(4, 2\)"),
        ({"places": np.zeros(4)}, r"places has the shape \(4,\)"),
        ({"vectors": np.full((4, 2), 1e9)}, "vectors holds NaN or infinity"),
        ({"places": np.full((4, 3), np.nan)}, "places holds NaN or infinity"),
    ],
)
def test_other_shapes_and_numbers_are_named(changed, message):
    with pytest.raises(UnsoundArraysError, match=message):
        check_layout(arrays(**changed), LAYOUT)


def test_other_names_types_and_lengths_are_named():
    found = arrays()
    with pytest.raises(UnsoundArraysError, match="vectors is missing"):
        check_layout({name: found[name] for name in ("places", "numbers")}, LAYOUT)
    with pytest.raises(UnsoundArraysError, match="more is unknown"):
        check_layout({**found, "more": found["numbers"]}, LAYOUT)
    with pytest.raises(UnsoundArraysError, match="numbers holds int64 instead of <i4"):
        check_layout({**found, "numbers": np.arange(4)}, LAYOUT)
    with pytest.raises(UnsoundArraysError, match="places has the shape"):
        check_layout(found, LAYOUT, {"points": 5})
