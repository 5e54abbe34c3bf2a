"""What is learned from and asked about, whose labels, and what refinement changes."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from condense_ns.annotations import read_annotations
from condense_ns.benchmarks.map_probe import (
    WORKING_SIZE,
    ProbedMaps,
    blind_figures,
    probe_runs,
    probed_maps,
)
from condense_ns.benchmarks.seen_twice import seen_twice
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_list import SceneList, read_scene_list
from condense_ns.downstream.linear_probe import LabelledMap
from condense_ns.encoders import build_encoder
from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators import build_operator
from condense_ns.operators.class_answers import ClassOperator


class Brightness:
    """Maps of two numbers, the larger one of which says whether a cell is bright."""

    channels, fingerprint, device, concurrent = 2, "ab" * 32, "cpu", False

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        return height // 4, width // 4

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        grey = F.avg_pool2d(images.mean(dim=1, keepdim=True), 4)[:, 0]
        return torch.stack([0.5 - grey, grey - 0.5], dim=-1)


class BrightOrDark(ClassOperator):
    """A segmentation network whose classes are known."""

    label_names = ("dark", "bright")

    def decode(self, feature_map: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        return on_grid(feature_map, *image.shape[-2:])


@pytest.fixture(scope="module")
def encoder() -> ImageEncoder:
    return build_encoder("gradients", image_size=64)


@pytest.fixture(scope="module")
def of_list(tabletops: Path, encoder: ImageEncoder) -> ProbedMaps:
    return probed_maps(read_scene_list(tabletops), encoder)


def test_scenes_for_testing_are_asked_about(of_list: ProbedMaps, tabletops: Path):
    assert (len(of_list.train), len(of_list.test)) == (28, 14)
    annotations = read_annotations(tabletops / "tabletop_000001")
    assert annotations is not None
    assert of_list.classes == annotations.classes
    expected = annotations.class_map(Path("00000.png"))
    assert expected is not None
    found = of_list.train[0].labels
    assert torch.equal(found.clamp_min(0), torch.from_numpy(expected))
    assert bool(((found == -1) == (found.clamp_min(0) == 0)).all())


def test_the_last_photographs_of_a_single_scene_are_asked_about(
    tabletop: Path, encoder: ImageEncoder, of_list: ProbedMaps
):
    found = probed_maps(read_scene_list(tabletop), encoder, held_out=0.25)
    assert (len(found.train), len(found.test)) == (10, 4)
    for one, same in zip((*found.train, *found.test), of_list.train[:14], strict=True):
        assert torch.equal(one.features, same.features)
        assert torch.equal(one.labels, same.labels)
    few = probed_maps(read_scene_list(tabletop), encoder, held_out=0.25, every=4)
    assert (len(few.train), len(few.test)) == (3, 1)
    assert torch.equal(few.train[1].features, of_list.train[4].features)


def test_a_network_may_say_what_is_right(tabletop: Path, encoder: ImageEncoder):
    operator = BrightOrDark("bright", Brightness())
    found = probed_maps(read_scene_list(tabletop), encoder, operator)
    assert found.classes == ("dark", "bright")
    labels = torch.stack([one.labels for one in found.train])
    assert labels.shape[1:] == (48, 64)
    assert labels.unique().tolist() == [0, 1]


def test_features_that_hold_the_classes_are_told_from_those_that_do_not(of_list: ProbedMaps):
    def told(maps: list[LabelledMap]) -> list[LabelledMap]:
        classes = len(of_list.classes)
        return [
            replace(one, features=F.one_hot(one.labels[2::4, 2::4].clamp_min(0), classes).float())
            for one in maps
        ]

    knowing = replace(of_list, train=told(list(of_list.train)), test=told(list(of_list.test)))
    runs = {
        name: next(iter(probe_runs(maps, [100.0], 1)))[1]["mean_iou"]
        for name, maps in (("knowing", knowing), ("encoder", of_list))
    }
    blind = blind_figures(of_list)["mean_iou"]
    assert runs["knowing"] > runs["encoder"] > blind


def test_pairs_are_of_photographs_that_are_asked_about(
    of_list: ProbedMaps, tabletop: Path, encoder: ImageEncoder
):
    assert of_list.pairs
    assert all(pair.views[1] == (pair.views[0] + 2) % 14 for pair in of_list.pairs)
    few = probed_maps(read_scene_list(tabletop), encoder, held_out=0.8)
    scene = PosedScene(read_scene_list(tabletop).train[0], WORKING_SIZE)
    views = sorted(range(14), key=scene.file)[3:]
    own = seen_twice(scene, views, *few.test[0].features.shape[:2])
    assert [pair.views for pair in few.pairs] == [
        (views.index(pair.views[0]), views.index(pair.views[1])) for pair in own
    ]
    flat = [replace(one, features=torch.ones_like(one.features)) for one in of_list.test]
    ramp = torch.arange(14.0)[:, None, None, None].expand(14, *flat[0].features.shape)
    turned = [replace(one, features=here) for one, here in zip(flat, ramp, strict=True)]
    assert 0 < of_list.inconsistency < replace(of_list, test=turned).inconsistency
    assert math.isnan(replace(of_list, pairs=()).inconsistency)


def test_every_share_and_seed_has_a_layer(of_list: ProbedMaps):
    small = replace(of_list, train=of_list.train[:8], test=of_list.test[:2])
    found = list(probe_runs(small, [25.0, 100.0], 2))
    assert [share for share, _ in found] == [25.0, 25.0, 100.0]
    assert found[0][1] != found[1][1]  # other photographs
    assert list(probe_runs(small, [25.0, 100.0], 2)) == found


def test_without_looking_by_hand():
    labels = torch.tensor([[0, 0, 0, 1], [-1, 1, 0, 0]])
    one = LabelledMap(torch.zeros(1, 1, 1), labels)
    figures = blind_figures(ProbedMaps([one], [one], ("a", "b")))
    assert figures["pixel_accuracy"] == pytest.approx(5 / 7)
    assert figures["mean_iou"] == pytest.approx(5 / 7 / 2)


def test_what_cannot_be_probed_is_told(
    tabletops: Path, scene: Path, encoder: ImageEncoder, tmp_path: Path
):
    listed = read_scene_list(tabletops)
    with pytest.raises(UserError, match="nothing to ask about; give a single scene, or a list"):
        probed_maps(SceneList(train=listed.all), encoder)
    with pytest.raises(UserError, match="too few photographs to learn from some"):
        probed_maps(read_scene_list(tabletops / "tabletop_000001"), encoder, every=14)
    with pytest.raises(UserError, match=r"has no annotations.json; write one, or name a segm"):
        probed_maps(read_scene_list(scene), encoder)
    with pytest.raises(UserError, match="answers no classes; give a segmentation network"):
        probed_maps(read_scene_list(scene), encoder, build_operator("rgb"))
    alone = read_scene_list(scene).train[0]
    bright = BrightOrDark("bright", Brightness())
    bright.label_names = ("dark",)
    other = SceneList(train=listed.train[:1], test=(alone,))
    with pytest.raises(UserError, match=r"has no annotations.json"):
        probed_maps(other, encoder)
