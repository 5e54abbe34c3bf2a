"""One decoder per encoder, found by name and refused for another encoder's weights."""

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.fields.feature_field import fingerprint_tensor
from condense_ns.fields.latent_decoders import LatentDecoders

CHANNELS = {"mini": 5, "openclip:ViT-B-16/my.file": 3}


@pytest.fixture
def decoders():
    torch.manual_seed(0)
    made = LatentDecoders(4, CHANNELS)
    made.of_encoder("mini").fingerprint.copy_(fingerprint_tensor("ab" * 32))
    return made


def test_each_encoder_has_its_own_width_and_statistics(decoders):
    latent = torch.randn(6, 4)
    for name, width in CHANNELS.items():
        assert decoders.of_encoder(name)(latent).shape == (6, width)
    before = decoders.of_encoder("mini")(latent)
    decoders.of_encoder("openclip:ViT-B-16/my.file").mean.fill_(7)
    assert torch.equal(decoders.of_encoder("mini")(latent), before)


def test_the_very_encoder_is_accepted(decoders):
    assert decoders.of_encoder("mini", "ab" * 32).channels == 5


def test_an_encoder_that_it_does_not_know_is_refused(decoders):
    with pytest.raises(UserError, match="not trained with dinov2-small; use one of mini, openclip"):
        decoders.of_encoder("dinov2-small")


def test_another_encoder_of_the_same_name_is_refused(decoders):
    with pytest.raises(UserError, match="trained with mini of other weights or settings"):
        decoders.of_encoder("mini", "cd" * 32)
