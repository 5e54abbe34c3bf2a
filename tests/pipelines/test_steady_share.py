"""The share of the rendered picture that is settled for a scene."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from condense_ns.geometry.covisibility import mean_ray_angles
from condense_ns.lifting.network_file import load_network
from condense_ns.operators.base import Shares
from condense_ns.operators.rgb import RgbOperator
from condense_ns.pipelines.answer_pairs import (
    LONG,
    Pair,
    chosen_pairs,
    inconsistencies,
    mean_of,
    unlikenesses,
)
from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
from condense_ns.pipelines.steady_share import (
    MOST_PAINTED,
    STEP,
    TRIED,
    ShareSettler,
    Trial,
    certainty,
    no_farther_than,
    settled_of,
    shares_to_try,
    steadiness,
)
from condense_ns.pipelines.surface_finder import SurfaceFinder


class RgbWith(RgbOperator):
    """Coarse colours, in cells too small for pictures to be moved by a part of one."""

    def __init__(self, spec: str = "rgb", **attributes: object) -> None:
        super().__init__(spec, image_size=40)
        for name, value in attributes.items():
            setattr(self, name, value)


@pytest.mark.parametrize("least", [0.0, 0.33, 0.35, 0.97, 1.0])
def test_larger_and_larger_shares_of_the_rendered_picture_are_tried(least: float):
    tried = [shares.rendered for shares in shares_to_try(RgbWith(rendered_share=least))]
    assert (tried[0], tried[-1]) == (least, 1.0)
    steps = [more - less for less, more in pairwise(tried)]
    assert all(0 < step <= 1.5 * STEP for step in steps)


def test_of_what_is_painted_smaller_and_smaller_shares_are_tried():
    tried = shares_to_try(RgbWith(rendered_share=0.8, painted_share=0.5))
    assert {shares.rendered for shares in tried} == {0.8}
    painted = [shares.painted for shares in tried]
    assert (painted[0], painted[-1]) == (pytest.approx(MOST_PAINTED), 0.0)
    assert painted == sorted(painted, reverse=True)


def test_certainty_counts_standard_errors_of_the_mean():
    """0.1 in the mean, give or take 0.05 x sqrt(2) of two values: 0.05 of their mean."""
    assert certainty([0.15, 0.05]) == pytest.approx(2.0)
    assert certainty([-0.15, -0.05]) == pytest.approx(-2.0)
    assert certainty([0.1]) == certainty([0.0]) == certainty([0.2, 0.2]) == float("inf")
    assert certainty([-0.1]) == float("-inf")


def test_short_and_long_pairs_must_be_steady():
    """Short pairs: 0.1 below half of what is allowed, give or take 0.05 x sqrt(2)."""
    short, long = [Pair(0, 1, False, 2.0), Pair(2, 3, False, 2.0)], Pair(0, 4, True, 6.0)
    alone = dict.fromkeys([*short, long], 1.0)
    found = {short[0]: 0.35, short[1]: 0.45}
    assert steadiness(found, alone, 0.5) == pytest.approx(2.0)
    assert steadiness({**found, long: 0.5}, alone, 0.5) == pytest.approx(2.0)
    assert steadiness({**found, long: 0.51}, alone, 0.5) == float("-inf")
    assert steadiness({short[0]: 0.2, short[1]: 0.7}, alone, 0.5) == pytest.approx(0.2)
    assert steadiness({long: 0.2}, alone, 0.5) == float("inf")


def test_pairs_that_are_farther_apart_than_the_nearest_of_their_kind_are_left_out():
    nearest = [Pair(0, 1, False, 1.0), Pair(2, 3, False, 2.0), Pair(0, 2, True, 6.0)]
    pairs = [
        Pair(1, 2, False, 2.0),
        Pair(3, 4, False, 2.1),
        Pair(4, 1, True, 5.5),
        Pair(3, 1, True, 7.0),
    ]
    assert no_farther_than(nearest, pairs) == [pairs[0], pairs[2]]
    assert no_farther_than(nearest[:2], pairs) == pairs[:1]
    assert no_farther_than([], pairs) == []


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([(-3.0, -9.0)], 0),  # the steadiest in any case
        ([(-3.0, 9.0), (-4.0, 9.0)], 0),
        ([(5.0, -9.0), (2.0, -7.0), (1.0, -5.0), (0.9, -4.0)], 2),  # steady is all that can be had
        ([(0.5, -9.0), (1.5, -8.0)], 1),
        ([(5.0, -9.0), (0.9, -7.0), (1.5, -5.0)], 0),  # nothing beyond what is not steady
        ([(9.0, -1.0), (7.0, 1.0), (4.0, 3.0), (2.0, 6.0), (1.0, 8.0)], 2),  # both
        ([(9.0, -1.0), (0.4, 0.2), (0.1, 1.0)], 1),
        ([(9.0, 8.0), (7.0, 9.0)], 0),
    ],
)
def test_the_surest_of_both_is_settled_or_the_last_that_is_steady(trials, expected):
    tried = [Trial(Shares(number / 10), *trial) for number, trial in enumerate(trials)]
    assert settled_of(tried) == tried[expected].shares


@pytest.fixture(scope="module")
def lifter(tabletop: Path, tmp_path_factory: pytest.TempPathFactory) -> SceneLifter:
    scene = open_scene(tabletop, 64)
    return SceneLifter(load_network().eval(), scene, 3, tmp_path_factory.mktemp("maps"))


class Shaky(RgbWith):
    """Noise, too, that is another one for every picture."""

    def __init__(self, spec: str = "shaky", **attributes: object) -> None:
        super().__init__(spec, **attributes)
        self.fingerprint += "shaky"

    def encode(self, images):  # pyright: ignore[reportIncompatibleMethodOverride]
        seeds = [int(1e4 * float(image.double().mean())) for image in images]
        maps = super().encode(images)
        noise = [
            torch.randn(maps.shape[1:], generator=torch.Generator().manual_seed(s)) for s in seeds
        ]
        return maps + 0.3 * torch.stack(noise)


@pytest.fixture(scope="module")
def settler(lifter: SceneLifter) -> ShareSettler:
    return ShareSettler(lifter)


def test_pairs_that_are_tried_are_as_near_as_those_of_all(lifter: SceneLifter):
    many = lifter.scene.training
    usual = chosen_pairs(lifter, TRIED, many)
    for pair in usual:
        camera, other = lifter.camera(pair.first), lifter.camera(pair.second)
        angle = mean_ray_angles(lifter.anchors.points, camera, other)
        assert pair.angle == pytest.approx(float(angle))
        assert not pair.is_long or pair.angle >= LONG
    settler = ShareSettler(lifter, many)
    assert settler._shared
    for is_long in (False, True):
        farthest = max((pair.angle for pair in usual if pair.is_long == is_long), default=0.0)
        tried = [pair.angle for pair in settler._shared if pair.is_long == is_long]
        assert max(tried, default=0.0) <= farthest


def figures(
    settler: ShareSettler, lifter: SceneLifter, operator: RgbOperator, share: float | None
) -> tuple[float, float]:
    """Mean inconsistency over all pairs, and mean distance from what is said of the photographs.

    Args:
        settler: that rendered the photographs.
        lifter: of the scene.
        operator: in question.
        share: of the rendered picture; None for what the operator says of that alone.
    """
    alone, answers = {}, {}
    for view, found in settler._targets.items():
        own = lifter.working_map(operator, view)
        alone[view] = lifter.answer(operator, own, found.image)
        rendered = found.lifted.picture
        if share is None:
            of_rendered = operator.encode(rendered[None])[0]
            answers[view] = lifter.answer(operator, of_rendered, rendered)
        else:
            parts = lifter.parts(operator, found.lifted, trying=True)
            answers[view] = parts.mixed(operator, Shares(share))
    none = torch.zeros(3)
    apart = inconsistencies("picture", answers, settler._shared, none)
    unlike = unlikenesses("picture", answers, alone, none)
    return mean_of(list(apart.values())), mean_of(list(unlike.values()))


def test_what_is_settled_is_steady_and_like_the_photographs(
    lifter: SceneLifter, settler: ShareSettler
):
    coarse = Shaky(rendered_share=0.0)
    settled = settler.settle(coarse, 0.9)
    assert 0 < settled.rendered < 1
    assert lifter.shares(coarse) == settled
    photographs = {
        view: lifter.answer(coarse, lifter.working_map(coarse, view), found.image)
        for view, found in settler._targets.items()
    }
    allowed = inconsistencies("picture", photographs, settler._shared, torch.zeros(3))
    apart, unlike = figures(settler, lifter, coarse, settled.rendered)
    assert apart < 0.9 * mean_of(list(allowed.values()))
    assert unlike < figures(settler, lifter, coarse, None)[1]


def test_less_is_the_operator_s_own_the_steadier_answers_shall_be(settler: ShareSettler):
    asked = (0.01, 0.75, 9.0)
    shaky = [settler.settle(Shaky(rendered_share=0.1), steady).rendered for steady in asked]
    assert shaky[0] == 0.1
    assert shaky[0] < shaky[1] <= shaky[2]


def test_how_much_is_painted_is_settled(settler: ShareSettler):
    """Most where nothing is steady; where all is, what is most like the photographs'."""
    painter = Shaky(spec="painter", rendered_share=0.8, painted_share=0.5)
    found = [settler.settle(painter, steady) for steady in (0.01, 0.75, 9.0)]
    assert {shares.rendered for shares in found} == {0.8}
    painted = [shares.painted for shares in found]
    assert painted[0] == pytest.approx(MOST_PAINTED)
    assert painted[0] > max(painted[1:])


