"""Views on a ring are near those beside them; of two that stand together, looking apart counts."""

import torch

from condense_ns.keypoints.near_views import near_views
from condense_ns.keypoints.triangulation import Viewpoints
from tests.keypoints.looking_ring import ring


def test_on_a_ring_the_nearest_are_those_beside():
    near = near_views(ring(16), torch.full((16,), 4.0, dtype=torch.float64), 3)
    for view in range(16):
        assert near[view].nonzero()[:, 0].tolist() == sorted(
            {(view - 1) % 16, view, (view + 1) % 16}
        )


def test_the_nearest_view_is_the_view_itself():
    assert torch.equal(near_views(ring(5), torch.ones(5).double(), 1), torch.eye(5).bool())


def test_few_views_are_all_near():
    assert near_views(ring(4), torch.zeros(4, dtype=torch.float64), 4).all()


def test_one_that_looks_back_is_farther_than_one_that_stands_elsewhere():
    ahead = torch.eye(3, dtype=torch.float64)
    back = torch.diag(torch.tensor([-1.0, 1.0, -1.0], dtype=torch.float64))
    shifts = torch.tensor([[0.0, 0, 0], [0, 0, 0], [-1, 0, 0]], dtype=torch.float64)
    views = Viewpoints(torch.stack([ahead, back, ahead]), shifts, torch.ones(3).double())
    near = near_views(views, torch.full((3,), 5.0, dtype=torch.float64), 2)
    assert near[0].tolist() == [True, False, True]
