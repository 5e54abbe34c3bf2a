"""Slots: which examples a process makes, and which scenes it opens."""

import pytest

from condense_ns.data.example_draws import Slots, draw_generator

SCENES = [f"scene{number}" for number in range(7)]


@pytest.mark.parametrize(("ranks", "per_rank"), [(1, 6), (2, 3), (3, 2), (6, 1)])
def test_all_ranks_together_have_the_slots_of_one_process(ranks: int, per_rank: int):
    own = [slot for rank in range(ranks) for slot in Slots(rank, ranks, per_rank).own]
    assert own == list(range(6))
    alone = Slots(0, 1, 6)
    for rank in range(ranks):
        slots = Slots(rank, ranks, per_rank)
        for slot in slots.own:
            assert slots.share(SCENES, slot) == alone.share(SCENES, slot)


def test_ranks_share_the_scenes_without_overlap():
    shares = [Slots(rank, 3, 1).own_scenes(SCENES) for rank in range(3)]
    assert sorted(scene for share in shares for scene in share) == SCENES
    assert [len(share) for share in shares] == [3, 2, 2]


def test_fewer_scenes_than_slots_are_drawn_from_by_all():
    slots = Slots(3, 8, 1)
    assert slots.own_scenes(SCENES) == SCENES
    assert Slots(0, 1, 1).own_scenes(["one"]) == ["one"]


def test_draws_depend_on_seed_step_and_slot_alone():
    def numbers(*key: int) -> list[int]:
        return draw_generator(*key).integers(1 << 30, size=4).tolist()

    assert numbers(0, 5, 1) == numbers(0, 5, 1)
    different = {tuple(numbers(*key)) for key in ((0, 5, 1), (1, 5, 1), (0, 6, 1), (0, 5, 2))}
    assert len(different) == 4
