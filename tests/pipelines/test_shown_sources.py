"""What cameras of the shown scene are rendered from."""

import pytest

from condense_ns.geometry.source_views import SourceViews
from condense_ns.pipelines.surface_finder import SurfaceFinder
from tests.lift_run import LiftRun, opened


def test_the_photograph_that_is_rendered_is_not_looked_at(
    lift_run: LiftRun, monkeypatch: pytest.MonkeyPatch
):
    """Not even for the depth of its sources, and be it one of training."""
    pipeline = opened(lift_run)
    allowed_for: list[list[int]] = []
    found = SurfaceFinder.source_views

    def noted(self: SurfaceFinder, views: list[int], allowed: list[int]) -> SourceViews:
        allowed_for.append(list(allowed))
        return found(self, views, allowed)

    monkeypatch.setattr(SurfaceFinder, "source_views", noted)
    _, batch = pipeline.datamanager.next_train(0)
    example = batch["examples"][0]
    scene = pipeline.datamanager.opened(example.scene).scene
    around = pipeline._shown.of_example(example)
    assert around.sources.surfaces is not None
    assert len(around.sources) == len(example.source_numbers)
    assert allowed_for == [[view for view in scene.training if view != example.view]]
