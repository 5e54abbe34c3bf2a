"""Colours of keypoints by hand."""

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.rendering.heat import heat_colours
from condense_ns.retrieval.asking import feature_query
from condense_ns.retrieval.relevancy import Query
from condense_ns.viewer.keypoint_colours import (
    KeypointColours,
    descriptor_colours,
    query_colours,
    score_colours,
)
from tests.viewer.made_up_scene import BLUE, RED, made_up_keypoints


@pytest.fixture
def keypoints() -> Keypoints3D:
    return made_up_keypoints()


@pytest.fixture
def query() -> Query:
    return Query("colours", RED[None], BLUE[None], (RED + BLUE) / 2, label="red")


def heat(score: float) -> list[int]:
    return (heat_colours(torch.tensor(score)) * 255).round().int().tolist()


def test_scores_go_from_dark_violet_to_yellow_and_outliers_are_clamped():
    colours = score_colours(torch.cat([torch.linspace(0.2, 0.4, 1001), torch.tensor([1.0])]))
    assert colours.dtype == torch.uint8
    assert colours[0].tolist() == [68, 1, 84]
    assert colours[1000].tolist() == colours[1001].tolist() == [253, 231, 37]
    assert len(colours.unique(dim=0)) > 200


def test_equal_scores_and_single_keypoints_have_a_colour():
    assert len(score_colours(torch.full((5,), 0.3)).unique(dim=0)) == 1
    assert descriptor_colours(RED[None]).shape == (1, 3)


def test_descriptors_that_differ_have_colours_that_differ(keypoints):
    colours = descriptor_colours(keypoints.descriptors["colours"])
    left = keypoints.xyz[:, 0] < 0
    assert len(colours[left].unique(dim=0)) == len(colours[~left].unique(dim=0)) == 1
    assert (colours[left][0].int() - colours[~left][0].int()).abs().max() > 200


def test_colours_of_a_large_set_are_those_of_every_so_many(monkeypatch):
    descriptors = torch.nn.functional.normalize(torch.randn(300, 8), dim=1)
    whole = descriptor_colours(descriptors)
    monkeypatch.setattr("condense_ns.viewer.keypoint_colours.FITTED", 299)
    assert (descriptor_colours(descriptors).int() - whole.int()).abs().max() > 0
    monkeypatch.setattr("condense_ns.viewer.keypoint_colours.FITTED", 300)
    assert torch.equal(descriptor_colours(descriptors), whole)


def test_relevancy_to_words_is_shown_in_the_colours_of_the_picture(keypoints, query):
    colours = query_colours(keypoints.descriptors["colours"], query)
    assert colours[0].tolist() == heat(1.0)
    assert colours[-1].tolist() == heat(0.0)


def test_relevancy_to_a_place_does_not_depend_on_the_length_of_features(keypoints):
    descriptors = keypoints.descriptors["colours"]
    features, centre = 40.0 * RED[None], 20.0 * (RED + BLUE)
    example = feature_query("colours", features, centre, None, "a point")
    colours = query_colours(descriptors, example)
    assert colours[0].tolist() == heat(1.0)
    assert colours[-1].tolist() == heat(0.0)


def test_what_is_asked_for_and_what_it_falls_back_to(keypoints, query):
    colours = KeypointColours(keypoints)
    by_score, meaning = colours.of("score", "colours", query)
    assert meaning == "score"
    by_encoder, meaning = colours.of("PCA", "colours", None)
    assert meaning == "the descriptor colours"
    assert not torch.equal(by_encoder, by_score)
    assert colours.of("PCA", "matching", None)[1] == "the descriptor matching"
    assert colours.of("PCA", "silent", None)[1] == "the descriptor colours"
    by_query, meaning = colours.of("query", "silent", query)
    assert meaning == "relevancy to 'red'"
    assert torch.equal(by_query, query_colours(keypoints.descriptors["colours"], query))
    without, meaning = colours.of("query", "colours", None)
    assert torch.equal(without, by_score)
    assert meaning == "score, as there is no query"


def test_without_a_descriptor_there_is_the_score(keypoints, query):
    only = Keypoints3D(**(vars(keypoints) | {"descriptors": {}}))
    colours = KeypointColours(only)
    assert colours.of("PCA", "colours", None)[1] == "score, as they have no descriptors"
    assert colours.of("query", "colours", query)[1] == (
        "score, as they have no descriptor of colours"
    )


def test_a_descriptor_of_another_width_is_refused(keypoints, query):
    with pytest.raises(UserError, match="has 3 channels"):
        query_colours(keypoints.descriptors["matching"], query)
