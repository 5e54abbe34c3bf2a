"""Results come in the order of the items, and nothing is worked on in vain."""

import math
import operator
import time

import pytest

from condense_ns.synthetic.worker_pool import done_in_order


@pytest.mark.parametrize("workers", [0, 2])
def test_results_come_in_the_order_of_the_items(workers):
    with done_in_order(operator.neg, range(20), workers) as results:
        assert list(results) == [-number for number in range(20)]


def test_a_slow_item_does_not_lose_its_place():
    with done_in_order(time.sleep, [0.3, 0.0, 0.0], 2) as results:
        assert list(results) == [None, None, None]
    with done_in_order(math.factorial, [3000, 1, 2], 2) as results:
        assert [result < 10 for result in results] == [False, True, True]


@pytest.mark.parametrize("workers", [0, 2])
def test_without_items_there_are_no_results(workers):
    with done_in_order(operator.neg, [], workers) as results:
        assert list(results) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_the_work_arrives(workers):
    with done_in_order(math.sqrt, [4.0, -1.0], workers) as results:
        assert next(results) == 2.0
        with pytest.raises(ValueError, match=r"math domain|nonnegative"):
            next(results)


def test_without_workers_an_item_is_worked_on_when_its_result_is_wanted():
    done = []
    with done_in_order(done.append, [1, 2, 3], 0) as results:
        assert done == []
        next(results)
        assert done == [1]


def test_who_leaves_early_does_not_wait_for_the_rest():
    with done_in_order(time.sleep, [0.0, *[0.4] * 100], 1) as results:
        next(results)
        left = time.monotonic()
    assert time.monotonic() - left < 8  # and not 40 seconds


def test_an_error_of_the_caller_ends_the_work_too():
    left = 0.0

    def leave_by_an_error():
        nonlocal left
        with done_in_order(time.sleep, [0.0, *[0.4] * 100], 1) as results:
            next(results)
            left = time.monotonic()
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        leave_by_an_error()
    assert time.monotonic() - left < 8
