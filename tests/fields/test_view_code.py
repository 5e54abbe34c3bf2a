"""Direction and distance as numbers."""

import math

import torch

from condense_ns.fields.view_code import DIM, view_code


def test_first_harmonics_and_logarithm_by_hand():
    code = view_code(
        torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), torch.tensor([[1.0], [math.e]])
    )
    assert code.shape == (2, DIM)
    assert torch.allclose(code[:, 0], torch.full((2,), 0.5 / math.sqrt(math.pi)), atol=1e-4)
    assert torch.allclose(code[:, -1], torch.tensor([0.0, 1.0]))
    assert not torch.allclose(code[0, 1:4], code[1, 1:4])


def test_a_surface_at_the_camera_gives_finite_numbers():
    assert view_code(torch.tensor([[0.0, 1.0, 0.0]]), torch.zeros(1, 1)).isfinite().all()
