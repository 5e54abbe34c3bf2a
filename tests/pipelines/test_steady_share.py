"""The share of the rendered picture that is settled for a scene."""

from pathlib import Path

import pytest
import torch

from condense_ns.lifting.network_file import load_network
from condense_ns.operators.rgb import RgbOperator
from condense_ns.pipelines.answer_pairs import Pair, inconsistencies
from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
from condense_ns.pipelines.steady_share import STEP, ShareSettler, is_within, largest_share
from condense_ns.pipelines.surface_finder import SurfaceFinder


@pytest.mark.parametrize(
    ("steady_to", "least", "expected"),
    [(0.52, 0.35, 0.5), (0.2, 0.35, 0.35), (1.0, 0.35, 1.0), (0.07, 0.0, 0.05), (0.9, 1.0, 1.0)],
)
def test_the_largest_steady_share_and_never_less_than_the_least(steady_to, least, expected):
    found = largest_share(lambda share: share <= steady_to + 1e-9, least)
    assert found == pytest.approx(expected)


def test_nothing_is_tried_beyond_a_share_that_is_not_steady():
    tried = []
    found = largest_share(lambda share: tried.append(share) or len(tried) != 3, 0.0)
    assert found == pytest.approx(2 * STEP)
    assert tried == pytest.approx([STEP, 2 * STEP, 3 * STEP])


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


class Shaky(RgbOperator):
    """Coarse colours, and noise that is another one for every picture."""

    def __init__(self, spec: str = "shaky", **attributes: object) -> None:
        super().__init__(spec, image_size=16)
        self.fingerprint += "shaky"
        for name, value in attributes.items():
            setattr(self, name, value)

    def encode(self, images):  # pyright: ignore[reportIncompatibleMethodOverride]
        seeds = [int(1e4 * float(image.double().mean())) for image in images]
        maps = super().encode(images)
        noise = [
            torch.randn(maps.shape[1:], generator=torch.Generator().manual_seed(s)) for s in seeds
        ]
        return maps + 0.1 * torch.stack(noise)


def test_the_settled_share_is_steady_and_a_step_more_is_not(lifter: SceneLifter):
    settler, coarse = ShareSettler(lifter, steady=0.9), Shaky(rendered_share=0.0)
    share = settler.settle(coarse)
    assert 0 < share < 1
    assert lifter.share(coarse) == share
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
    for tried, steady in ((share, True), (share + STEP, False)):
        answers = {view: some.mixed(coarse, tried) for view, some in parts.items()}
        found = inconsistencies("picture", answers, settler._shared, maps[0, 0])
        assert is_within(found, allowed, 0.9) == steady


def test_a_share_that_may_not_grow_stays(lifter: SceneLifter):
    fixed = Shaky(spec="fixed", rendered_share=0.1, share_may_grow=False)
    assert ShareSettler(lifter, steady=1.0).settle(fixed) == 0.1
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
    assert alone.settle(coarse) == 0.2


def test_photographs_without_sources_are_left_out(lifter: SceneLifter):
    """No other photograph is 170 degrees away."""
    settler = ShareSettler(lifter, least_angle=170.0)
    assert settler.settle(Shaky(spec="alone", rendered_share=0.2)) == 0.2