def test_shares_that_may_not_change_stay(lifter: SceneLifter, settler: ShareSettler):
    fixed = Shaky(spec="fixed", rendered_share=0.1, shares_may_change=False)
    assert settler.settle(fixed) == Shares(0.1)
    assert fixed.spec not in lifter.settled_shares


def test_other_photographs_are_not_looked_at(lifter: SceneLifter, monkeypatch: pytest.MonkeyPatch):
    looked_at, found = [], SurfaceFinder.source_views

    def noted(self: SurfaceFinder, views: list[int], allowed: list[int]):
        looked_at.append({*views, *allowed})
        return found(self, views, allowed)

    monkeypatch.setattr(SurfaceFinder, "source_views", noted)
    few = lifter.scene.training[2:8]
    settler = ShareSettler(lifter, few)
    assert looked_at
    assert set().union(*looked_at, settler._targets) <= set(few)


def test_without_pairs_the_operator_s_own_share_is_kept(lifter: SceneLifter):
    alone = ShareSettler(lifter, lifter.scene.training[:1])
    coarse = Shaky(spec="alone", rendered_share=0.2)
    assert alone.settle(coarse) == Shares(0.2)


def test_photographs_without_sources_are_left_out(lifter: SceneLifter):
    """No other photograph is 170 degrees away."""
    settler = ShareSettler(lifter, least_angle=170.0)
    assert settler.settle(Shaky(spec="alone", rendered_share=0.2)) == Shares(0.2)
