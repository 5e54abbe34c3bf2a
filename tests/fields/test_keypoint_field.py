"""Scores lie in [0, 1], start low, and can be learned where the scene is."""

import pytest
import torch
from nerfstudio.field_components.encodings import HashEncoding
from nerfstudio.field_components.spatial_distortions import SceneContraction

from condense_ns.fields.keypoint_field import START, KeypointField

BOX = torch.tensor([[-1.0, -2.0, -4.0], [3.0, 2.0, 4.0]])
LOW = torch.sigmoid(torch.tensor(START))


def field(spatial_distortion=None):
    torch.manual_seed(0)
    grid = HashEncoding(
        num_levels=3,
        min_res=4,
        max_res=16,
        log2_hashmap_size=8,
        features_per_level=2,
        implementation="torch",
    )
    return KeypointField(BOX, spatial_distortion, grid)


def inside(*shape):
    generator = torch.Generator().manual_seed(1)
    return BOX[0] + (BOX[1] - BOX[0]) * torch.rand(*shape, 3, generator=generator)


def test_before_training_few_places_are_keypoints():
    scores = field()(inside(500))
    assert scores.shape == (500,)
    assert (scores - LOW).abs().max() < 0.05


def test_scores_are_probabilities_whatever_the_weights():
    made = field()
    torch.nn.init.normal_(made.trunk.grid.hash_table, std=10.0)
    torch.nn.init.normal_(made.logit.weight, std=10.0)
    scores = made(inside(500))
    assert scores.min() >= 0.0
    assert scores.max() <= 1.0
    assert scores.std() > 0.1


def test_outside_the_box_a_score_is_that_of_the_bias():
    made = field()
    torch.nn.init.normal_(made.trunk.grid.hash_table)
    outside = torch.tensor([[3.1, 0.0, 0.0], [0.0, -2.1, 0.0], [0.0, 0.0, 1e9]])
    assert torch.allclose(made(outside), LOW.expand(3))
    far = field(SceneContraction(order=float("inf")))
    torch.nn.init.normal_(far.trunk.grid.hash_table)
    assert (far(outside) != LOW).any()


@pytest.mark.parametrize("shape", [(), (0,), (4, 3), (2, 3, 4)])
def test_any_shape_of_positions_keeps_its_shape(shape):
    made = field()
    torch.nn.init.normal_(made.trunk.grid.hash_table)
    positions = inside(*shape)
    scores = made(positions)
    assert scores.shape == shape
    flat = made(positions.reshape(-1, 3)).reshape(shape)
    assert torch.allclose(scores, flat, atol=1e-6)


def test_a_place_can_be_learned():
    made, positions = field(), inside(40)
    wanted = (torch.arange(40) % 2).float()
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy(made(positions), wanted)
        loss.backward()
        optimizer.step()
    assert ((made(positions) > 0.5).float() == wanted).float().mean() > 0.9


def test_gradients_are_finite_at_saturated_scores_and_outside():
    made = field()
    torch.nn.init.constant_(made.logit.bias, 1000.0)
    made(torch.cat([inside(5), torch.full((2, 3), 1e9)])).sum().backward()
    for weight in made.parameters():
        assert weight.grad is None or weight.grad.isfinite().all()


def test_the_box_is_no_part_of_a_checkpoint():
    assert not any("aabb" in name for name in field().state_dict())
