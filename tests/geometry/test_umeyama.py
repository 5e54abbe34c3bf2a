"""The best similarity between points."""

import torch

from condense_ns.geometry.umeyama import similarities
from tests.keypoints.made_up_set import random_similarity


def test_a_quarter_turn_with_doubling_and_shift():
    source = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    target = torch.tensor([[5.0, 0, 0], [5, 2, 0], [3, 0, 0]], dtype=torch.float64)
    rotation, translation, scale = similarities(source, target)
    turn = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)
    assert torch.allclose(rotation, turn)
    assert torch.allclose(translation, torch.tensor([5.0, 0, 0], dtype=torch.float64))
    assert torch.allclose(scale, torch.tensor(2.0, dtype=torch.float64))


def test_many_similarities_at_once_come_back():
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(7, 10, 3, generator=generator, dtype=torch.float64)
    moves = [random_similarity(generator) for _ in range(7)]
    moved = torch.stack([move.points(part) for move, part in zip(moves, points, strict=True)])
    rotations, translations, scales = similarities(points, moved)
    for number, move in enumerate(moves):
        assert torch.allclose(rotations[number], move.rotation)
        assert torch.allclose(translations[number], move.translation)
        assert abs(float(scales[number]) - move.scale) < 1e-9


def test_a_mirror_image_gets_a_rotation_all_the_same():
    points = torch.randn(9, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rotation, _, _ = similarities(points, points * torch.tensor([-1.0, 1, 1]))
    assert torch.allclose(torch.linalg.det(rotation), torch.tensor(1.0, dtype=torch.float64))


def test_no_other_similarity_is_better():
    generator = torch.Generator().manual_seed(2)
    source = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    target = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    rotation, translation, scale = similarities(source, target)

    def error(turn: torch.Tensor, shift: torch.Tensor, size: torch.Tensor) -> float:
        return float((size * source @ turn.T + shift - target).square().sum())

    least = error(rotation, translation, scale)
    for _ in range(50):
        wiggle = torch.randn(3, generator=generator, dtype=torch.float64) * 0.05
        zero = wiggle.new_zeros(())
        cross = torch.stack([zero, -wiggle[2], wiggle[1], wiggle[2], zero, -wiggle[0]])
        skew = torch.cat([cross, torch.stack([-wiggle[1], wiggle[0], zero])]).reshape(3, 3)
        turn = torch.linalg.matrix_exp(skew) @ rotation
        assert error(turn, translation + wiggle, scale * (1 + wiggle[0])) >= least


def test_points_in_one_place_stay_finite():
    source = torch.zeros(3, 3, dtype=torch.float64)
    for part in similarities(source, source + 1.0):
        assert torch.isfinite(part).all()
