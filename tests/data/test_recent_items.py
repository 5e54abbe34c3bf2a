"""A bounded memory."""

import torch

from condense_ns.data.recent_items import RecentItems

BYTES = 3 * 4 * 5 * 4


def image(value: float) -> torch.Tensor:
    return torch.full((3, 4, 5), value)


def test_what_was_read_lately_is_not_read_again():
    recent, reads = RecentItems(10 * BYTES), []
    for _ in range(3):
        found = recent.get("a", lambda: reads.append(1) or image(0.5))
    assert len(reads) == 1
    assert torch.equal(found, image(0.5))


def test_the_oldest_leaves_first_and_memory_stays_bounded():
    recent = RecentItems(2 * BYTES)
    for key in ("a", "b", "a", "c"):  # b was not asked for since a
        recent.get(key, lambda: image(0.0))
    assert len(recent) == 2
    again = []
    recent.get("a", lambda: again.append("a") or image(0.0))
    recent.get("b", lambda: again.append("b") or image(0.0))
    assert again == ["b"]


def test_an_image_larger_than_the_bound_is_still_handed_out():
    recent = RecentItems(1)
    assert torch.equal(recent.get("a", lambda: image(1.0)), image(1.0))
    recent.get("b", lambda: image(0.0))
    assert len(recent) == 1
