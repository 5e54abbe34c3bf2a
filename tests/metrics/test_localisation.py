"""Is the best pixel on the thing that was asked for?"""

import math

import pytest
import torch

from condense_ns.metrics.localisation import VISIBLE_SHARE, Localisation


def place_of(*pixels, size=(4, 5)):
    place = torch.zeros(size, dtype=torch.bool)
    for row, column in pixels:
        place[row, column] = True
    return place


def scores_with_best_at(row, column, size=(4, 5)):
    scores = torch.linspace(0, 0.5, size[0] * size[1]).view(size).clone()
    scores[row, column] = 0.9
    return scores


def test_two_questions_by_hand():
    found = Localisation()
    found.add(scores_with_best_at(1, 2), place_of((1, 2), (1, 3)))  # right; a tenth of the picture
    found.add(scores_with_best_at(0, 0), place_of((3, 4)))  # wrong; a twentieth
    assert found.questions == 2
    assert found.accuracy == 1 / 2
    assert found.chance == pytest.approx((2 / 20 + 1 / 20) / 2)


def test_a_thing_everywhere_is_always_found_and_chance_says_so():
    found = Localisation()
    found.add(torch.zeros(3, 3), torch.ones(3, 3, dtype=torch.bool))
    assert (found.accuracy, found.chance) == (1.0, 1.0)


def test_random_scores_do_as_well_as_chance():
    generator = torch.Generator().manual_seed(0)
    found = Localisation()
    place = place_of(*((row, column) for row in range(2) for column in range(5)))
    for _ in range(600):
        found.add(torch.rand(4, 5, generator=generator), place)
    assert found.chance == pytest.approx(0.5)
    assert found.accuracy == pytest.approx(0.5, abs=0.07)


def test_a_place_too_small_to_be_seen_is_not_asked_for():
    side = 20
    found = Localisation()
    found.add(torch.zeros(side, side), place_of((3, 3), size=(side, side)))  # 0.25 %
    assert found.questions == 0
    found.add(torch.zeros(side, side), place_of((3, 3), (3, 4), size=(side, side)))
    assert found.questions == 1
    assert found.chance == pytest.approx(VISIBLE_SHARE)


@pytest.mark.parametrize("size", [(4, 5), (0, 5)])
def test_without_a_question_there_is_no_number(size):
    found = Localisation()
    assert math.isnan(found.accuracy)
    assert math.isnan(found.chance)
    found.add(torch.zeros(size), torch.zeros(size, dtype=torch.bool))
    assert found.questions == 0
    assert math.isnan(found.accuracy)
