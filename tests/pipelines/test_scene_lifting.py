"""What a lifted map and a lifted answer are mixed from."""

import weakref
from pathlib import Path

import pytest
import torch

from condense_ns.lifting.network_file import SHIPPED, load_network
from condense_ns.lifting.view_rendering import render_answers
from condense_ns.operators.base import Shares
from condense_ns.operators.rgb import RgbOperator
from condense_ns.operators.shifted_encoding import shifted_encode
from condense_ns.pipelines.scene_lifting import LiftedView, SceneLifter, open_scene
from condense_ns.pipelines.surface_finder import SurfaceFinder
from tests.data.changed_scenes import copied, resize_frames

CELLS = 16


class Painting(RgbOperator):
    """Lifts coarse colours; paints the brightest of the map all over the picture."""

    def __init__(self, painted_share: float = 0.0, rendered_share: float = 0.0):
        super().__init__("rgb", image_size=CELLS)
        self.painted_share, self.rendered_share = painted_share, rendered_share

    def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
        return feature_map.amax(dim=(0, 1)).expand(*image.shape[-2:], 3).contiguous()


@pytest.fixture(scope="module")
def lifter(tabletop: Path, tmp_path_factory: pytest.TempPathFactory) -> SceneLifter:
    scene = open_scene(tabletop, 64)
    return SceneLifter(load_network(SHIPPED), scene, 3, tmp_path_factory.mktemp("maps"))


@pytest.fixture(scope="module")
def view(lifter: SceneLifter) -> LiftedView:
    return lifter.render(lifter.camera(0), exclude=[0])


def test_a_share_of_the_map_is_that_of_the_rendered_picture(lifter: SceneLifter, view: LiftedView):
    alone, mixed = Painting(), Painting(rendered_share=0.25)
    blended = lifter.blend(alone, view)
    assert blended.shape == (12, CELLS, 3)
    assert torch.equal(lifter.lift(alone, view), blended)
    own = shifted_encode(alone, view.sharp, view.picture)
    assert (view.sharp - view.picture).abs().mean() > 1e-3
    assert (view.rendered.accumulation > 0).all()
    believed = lifter.blend(mixed, view, own=own)
    torch.testing.assert_close(lifter.lift(mixed, view), 0.75 * believed + 0.25 * own)
    assert (believed - own).square().mean() < 0.9 * (blended - own).square().mean()


def test_what_no_source_sees_is_left_out_of_the_map(lifter: SceneLifter, view: LiftedView):
    rendered = view.rendered
    unlit = type(rendered)(
        torch.ones_like(rendered.rgb), rendered.depth, torch.zeros_like(rendered.accumulation)
    )
    dark = LiftedView(view.look, view.sources, unlit)
    operator = Painting(rendered_share=0.5)
    own = shifted_encode(operator, dark.sharp, dark.picture)
    assert torch.equal(lifter.lift(operator, dark), lifter.blend(operator, dark, own=own))


def test_nothing_is_painted_where_no_source_sees(lifter: SceneLifter, view: LiftedView):
    rendered = view.rendered
    seen = rendered.accumulation.clone()
    seen[:, :8] = 0
    partly = LiftedView(
        view.look, view.sources, type(rendered)(rendered.rgb, rendered.depth * seen, seen)
    )
    plain = lifter.lifted_answer(Painting(), partly).answer
    found = lifter.lifted_answer(Painting(painted_share=0.5), partly).answer
    torch.testing.assert_close(found[:, :8], plain[:, :8])
    assert (found[:, 8:] - plain[:, 8:]).abs().mean() > 1e-3


def test_a_share_of_the_answer_is_painted_in_the_sources(lifter: SceneLifter, view: LiftedView):
    plain = lifter.lifted_answer(Painting(), view)
    mixed = lifter.lifted_answer(Painting(painted_share=0.25), view)
    brightest = torch.stack(
        [lifter.maps(Painting()).map(source).amax(dim=(0, 1)) for source in view.sources]
    )
    painted = brightest[:, None, None].expand(-1, 48, 64, -1).contiguous()
    depth = view.rendered.depth[..., 0]
    expected = render_answers(lifter.network, view.look, painted, depth)
    torch.testing.assert_close(mixed.answer, 0.75 * plain.answer + 0.25 * expected)
    least, most = brightest.amin(dim=0) - 1e-5, brightest.amax(dim=0) + 1e-5
    assert ((expected >= least) & (expected <= most)).all()  # in the convex hull of the sources'
    assert torch.equal(mixed.picture, mixed.answer.permute(2, 0, 1))


class Enlarging(Painting):
    """Paints twice as tall and as wide."""

    def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().decode(feature_map, image).repeat(2, 2, 1)


