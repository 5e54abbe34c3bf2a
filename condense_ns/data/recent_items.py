"""What was made lately, within a bound of memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, Protocol, TypeVar, runtime_checkable


@runtime_checkable
class Sized(Protocol):
    """What says how much memory it takes."""

    @property
    def nbytes(self) -> int:
        """Bytes."""
        ...


Item = TypeVar("Item", bound=Sized)


class RecentItems(Generic[Item]):
    """The items asked for last; safe for several threads.

    Args:
        limit_bytes: together they take no more, save a single one that is larger.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._bytes = limit_bytes, 0
        self._items: OrderedDict[Hashable, Item] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Hashable, make: Callable[[], Item]) -> Item:
        """The item of that key, made if it is not among the recent ones."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
        item = make()
        with self._lock:
            if key not in self._items:
                self._items[key] = item
                self._bytes += item.nbytes
            while self._bytes > self._limit and len(self._items) > 1:
                _, oldest = self._items.popitem(last=False)
                self._bytes -= oldest.nbytes
        return item
