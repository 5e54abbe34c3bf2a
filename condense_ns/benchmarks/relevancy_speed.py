"""How long one query over a million features takes."""

import statistics
import time

import torch

from condense_ns.retrieval.relevancy import Query, relevancy

FEATURES, CHANNELS = 1_000_000, 64
NEGATIVES = 4
REPEATS = 15


@torch.no_grad()
def relevancy_speed() -> dict[str, float]:
    """Milliseconds of the rule `softmax` with four negatives over random features, on the CPU."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(FEATURES, CHANNELS, generator=generator)
    query = Query(
        encoder="random",
        positives=torch.randn(1, CHANNELS, generator=generator),
        negatives=torch.randn(NEGATIVES, CHANNELS, generator=generator),
        centre=torch.zeros(CHANNELS),
    )
    relevancy(features, query)
    milliseconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        relevancy(features, query)
        milliseconds.append(1e3 * (time.perf_counter() - start))
    return {
        "features": FEATURES,
        "channels": CHANNELS,
        "median_ms": statistics.median(milliseconds),
        "best_ms": min(milliseconds),
    }
