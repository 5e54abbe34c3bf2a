"""Which pairs of views are drawn."""

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.pipelines.photo_detector import Prior
from condense_ns.pipelines.sparse_pipeline import SparsePipeline
from condense_ns.pipelines.view_pairs import ViewPairs
from tests.sparse_run import VIEWS, SparseRun
from tests.training import SURROUNDINGS

TURNED = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
"""Half a turn about the camera's own y axis."""


@pytest.fixture
def pipeline(sparse_run: SparseRun) -> SparsePipeline:
    """A run of its own, whose cameras may be turned."""
    return sparse_run.load()


def pairs_of(pipeline: SparsePipeline) -> ViewPairs:
    return ViewPairs(pipeline.model, pipeline.datamanager, SURROUNDINGS, Prior("shi-tomasi", "cpu"))


def turn(pipeline: SparsePipeline, view: int) -> None:
    """Let a view look the other way."""
    poses = pipeline.datamanager.train_dataset.cameras.camera_to_worlds
    poses[view, :, :3] = poses[view, :, :3] @ TURNED


def drawn(pipeline: SparsePipeline, times: int = 300) -> list[tuple[int, int]]:
    """Numbers of the views of many pairs."""
    pairs, generator = pairs_of(pipeline), torch.Generator().manual_seed(0)
    poses = pipeline.datamanager.train_dataset.cameras.camera_to_worlds
    found = []
    for _ in range(times):
        a, b = (
            int((poses - view.projection.camera_to_world).abs().sum(dim=(1, 2)).argmin())
            for view in pairs.draw(generator)
        )
        found.append((a, b))
    return found


def test_neighbours_are_drawn_and_no_view_with_itself(pipeline: SparsePipeline):
    found = drawn(pipeline)
    assert {a for a, _ in found} == {b for _, b in found} == set(range(VIEWS))
    assert all(a != b for a, b in found)
    assert any(abs(a - b) == 1 for a, b in found)


def test_views_from_very_different_sides_are_not_drawn(pipeline: SparsePipeline):
    assert max(abs(a - b) for a, b in drawn(pipeline)) < VIEWS - 1  # 120 degrees apart


def test_views_that_look_away_are_never_drawn(pipeline: SparsePipeline):
    turn(pipeline, 2)
    turn(pipeline, 12)
    found = drawn(pipeline)
    assert not {2, 12} & {view for pair in found for view in pair}


def test_draws_depend_on_the_generator_alone(pipeline: SparsePipeline):
    assert drawn(pipeline, 20) == drawn(pipeline, 20)


def test_a_view_holds_what_the_head_needs(pipeline: SparsePipeline):
    view, _ = pairs_of(pipeline).draw(torch.Generator().manual_seed(0))
    head = pipeline.model.keypoint_head
    assert view.image.shape[1:] == view.prior_logits.shape
    assert max(view.image.shape) == head.image_size
    maps = head(view.image, view.feature_map, view.prior_logits)
    assert maps.score_logits.shape == view.image.shape[1:]
    assert torch.allclose(view.camera.camera_to_worlds[0], view.projection.camera_to_world)


def test_views_that_share_nothing_are_told(pipeline: SparsePipeline):
    dataset = pipeline.datamanager.train_dataset
    dataset.cameras = dataset.cameras[torch.tensor([0, 8])]
    turn(pipeline, 1)
    with pytest.raises(UserError, match=r"no two training photographs of .* see the same places"):
        pairs_of(pipeline)


def test_a_single_view_is_told(pipeline: SparsePipeline):
    dataset = pipeline.datamanager.train_dataset
    dataset.cameras = dataset.cameras[torch.tensor([0])]
    with pytest.raises(UserError, match="no two training photographs"):
        pairs_of(pipeline)
