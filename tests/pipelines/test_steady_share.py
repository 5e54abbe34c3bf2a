"""The share of the rendered picture that is settled for a scene."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from condense_ns.lifting.network_file import load_network
from condense_ns.operators.base import Shares
from condense_ns.operators.rgb import RgbOperator
from condense_ns.pipelines.answer_pairs import Pair, inconsistencies
from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
from condense_ns.pipelines.steady_share import (
    MOST_PAINTED,
    STEP,
    ShareSettler,
    is_within,
    last_steady,
    shares_to_try,
)
from condense_ns.pipelines.surface_finder import SurfaceFinder


class RgbWith(RgbOperator):
    """Coarse colours, in cells too small for pictures to be moved by a part of one."""

    def __init__(self, spec: str = "rgb", **attributes: object) -> None:
        super().__init__(spec, image_size=40)
        for name, value in attributes.items():
            setattr(self, name, value)


@pytest.mark.parametrize(
    ("least", "steady_to", "expected"),
    [(0.35, 0.52, 0.5), (0.35, 0.2, 0.35), (0.35, 1.0, 1.0), (0.0, 0.07, 0.05), (1.0, 0.9, 1.0)],
)
def test_the_largest_steady_share_and_never_less_than_the_least(least, steady_to, expected):
    shares = shares_to_try(RgbWith(rendered_share=least))
    found = last_steady(shares, lambda some: some.rendered <= steady_to + 1e-9)
    assert found.rendered == pytest.approx(expected)
    assert found.painted == 0


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


def test_nothing_is_tried_beyond_shares_that_are_not_steady():
    tried, shares = [], [Shares(step * STEP) for step in range(9)]
    found = last_steady(shares, lambda some: tried.append(some) or len(tried) != 3)
    assert found == shares[2]
    assert tried == shares[1:4]


def test_steady_in_the_mean_and_by_its_standard_error_in_short_and_in_long_pairs():
    """Short pairs: 0.1 below half of what is allowed, give or take 0.05 x sqrt(2); the one long pair on the spot."""
    short, long = [Pair(0, 1, False), Pair(2, 3, False)], Pair(0, 4, True)
    alone = dict.fromkeys([*short, long], 1.0)
    assert is_within({short[0]: 0.35, short[1]: 0.45, long: 0.5}, alone, 0.5)
    assert not is_within({short[0]: 0.2, short[1]: 0.7, long: 0.5}, alone, 0.5)
    assert not is_within({short[0]: 0.35, short[1]: 0.45, long: 0.51}, alone, 0.5)
    assert is_within({short[0]: 0.49}, alone, 0.5)


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


def test_the_settled_share_is_steady_and_a_step_more_is_not(lifter: SceneLifter):
    settler, coarse = ShareSettler(lifter, steady=0.9), Shaky(rendered_share=0.0)
    settled = settler.settle(coarse)
    assert 0 < settled.rendered < 1
    assert lifter.shares(coarse) == settled
    parts = {
        view: lifter.parts(coarse, found.lifted, trying=True)
        for view, found in settler._targets.items()
    }
    alone = {
        view: lifter.answer(coarse, lifter.working_map(coarse, view), found.image)
        for view, found in settler._targets.items()
    }
    maps = next(iter(alone.values())).feature_map
    allowed = inconsistencies("picture", alone, settler._shared, maps[0, 0])
    for share, steady in ((settled.rendered, True), (settled.rendered + STEP, False)):
        answers = {view: some.mixed(coarse, Shares(share)) for view, some in parts.items()}
        found = inconsistencies("picture", answers, settler._shared, maps[0, 0])
        assert is_within(found, allowed, 0.9) == steady


def test_how_much_is_painted_is_settled(lifter: SceneLifter):
    """The less is asked for, the more is the operator's own."""
    painter = Shaky(spec="painter", rendered_share=0.8, painted_share=0.5)
    found = [ShareSettler(lifter, steady=steady).settle(painter) for steady in (0.01, 0.6, 9.0)]
    assert {shares.rendered for shares in found} == {0.8}
    painted = [shares.painted for shares in found]
    assert painted[0] == pytest.approx(MOST_PAINTED)
    assert painted[0] > painted[1] > painted[2] == 0.0


def test_shares_that_may_not_change_stay(lifter: SceneLifter):
    fixed = Shaky(spec="fixed", rendered_share=0.1, shares_may_change=False)
    assert ShareSettler(lifter, steady=1.0).settle(fixed) == Shares(0.1)
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
