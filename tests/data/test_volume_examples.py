"""Examples of condense-pretrain: volumes of several kinds, views that overlap, words where they belong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from condense_ns.annotations import read_annotations
from condense_ns.data.open_scenes import OpenScene, OpenScenes
from condense_ns.data.prepared_scenes import PreparedScenes, refuse_unseen
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.teachers import Teachers
from condense_ns.data.volume_examples import (
    drawn_source,
    drawn_views,
    volume_example,
    with_captions,
    with_priors,
)
from condense_ns.data.volume_kinds import AS_GIVEN, VolumeSource
from condense_ns.errors import UserError
from condense_ns.geometry.correspondence import DepthView, landing_places
from condense_ns.geometry.pinhole import grid_places
from condense_ns.volumes.sparse_volume import KINDS, SparseVolume
from condense_ns.volumes.volume_checks import arrays_of
from tests.training import COLOURS

MOST = 1500


@pytest.fixture(scope="module")
def opened(tabletop: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenScene:
    store = tmp_path_factory.mktemp("store")
    scenes = OpenScenes(64, Teachers((COLOURS, "mini"), "cpu", 64), store)
    return scenes[ScenePlace(tabletop.name, tabletop, "nerfstudio-data")]


@pytest.fixture
def prepared() -> PreparedScenes:
    return PreparedScenes(MOST, ("depth", "points", "radiance"), "cpu", 64 << 20)


def draws(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_views_are_different_training_views_and_draws_repeat(opened, prepared):
    for seed in range(5):
        views = drawn_views(opened, prepared, 4, draws(seed))
        assert len(set(views)) == 4
        assert set(views) <= set(opened.scene.training)
        assert drawn_views(opened, prepared, 4, draws(seed)) == views
    assert len(drawn_views(opened, prepared, 1, draws(0))) == 1
    assert len(drawn_views(opened, prepared, 99, draws(0))) == len(opened.scene.training)


def test_a_scene_with_depth_has_volumes_of_all_kinds(opened, prepared):
    assert set(prepared.kinds(opened)) == set(KINDS)
    volumes = {kind: prepared.plain(opened, VolumeSource(kind)) for kind in KINDS}
    assert all(volumes[kind].kind == kind for kind in KINDS)
    assert len(volumes["depth"]) <= MOST
    assert torch.equal(volumes["radiance"].voxel_indices, volumes["depth"].voxel_indices)
    points = volumes["points"]
    assert points.voxel_size == volumes["depth"].voxel_size
    apart = torch.cdist(points.centres, volumes["depth"].centres).amin(dim=1)
    assert apart.median() < 1.5 * points.voxel_size
    coarse = prepared.plain(opened, VolumeSource("points", halvings=1))
    assert coarse.voxel_size == 2 * points.voxel_size
    drawn = [drawn_source(opened, prepared, draws(seed)) for seed in range(40)]
    assert {source.kind for source in drawn} == set(KINDS)
    assert {source.halvings for source in drawn} == {0, 1}


def test_places_by_depth_images_are_those_of_the_warp(opened, prepared):
    """`geometry.correspondence` warps without voxels, which are off."""
    views, scene = [0, 1], opened.scene
    found = volume_example(opened, prepared, views, AS_GIVEN, 2, (COLOURS,))
    first, second = (DepthView(scene.views[[view]], scene.depth(view)) for view in views)
    cells = found.seen[COLOURS]
    places, shared = landing_places(first, second, grid_places(cells.rows, cells.columns))
    both = shared & found.sighted[COLOURS].shared[0]
    assert both.sum() > 5
    torch.testing.assert_close(found.sighted[COLOURS].places[0, both], places[both])
    assert not torch.allclose(found.landings[COLOURS].places[0, both], places[both], atol=1e-3)


def test_what_views_see_of_a_turned_scene_is_what_they_saw(opened, prepared):
    plain = volume_example(opened, prepared, [0, 3], AS_GIVEN, 0, (COLOURS,))
    again = volume_example(opened, prepared, [0, 3], AS_GIVEN, 5, (COLOURS,))
    first, second = plain.seen[COLOURS], again.seen[COLOURS]
    assert not torch.equal(plain.volume.voxel_indices, again.volume.voxel_indices)
    torch.testing.assert_close(
        first.composite(plain.volume.colour), second.composite(again.volume.colour)
    )
    assert torch.equal(plain.features[COLOURS], again.features[COLOURS])
    assert set(plain.landings) == set(plain.seen)
    assert all(landings.shared.any() for landings in plain.landings.values())


def test_rendered_colours_are_near_those_of_the_photographs(opened, prepared):
    example = volume_example(opened, prepared, [0, 3, 5], AS_GIVEN, 0, (COLOURS,))
    rendered = example.seen[COLOURS].composite(example.volume.colour)
    true = example.features[COLOURS].flatten(1, 2)  # mean colours of patches
    assert (rendered - true)[example.seen[COLOURS].visible].abs().mean() < 0.12


def test_a_volume_that_no_camera_sees_is_refused(tabletop: Path, tmp_path: Path, monkeypatch):
    scenes = OpenScenes(64, Teachers((), "cpu", 64), tmp_path)
    opened = scenes[ScenePlace(tabletop.name, tabletop, "nerfstudio-data")]
    prepared = PreparedScenes(MOST, ("depth",), "cpu", 64 << 20)
    refuse_unseen(opened, prepared)
    volume = prepared.plain(opened, AS_GIVEN)
    away = replace(volume, origin=volume.origin + 1e3)
    elsewhere = PreparedScenes(MOST, ("depth",), "cpu", 64 << 20)
    monkeypatch.setattr(elsewhere, "plain", lambda opened, source: away)
    with pytest.raises(UserError, match="tabletop_000001: its cameras see nothing of its volume"):
        refuse_unseen(opened, elsewhere)


def test_captions_lie_where_their_things_are(opened, prepared):
    example = volume_example(opened, prepared, [0, 3], AS_GIVEN, 0, ("mini", COLOURS))
    example = with_captions(example, opened, prepared)
    assert set(example.captions) == {"mini"}  # the other encoder knows no text
    words, annotations = example.captions["mini"], read_annotations(opened.scene.folder)
    assert annotations is not None
    assert len(words.caption) == len(annotations.things)
    assert words.embeddings.shape == (int(words.caption.max()) + 2, 64)
    instances = annotations.instance_map(opened.scene.file(3))
    assert instances is not None
    seen = example.seen["mini"]
    height, width = instances.shape
    row, column = seen.rows // 2, seen.columns // 2
    pixel = instances[
        int((row + 0.5) * height / seen.rows), int((column + 0.5) * width / seen.columns)
    ]
    assert words.thing[1].reshape(seen.rows, seen.columns)[row, column] == pixel - 1


def test_priors_are_high_at_corners(opened, prepared):
    example = volume_example(opened, prepared, [0, 3], AS_GIVEN, 0, (COLOURS,))
    example = with_priors(example, opened, prepared)
    assert example.priors is not None
    assert example.priors.shape == example.features[COLOURS].shape[:3]
    assert example.priors.std() > 0.5


def test_volumes_are_kept_for_later_runs(opened, monkeypatch: pytest.MonkeyPatch):
    sources = [VolumeSource(kind, halvings) for kind in (None, "points") for halvings in (0, 1)]

    def volumes() -> list[SparseVolume]:
        prepared = PreparedScenes(MOST - 1, KINDS, "cpu", 64 << 20)
        return [prepared.plain(opened, source) for source in sources]

    made = volumes()
    for name in ("volume_of_scene", "_of_points"):
        monkeypatch.setattr(f"condense_ns.data.volume_kinds.{name}", None)
    for source, first, again in zip(sources, made, volumes(), strict=True):
        assert (again.kind, again.voxel_size) == (first.kind, first.voxel_size), source
        for name, array in arrays_of(first).items():
            assert torch.equal(getattr(again, name), array), (source, name)


def test_kinds_with_the_same_voxels_share_what_takes_time(opened, prepared):
    examples = {
        kind: volume_example(opened, prepared, [0, 3], VolumeSource(kind), 2, (COLOURS,))
        for kind in KINDS
    }
    depth, radiance, points = (examples[kind] for kind in ("depth", "radiance", "points"))
    assert [example.volume.kind for example in (depth, radiance, points)] == [
        "depth",
        "radiance",
        "points",
    ]
    assert depth.pyramid is radiance.pyramid
    assert points.pyramid is not depth.pyramid
    for name in ("voxels", "weights", "surface"):
        assert torch.equal(
            getattr(depth.seen[COLOURS], name), getattr(radiance.seen[COLOURS], name)
        )
