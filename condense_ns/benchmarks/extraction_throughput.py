"""Extraction into a store against the bare encoder on images that are in memory already."""

import tempfile
import time
from pathlib import Path

from condense_ns.cache.extraction import ImageSource, extract
from condense_ns.encoders.base import ImageEncoder

ROUNDS = 4


def extraction_throughput(encoder: ImageEncoder, sources: list[ImageSource]) -> dict[str, float]:
    """Images per second of both, interleaved, each its best round.

    The bare encoder gets decoded images; extraction also reads and decodes files, writes, and syncs
    the disk after every map.
    """
    images = [source.load() for source in sources]
    encoder.encode(images[0][None])
    bare, stored = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for image in images:
            encoder.encode(image[None])
        bare.append(time.perf_counter() - start)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            extract(encoder, sources, Path(folder), "benchmark")
            stored.append(time.perf_counter() - start)
    count = len(images)
    return {
        "images": count,
        "bare_images_per_s": count / min(bare),
        "extraction_images_per_s": count / min(stored),
        "ratio": min(bare) / min(stored),
    }
