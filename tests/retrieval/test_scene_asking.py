"""Words find scenes and regions in them."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.retrieval.relevancy import Query
from condense_ns.retrieval.scene_asking import ask_scenes, no_centre
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.tensors import SceneDescriptor
from tests.retrieval.made_up_scenes import made_up_scene


def with_a_region(scene: SceneDescriptor, number: int, looks: torch.Tensor) -> SceneDescriptor:
    """The scene with one region that looks as given."""
    regions = scene.regions
    assert regions is not None
    embeddings = regions.embeddings.clone()
    embeddings[number] = F.normalize(looks, dim=0)
    return replace(scene, regions=replace(regions, embeddings=embeddings))


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> SceneIndex:
    """Six scenes of which two hold what is looked for, the second one not quite."""
    word = torch.eye(8)[0] - torch.eye(8)[1]
    scenes = [made_up_scene(seed, 120) for seed in range(6)]
    scenes[2] = with_a_region(scenes[2], 5, word)
    scenes[4] = with_a_region(scenes[4], 7, word + 0.3 * torch.eye(8)[3])
    made = SceneIndex.open_or_create(str(tmp_path_factory.mktemp("asked") / "index"), scenes[0])
    for scene in scenes:
        made.add(scene)
    return made


def query(index: SceneIndex, channels: int = 8) -> Query:
    eye = torch.eye(channels)
    return Query("mini", eye[:1], eye[1:2], torch.zeros(channels), label="word")


def test_the_scenes_that_hold_it_come_first_with_its_place(index):
    found = ask_scenes(index, query(index), 3)
    assert [scene.name for scene in found[:2]] == ["scene 2", "scene 4"]
    assert len(found) == 3
    assert found[0].relevancy >= found[1].relevancy >= found[2].relevancy
    regions = made_up_scene(2, 120).regions
    assert regions is not None
    assert torch.allclose(found[0].xyz, regions.xyz[5], atol=1e-4)
    assert found[0].thumbnail.shape[2] == 3


def test_a_query_of_another_encoder_is_refused(index):
    with pytest.raises(UserError, match=r"words of mini have 5 numbers, .* made by mini, 8"):
        ask_scenes(index, query(index, 5), 3)


def test_an_index_without_scenes_is_told(tmp_path):
    place = str(tmp_path / "index")
    made = SceneIndex.open_or_create(place, made_up_scene(0))
    with pytest.raises(UserError, match="holds no scene; add some with condense index add"):
        ask_scenes(made, query(made), 3)


def test_an_index_without_words_is_told(tmp_path):
    scene = replace(made_up_scene(0), regions=None)
    index = SceneIndex.open_or_create(str(tmp_path / "index"), scene)
    index.add(scene)
    assert len(no_centre(index)) == 0
    with pytest.raises(UserError, match="knows no words"):
        ask_scenes(index, query(index), 3)
