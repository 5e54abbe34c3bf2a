"""Images that were read lately, within a bound of memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from jaxtyping import Float
from torch import Tensor


class RecentImages:
    """The images asked for last; safe for several threads.

    Args:
        limit_bytes: together they take no more, save a single one that is larger.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._bytes = limit_bytes, 0
        self._images: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._images)

    def get(
        self, key: Hashable, read: Callable[[], Float[Tensor, "3 height width"]]
    ) -> Float[Tensor, "3 height width"]:
        """The image of that key, read if it is not among the recent ones."""
        with self._lock:
            if key in self._images:
                self._images.move_to_end(key)
                return self._images[key]
        image = read()
        with self._lock:
            if key not in self._images:
                self._images[key] = image
                self._bytes += image.nbytes
            while self._bytes > self._limit and len(self._images) > 1:
                _, oldest = self._images.popitem(last=False)
                self._bytes -= oldest.nbytes
        return image