def test_enlarged_answers_are_mixed_at_their_own_size(lifter: SceneLifter, view: LiftedView):
    operators = Painting(painted_share=0.5), Enlarging(painted_share=0.5)
    operators[1].spec = "enlarging"
    small, large = (lifter.lifted_answer(operator, view) for operator in operators)
    assert large.answer.shape == (96, 128, 3)
    assert large.picture.shape == (3, 96, 128)
    pooled = torch.nn.functional.avg_pool2d(large.picture, 2)
    assert (pooled - small.picture).abs().mean() < 0.02


def test_answers_of_sources_are_painted_once(lifter: SceneLifter, view: LiftedView):
    calls = []

    class Counting(Painting):
        def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
            calls.append(image.shape)
            return super().decode(feature_map, image)

    operator = Counting(painted_share=0.5)
    operator.spec = "counted"
    for _ in range(2):
        lifter.lifted_answer(operator, view)
    assert len(calls) == len(view.sources) + 2


def test_maps_are_decoded_where_they_change_and_paintings_mixed_anew(
    lifter: SceneLifter, view: LiftedView
):
    calls = []

    class Counting(Painting):
        def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
            calls.append(feature_map)
            return super().decode(feature_map, image)

    operator = Counting(painted_share=0.5, rendered_share=0.25)
    operator.spec = "mixtures"
    parts = lifter.parts(operator, view)
    shares = [Shares(0.25, 0.5), Shares(0.25, 0.1), Shares(0.75, 0.1), Shares(0.25, 0.5)]
    expected = [parts.mixed(operator, some) for some in shares]
    calls.clear()
    for one, other in zip(parts.mixtures(operator, shares), expected, strict=True):
        assert torch.equal(one.answer, other.answer)
        assert torch.equal(one.feature_map, other.feature_map)
    assert len(calls) == 3
    assert not torch.equal(expected[0].answer, expected[1].answer)


def test_an_answer_is_kept_by_none_that_mixes_or_compares(lifter: SceneLifter, view: LiftedView):
    """It may be a long feature for every pixel."""
    operator = Painting(rendered_share=0.25)
    mixtures = lifter.parts(operator, view).mixtures(operator, [Shares(0.25), Shares(0.5)])
    answered = next(mixtures)
    told, answer = answered.told, weakref.ref(answered.answer)
    del answered
    assert answer() is None
    assert torch.equal(told.feature_map, lifter.lift(operator, view))


def test_photographs_of_several_sizes_are_lifted_together(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "scene")
    resize_frames(folder, {1: (48, 36), 2: (32, 24), 5: (64, 64)})
    scene = open_scene(folder, 64)
    lifter = SceneLifter(load_network(SHIPPED), scene, 6, tmp_path / "maps")
    operator = Painting(painted_share=0.5, rendered_share=0.25)
    sizes = {scene.photograph_size(source) for source in range(len(scene))}
    assert len({operator.grid_size(*size) for size in sizes}) > 1
    for target in range(3):
        seen = lifter.render(lifter.camera(target), exclude=[target])
        answered = lifter.lifted_answer(operator, seen)
        assert answered.answer.shape == (scene.views.height, scene.views.width, 3)
        assert answered.answer.isfinite().all()


def test_depth_of_views_without_depth_images(tabletop: Path, monkeypatch: pytest.MonkeyPatch):
    """Found with the others at half the size, and zero where it is not known."""
    scene = open_scene(tabletop, 64)
    lifter = SceneLifter(load_network(SHIPPED), scene, 3)
    known = scene.depth(1)
    assert known is not None
    assert torch.equal(lifter.depth(1), known)
    monkeypatch.setattr(scene, "depth", lambda view: None)
    found = torch.full((24, 32), 2.0)
    found[3, 5] = torch.inf
    looked_at = []

    def depth(self: SurfaceFinder, view: int, allowed: list[int]) -> torch.Tensor:
        looked_at.append((view, allowed))
        return found

    monkeypatch.setattr(SurfaceFinder, "depth", depth)
    depths = lifter.depth(1)
    assert depths.shape == (48, 64)
    assert (depths[6:8, 10:12] == 0).all()
    assert (depths == 2).sum() == 48 * 64 - 4
    assert looked_at == [(1, scene.training)]


def test_what_is_excluded_is_no_source_and_what_is_no_candidate_is_not_looked_at(
    lifter: SceneLifter, monkeypatch: pytest.MonkeyPatch
):
    looked_at, found = [], SurfaceFinder.source_views

    def noted(self: SurfaceFinder, views: list[int], allowed: list[int]):
        looked_at.append((views, allowed))
        return found(self, views, allowed)

    monkeypatch.setattr(SurfaceFinder, "source_views", noted)
    few = lifter.scene.training[:5]
    lifter.render(lifter.camera(few[0]), few, exclude=[few[0]])
    assert few[0] not in looked_at[0][0]
    assert looked_at[0][1] == few
    lifter.render(lifter.camera(few[0]), few[1:])
    assert looked_at[1] == (looked_at[0][0], few[1:])
