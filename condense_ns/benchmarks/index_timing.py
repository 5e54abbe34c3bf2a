"""How long something takes, by the clock and by the processor, again and again.

On a machine that has other things to do the clock tells more of those than of what is measured; the
processor's time, of all threads together, hardly does.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


class Timing:
    """Collects times of repetitions."""

    def __init__(self) -> None:
        self._clock: list[float] = []
        self._processor: list[float] = []

    @contextmanager
    def repetition(self) -> Iterator[None]:
        """Times what is done within."""
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self._clock.append(time.perf_counter() - clock)
        self._processor.append(time.process_time() - processor)

    def figures(self) -> dict[str, float]:
        """Medians and 95 % quantiles in milliseconds."""
        return {
            "p50 ms": 1e3 * float(np.quantile(self._clock, 0.5)),
            "p95 ms": 1e3 * float(np.quantile(self._clock, 0.95)),
            "cpu p50 ms": 1e3 * float(np.quantile(self._processor, 0.5)),
            "cpu p95 ms": 1e3 * float(np.quantile(self._processor, 0.95)),
        }
