"""What is learned on one part of a scene and asked on another: labels, agreement, what cannot be asked."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from condense_ns.benchmarks.labelled_voxels import LabelledScene, labelled_scene
from condense_ns.benchmarks.photograph_labels import UNKNOWN
from condense_ns.benchmarks.scene_sides import Way
from condense_ns.benchmarks.voxel_probe import (
    ProbedRow,
    VoxelProbe,
    agreement,
    row_figures,
    voxel_probe,
)
from condense_ns.data.scene_list import read_scene_list
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import project_pinhole
from tests.benchmarks.test_map_probe import Brightness, BrightOrDark
from tests.data.changed_scenes import without_depth

MOST_VOXELS = 1500


@pytest.fixture(scope="module")
def known(tabletop: Path) -> LabelledScene:
    place = read_scene_list(tabletop).all[0]
    return labelled_scene(place, build_encoder("gradients", image_size=64), 64, MOST_VOXELS)


def by_hand(known: LabelledScene, labels: list[int], averaged: list[list[float]]) -> VoxelProbe:
    """The first half of a few voxels and the second one."""
    count = len(labels)
    scene = replace(
        known,
        labels=torch.tensor(labels),
        averaged=torch.tensor(averaged),
        seen=torch.ones(count, dtype=torch.bool),
    )
    low, high = torch.arange(count).chunk(2)
    return VoxelProbe(scene, (Way(low, high), Way(high, low)))


def test_votes_and_averages_are_those_of_a_loop_over_voxels(known: LabelledScene):
    scene, volume = known.scene, known.volume
    for voxel in range(0, len(volume), 7):
        votes, features = [0] * len(known.classes), []
        for view in scene.training:
            landed = project_pinhole(volume.centres[[voxel]], scene.views[[view]])
            if not landed.inside[0, 0]:
                continue
            place, depth, labels = landed.places[0], scene.depth(view), known.pixel_labels(view)
            assert depth is not None
            x, y = (place[0] * torch.tensor([64, 48])).long().tolist()
            surface = float(depth[min(y, 47), min(x, 63)])
            if surface <= 0 or abs(float(landed.depths[0, 0]) - surface) >= 1.5 * volume.voxel_size:
                continue
            features.append(sample_cells(known.maps.map(view)[None], place[None])[0, 0])
            if labels[min(y, 47), min(x, 63)] != UNKNOWN:
                votes[int(labels[min(y, 47), min(x, 63)])] += 1
        assert known.seen[voxel] == bool(features)
        assert known.labels[voxel] == (votes.index(max(votes)) if max(votes) else UNKNOWN)
        if features:
            expected = torch.stack(features).mean(dim=0)
            torch.testing.assert_close(known.averaged[voxel], expected, atol=1e-4, rtol=1e-3)


def test_without_depth_images_voxels_hide_each_other(
    known: LabelledScene, tabletop: Path, tmp_path: Path
):
    bare = read_scene_list(without_depth(tabletop, tmp_path / "bare")).all[0]
    bright = BrightOrDark("bright", Brightness())
    encoder = build_encoder("gradients", image_size=64)
    found = labelled_scene(bare, encoder, 64, MOST_VOXELS, bright)
    assert found.classes == ("dark", "bright")
    assert 0.5 < found.seen.float().mean() < 1
    assert found.labels[found.seen].unique().tolist() == [0, 1]
    colours = found.volume.colour.mean(dim=1)
    of_class = [colours[found.labels == number].mean() for number in (0, 1)]
    assert of_class[1] > of_class[0]


def test_classes_that_nobody_could_learn_are_not_asked(known: LabelledScene):
    probe = by_hand(known, [1, 2, 2, UNKNOWN, 3, 2, 2, 1], [[0.0]] * 8)
    assert probe.asked_labels(probe.ways[0]).tolist() == [UNKNOWN, 2, 2, 1]
    assert probe.asked_labels(probe.ways[1]).tolist() == [1, 2, 2, UNKNOWN]
    blind = probe.blind()
    assert blind["voxel_accuracy"] == pytest.approx(2 / 3)
    assert blind["mean_iou"] == pytest.approx(1 / 3)  # 2 of 3, and none of the other class


def test_agreement_by_hand(known: LabelledScene):
    averaged = [[0.0, 0.0], [2.0, 0.0], [1.0, 1.0], [1.0, 3.0]]
    probe = by_hand(known, [1, 2, 1, 2], averaged)
    assert probe.predicted(torch.tensor(averaged)) == pytest.approx(1.0)
    # away from their means: what is asked there (0, -1), (0, 1) and back (-1, 0), (1, 0)
    there = torch.tensor([[10.0, 9.0], [12.0, 11.0]])  # (-1, -1), (1, 1)
    back = torch.tensor([[5.0, 0.0], [1.0, 0.0]])  # (2, 0), (-2, 0)
    assert probe.predicted(torch.cat([back, there])) == pytest.approx((0.5**0.5 - 1) / 2)
    nothing = torch.zeros(4, 3)  # a read-out of nothing always says the same
    assert probe.read_out(nothing) == pytest.approx(0.0, abs=1e-6)


def test_an_offset_does_not_count():
    generator = torch.Generator().manual_seed(0)
    told, truth = (torch.randn(50, 4, generator=generator) for _ in range(2))
    assert agreement(told + 100, truth - 7) == pytest.approx(agreement(told, truth), abs=1e-5)
    assert agreement(torch.full((50, 4), 0.1), truth) == pytest.approx(0.0, abs=1e-6)


def test_features_that_tell_are_told_from_those_that_do_not(known: LabelledScene):
    probe = voxel_probe(known)
    classes = F.one_hot(known.labels.clamp_min(0), len(known.classes)).float()
    knowing = row_figures(probe, [ProbedRow(classes)])
    nothing, blind = probe.classified(torch.zeros_like(classes)), probe.blind()
    for name, values in blind.items():
        assert min(knowing[name]) > 0.95
        assert max(values, nothing[name]) < 0.8
    assert {name: len(values) for name, values in knowing.items()} == {
        "read_out": 1,
        "mean_iou": 1,
        "voxel_accuracy": 1,
    }


def test_draws_are_asked_one_after_the_other(known: LabelledScene):
    probe = voxel_probe(known)
    draws = [ProbedRow(known.averaged * 0, known.averaged), ProbedRow(known.averaged, None)]
    found = row_figures(probe, draws)
    assert found["predicted"] == pytest.approx([1.0])
    assert found["read_out"][1] > 0.95 > found["read_out"][0]
    assert found["mean_iou"][1] > found["mean_iou"][0]


def test_what_cannot_be_asked_is_told(known: LabelledScene):
    with pytest.raises(UserError, match="too few voxels that photographs see between the gaps"):
        voxel_probe(replace(known, seen=known.seen & False))
    with pytest.raises(UserError, match="give a smaller --gap, or fewer --slabs"):
        voxel_probe(known, gap=0.5, slabs=9)
    for same in (torch.full_like(known.labels, UNKNOWN), torch.full_like(known.labels, 2)):
        with pytest.raises(UserError, match=r"tabletop_000001 share fewer than two classes; give"):
            voxel_probe(replace(known, labels=same))
