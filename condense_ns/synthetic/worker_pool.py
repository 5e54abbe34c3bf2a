"""The same work on many things, in several processes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def done_in_order(
    work: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[Iterator[Result]]:
    """Results in the order of the items; what is not needed any more is cancelled at the end.

    Args:
        work: must be importable if there are workers.
        items: what it is done on.
        workers: processes; 0 works in this one.
    """
    if not workers or not items:
        yield map(work, items)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield pool.map(work, items)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
