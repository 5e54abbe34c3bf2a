"""Something numbered that is made in a thread while the one before is in use."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")


class ReadAhead(Generic[Item]):
    """Hands out item after item; the next one is being made meanwhile.

    Args:
        make: item of a number; asked from one thread at a time.
    """

    def __init__(self, make: Callable[[int], Item]) -> None:
        self._make = make
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._ahead: tuple[int, Future[Item]] | None = None

    def __call__(self, number: int) -> Item:
        """The item of that number, at once if it is the one after the last."""
        if self._ahead is not None and self._ahead[0] == number:
            future = self._ahead[1]
        else:
            future = self._thread.submit(self._make, number)
        item = future.result()
        self._ahead = (number + 1, self._thread.submit(self._make, number + 1))
        return item
