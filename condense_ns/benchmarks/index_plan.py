"""What an installation of many scenes needs, computed from the figures of `index_scaling.py`.

Sizes per scene do not depend on the number of scenes and are taken from the largest index that was
measured, as is the time to add one. The processor's time of a search grows with the power of the number of
scenes that fits the measured ones. That of making the vector index grows with the power 1.5: every one of n
vectors is compared with all of the square root of n parts.
"""

import math
from collections.abc import Sequence
from typing import Any

from condense_ns.benchmarks.index_scaling import growth, raw_bytes
from condense_ns.errors import UserError

BUILD_POWER = 1.5
SPARE = 1.3
"""Storage and memory are planned so much larger than they are needed."""
MEMORY_OF_A_PROCESS = 2e9
"""Bytes beside the vector index: Python, torch, LanceDB's own."""
READER_CORES = 2
"""Of a machine that answers."""
SECONDS_A_DAY = 86_400.0


def plan(
    rows: Sequence[dict[str, float]], scenes: int, queries_per_second: float
) -> dict[str, Any]:
    """Storage, memory, time and machines.

    Args:
        rows: of `scaling_row`, two of different size at least.
        scenes: of the installation.
        queries_per_second: photographs that are to be answered.

    Raises:
        UserError: fewer than two sizes were measured.
    """
    if len({row["scenes"] for row in rows}) < 2:
        raise UserError(
            "a plan needs figures of two numbers of scenes at least; measure more --scales"
        )
    largest = max(rows, key=lambda row: row["scenes"])
    times = scenes / largest["scenes"]
    query = largest["cpu p50 ms"] / 1e3 * times ** max(0.0, growth(rows, "cpu p50 ms"))
    build = largest["cpu s to build"] * times**BUILD_POWER
    memory = SPARE * largest["kB in vector index"] * 1e3 * scenes + MEMORY_OF_A_PROCESS
    readers = max(1, math.ceil(queries_per_second * query / READER_CORES))
    return {
        "scenes": scenes,
        "measured up to": int(largest["scenes"]),
        "raw descriptors, GB": raw_bytes(scenes) / 1e9,
        "storage, GB": SPARE * largest["kB per scene"] * 1e3 * scenes / 1e9,
        "memory of a reader, GB": memory / 1e9,
        "processor time of a query, ms": 1e3 * query,
        f"readers of {READER_CORES} cores for {queries_per_second:g} queries/s": readers,
        "processor days to add all": largest["cpu ms to add"] / 1e3 * scenes / SECONDS_A_DAY,
        "processor days to build the vector index": build / SECONDS_A_DAY,
    }
