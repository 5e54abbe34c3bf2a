"""The next item is made while the last one is in use."""

import threading
import time

import pytest

from condense_ns.data.read_ahead import ReadAhead


def test_items_are_those_of_their_numbers_in_any_order():
    read = ReadAhead(lambda number: number * 10)
    assert [read(number) for number in (0, 1, 2, 7, 3, 3, 4)] == [0, 10, 20, 70, 30, 30, 40]


def test_the_next_item_is_ready_before_it_is_asked_for():
    made, waiting = [], threading.Event()

    def make(number: int) -> int:
        made.append((number, threading.current_thread().name))
        if number == 1:
            waiting.set()
        return number

    read = ReadAhead(make)
    read(0)
    assert waiting.wait(timeout=5)
    assert read(1) == 1
    assert [number for number, _ in made].count(1) == 1
    assert all("read-ahead" in name for _, name in made)


def test_a_failure_is_told_when_its_item_is_asked_for():
    def make(number: int) -> int:
        if number == 1:
            raise ValueError("torn")
        return number

    read = ReadAhead(make)
    assert read(0) == 0
    time.sleep(0.05)
    with pytest.raises(ValueError, match="torn"):
        read(1)
    assert read(2) == 2
