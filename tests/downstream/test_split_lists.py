"""Lists that contradict each other, or the files."""

import pytest

from condense_ns.downstream.split_lists import check_lists
from condense_ns.errors import UserError


def test_lists_that_fit_are_taken(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    check_lists("set", ["a"], ["b"], "get it", lambda name: tmp_path / name)


def test_what_is_in_both_lists_is_named():
    told = "set lists b for training and for testing; take it off one list, or get it"
    with pytest.raises(UserError, match=told):
        check_lists("set", ["a", "b"], ["c", "b"], "get it")


@pytest.mark.parametrize(("train", "test"), [(["a", "gone"], ["b"]), (["a"], ["b", "gone"])])
def test_what_is_not_there_is_named(tmp_path, train, test):
    for name in ("a", "b"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"set lists gone, but .*gone is not there; take it off"):
        check_lists("set", train, test, "get it", lambda name: tmp_path / name)
