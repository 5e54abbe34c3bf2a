"""What pre-training is measured by: labels of voxels, layers, words, pairs of views."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from condense_ns.annotations import FILE_NAME
from condense_ns.benchmarks.labelled_voxels import LabelledScene, labelled_scene
from condense_ns.benchmarks.photograph_labels import UNKNOWN
from condense_ns.benchmarks.pretraining import (
    Scenes,
    asked_in_words,
    averaged_features,
    map_figures,
    original_maps,
    pixels_asked_in_words,
    probed,
)
from condense_ns.commands.bench_pretrain import BenchPretrain
from condense_ns.data.scene_list import read_scene_list
from condense_ns.encoders import build_encoder
from condense_ns.encoders.base import TextImageEncoder
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import project_pinhole
from condense_ns.retrieval.asking import class_embeddings


@pytest.fixture(scope="module")
def encoder() -> TextImageEncoder:
    found = build_encoder("mini", image_size=96)
    assert isinstance(found, TextImageEncoder)
    return found


@pytest.fixture(scope="module")
def scenes(tabletops: Path, encoder: TextImageEncoder) -> Scenes:
    listed = read_scene_list(tabletops, False)
    read = [labelled_scene(place, encoder, 64, 3000) for place in listed.all]
    return Scenes(read[:2], read[2:])


def one_hot(scene: LabelledScene) -> torch.Tensor:
    classes = len(scene.classes)
    return F.one_hot(scene.labels.clamp_min(0), classes).float()


def test_voxels_have_the_class_of_the_pixels_that_see_them(scenes: Scenes):
    scene = scenes.train[0]
    seen = scene.labels != UNKNOWN
    assert seen.float().mean() > 0.6
    view = scene.scene.training[3]
    landed = project_pinhole(scene.volume.centres, scene.scene.views[[view]])
    depth, labels = scene.scene.depth(view), scene.pixel_labels(view)
    assert depth is not None
    agreed = counted = 0
    for voxel in torch.nonzero(seen & landed.inside[0])[::7, 0].tolist():
        column, row = (landed.places[0, voxel] * torch.tensor([64, 48])).long().tolist()
        if abs(float(landed.depths[0, voxel] - depth[row, column])) < scene.volume.voxel_size:
            counted += 1
            agreed += int(labels[row, column] == scene.labels[voxel])
    assert counted > 20
    assert agreed / counted > 0.8


def test_averages_by_hand(scenes: Scenes):
    scene = scenes.train[0]
    voxel = int(scene.labels.ne(UNKNOWN).nonzero()[5])
    point, found = scene.volume.centres[[voxel]], []
    for view in scene.scene.training:
        landed = project_pinhole(point, scene.scene.views[[view]])
        depth = scene.scene.depth(view)
        assert depth is not None
        column, row = (landed.places[0, 0] * torch.tensor([64, 48])).long().tolist()
        if not landed.inside[0, 0] or depth[row, column] <= 0:
            continue
        if abs(float(landed.depths[0, 0] - depth[row, column])) < 1.5 * scene.volume.voxel_size:
            found.append(sample_cells(scene.maps.map(view)[None], landed.places)[0, 0])
    torch.testing.assert_close(
        scene.averaged[voxel], torch.stack(found).mean(dim=0), atol=1e-4, rtol=1e-3
    )


@pytest.mark.slow
def test_a_layer_reads_classes_from_features_that_tell_them(scenes: Scenes):
    assert probed(one_hot, Scenes(scenes.train, scenes.train), 1.0) > 0.95
    nothing = probed(lambda scene: torch.zeros(len(scene.labels), 4), scenes, 1.0)
    assert nothing < 0.3
    assert probed(averaged_features, scenes, 0.1) > nothing


def test_words_name_features_that_are_theirs(scenes: Scenes, encoder: TextImageEncoder):
    embeddings = [words[0] for words in class_embeddings(encoder, scenes.classes[1:])]
    table = torch.stack([torch.zeros_like(embeddings[0]), *embeddings])
    assert asked_in_words(lambda scene: table[scene.labels.clamp_min(0)], scenes, encoder) == 1.0

    def maps(scene: LabelledScene, view: int) -> torch.Tensor:
        return table[scene.pixel_labels(view).clamp_min(0)]

    assert pixels_asked_in_words(maps, scenes, encoder) == 1.0
    wrong = pixels_asked_in_words(lambda *of: maps(*of).roll(1, dims=0), scenes, encoder)
    assert 0.3 < wrong < 1.0  # only borders are


@pytest.mark.slow
def test_maps_that_hold_still_are_consistent(scenes: Scenes):
    known = Scenes(scenes.train, scenes.train)
    figures = map_figures(original_maps, known)
    assert 0 < figures["inconsistency"] < 1

    def still(scene: LabelledScene, view: int) -> torch.Tensor:
        labels = F.one_hot(scene.pixel_labels(view).clamp_min(0), len(scenes.classes)).float()
        return labels[::4, ::4].contiguous()

    assert map_figures(still, known)["inconsistency"] < figures["inconsistency"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbones": ()}, "no backbone given"),
        ({"backbones": (Path("none.safetensors"),)}, r"no backbone none\.safetensors"),
        ({"backbones": (Path("a/x.st"), Path("b/x.st"))}, "same file name"),
    ],
)
def test_what_cannot_be_compared_is_told(tabletops: Path, change, message):
    with pytest.raises(UserError, match=message):
        BenchPretrain(data=tabletops, **change).main()


def test_percentages_are_checked(tabletops: Path, tmp_path: Path):
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"")
    bench = BenchPretrain(data=tabletops, backbones=(file,))
    for labels in ((), (0.0,), (101.0,)):
        with pytest.raises(UserError, match="--labels are"):
            replace(bench, labels=labels).main()


def test_scenes_without_annotations_are_refused(
    tabletop: Path, scene: Path, tmp_path: Path, encoder
):
    listed = tmp_path / "list.yaml"
    listed.write_text(f"train: [{tabletop}]\ntest: [{scene}]\n")
    with pytest.raises(UserError, match=r"board lacks annotations\.json; condense synth writes it"):
        BenchPretrain(data=listed, backbones=(Path("shipped"),))._scenes(encoder)


def test_scenes_with_other_classes_are_refused(tabletops: Path, tmp_path: Path, encoder):
    shutil.copytree(tabletops, tmp_path / "scenes")
    last = read_scene_list(tmp_path / "scenes", False).all[-1]
    file = last.folder / FILE_NAME
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "classes": [*told["classes"], "one more"]}))
    names = [place.name for place in read_scene_list(tmp_path / "scenes", False).all]
    listed = tmp_path / "list.yaml"
    folder = tmp_path / "scenes"
    listed.write_text(f"train: [{folder / names[0]}]\ntest: [{folder / names[-1]}]\n")
    bench = BenchPretrain(data=listed, backbones=(Path("shipped"),), image_size=64)
    with pytest.raises(UserError, match=f"scene {names[-1]} has other classes than {names[0]}; g"):
        bench._scenes(encoder)
