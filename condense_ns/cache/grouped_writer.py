"""Maps written to a store in groups, beside the work that makes them.

Syncing to the disk costs the same for one map as for many. A killed process has at most one group to
make again.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from condense_ns.cache.store import FeatureStore, NewMap

GROUP_SECONDS = 1.0
GROUP_MAPS = 16


class GroupedWriter:
    """A context in which maps are added; when it is left, even by an error, all are stored."""

    def __init__(self, store: FeatureStore) -> None:
        self.store = store
        self._waiting: list[NewMap] = []
        self._flushed = time.perf_counter()
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._writing: Future[None] = self._thread.submit(store.append, [])

    def add(self, new: NewMap) -> None:
        """Take a map, to be stored with its group.

        Raises:
            StoreError: the group before could not be stored.
        """
        self._waiting.append(new)
        late = time.perf_counter() - self._flushed > GROUP_SECONDS
        if late or len(self._waiting) == GROUP_MAPS:
            self._flush()

    def __enter__(self) -> "GroupedWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._thread:
            self._flush()
            self._writing.result()

    def _flush(self) -> None:
        """Wait for the group before, begin to store this one."""
        self._writing.result()
        self._writing = self._thread.submit(self.store.append, self._waiting)
        self._waiting, self._flushed = [], time.perf_counter()
