"""The field lives where the host's densities live, and the decoder speaks the encoder's units."""

import pytest
import torch
from nerfstudio.field_components.encodings import HashEncoding
from nerfstudio.field_components.spatial_distortions import SceneContraction

from condense_ns.errors import UserError
from condense_ns.fields.feature_field import FeatureDecoder, FeatureField, fingerprint_tensor

BOX = torch.tensor([[-1.0, -2.0, -4.0], [3.0, 2.0, 4.0]])


def field(spatial_distortion=None):
    torch.manual_seed(0)
    made = FeatureField(
        BOX,
        spatial_distortion,
        HashEncoding(
            num_levels=3,
            min_res=4,
            max_res=16,
            log2_hashmap_size=8,
            features_per_level=2,
            implementation="torch",
        ),
        latent_dim=8,
        hidden_dim=8,
    )
    torch.nn.init.normal_(made.grid.hash_table)  # by default too small to tell places apart
    return made


def test_a_bounded_scene_fills_its_box():
    corners = torch.tensor([[-1.0, -2, -4], [3, 2, 4], [1, 0, 0], [0, 1, 2]])
    expected = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [0.25, 0.75, 0.75]]
    assert torch.allclose(field().unit_positions(corners), torch.tensor(expected))


def test_an_unbounded_scene_is_contracted_as_the_host_contracts_it():
    contracted = field(SceneContraction(order=float("inf")))
    positions = torch.tensor([[0.0, 0, 0], [1, -1, 0.5], [4, 2, 0], [1e6, 0, 0]])
    # |x| > 1 becomes (2 - 1 / |x|) x / |x| by the largest coordinate; [-2, 2] becomes [0, 1].
    expected = [[0.5, 0.5, 0.5], [0.75, 0.25, 0.625], [0.9375, 0.71875, 0.5], [1, 0.5, 0.5]]
    assert torch.allclose(contracted.unit_positions(positions), torch.tensor(expected))
    far = torch.tensor([[50.0, -30.0, 8.0]])
    assert (contracted(far) != 0).any()
    assert (field()(far) == 0).all()


def test_latents_are_zero_outside_and_differ_inside():
    positions = torch.tensor([[0.0, 0, 0], [2, 1, -1], [3.01, 0, 0], [0, -2.01, 0], [0, 0, 1e9]])
    latent = field()(positions)
    assert latent.shape == (5, 8)
    assert (latent[:2] != 0).any(dim=1).all()
    assert not torch.allclose(latent[0], latent[1])
    assert (latent[2:] == 0).all()


def test_any_shape_of_positions_keeps_its_shape():
    positions = torch.rand(4, 3, 3)
    made = field()
    latent = made(positions)
    assert latent.shape == (4, 3, 8)
    assert torch.allclose(latent[2, 1], made(positions[2, 1][None])[0], atol=1e-6)


def test_positions_outside_teach_nothing():
    made = field()
    made(torch.tensor([[9.0, 9, 9]])).square().sum().backward()
    assert all(weight.grad is None or (weight.grad == 0).all() for weight in made.mlp.parameters())
    made(torch.tensor([[1.0, 0.5, 0.5]])).square().sum().backward()
    assert made.grid.hash_table.grad is not None
    assert (made.grid.hash_table.grad != 0).any()


def test_the_box_is_no_part_of_a_checkpoint():
    assert "aabb" not in field().state_dict()


@pytest.mark.parametrize("hidden_dim", [0, 16])
def test_decoded_features_are_in_the_encoders_units(hidden_dim):
    decoder = FeatureDecoder(latent_dim=4, channels=5, hidden_dim=hidden_dim)
    latent = torch.randn(7, 4)
    assert torch.equal(decoder(latent), decoder.parts(latent)[0])  # before any statistics
    decoder.mean.copy_(torch.arange(5.0))
    decoder.scale.fill_(3.0)
    expected = decoder.parts(latent)[0] * 3 + torch.arange(5.0)
    assert torch.allclose(decoder(latent), expected)


def test_an_affine_decoder_may_be_applied_before_or_after_compositing():
    decoder = FeatureDecoder(latent_dim=4, channels=5, hidden_dim=0)
    latents, weights = torch.randn(6, 4), torch.rand(1, 6).softmax(dim=1)
    assert torch.allclose(decoder(weights @ latents), weights @ decoder(latents), atol=1e-6)


def test_statistics_travel_in_the_checkpoint():
    decoder = FeatureDecoder(latent_dim=4, channels=5, hidden_dim=0)
    decoder.fingerprint.copy_(fingerprint_tensor("ab" * 32))
    decoder.mean.fill_(2.0)
    loaded = FeatureDecoder(latent_dim=4, channels=5, hidden_dim=0)
    loaded.load_state_dict(decoder.state_dict())
    assert bytes(loaded.fingerprint.tolist()).hex() == "ab" * 32
    assert torch.equal(loaded.mean, decoder.mean)
    names = {"mean", "scale", "pca_basis", "pca_range", "fingerprint"}
    assert names <= set(decoder.state_dict())


def test_an_encoder_of_one_channel_can_be_decoded():
    assert FeatureDecoder(latent_dim=4, channels=1, hidden_dim=0)(torch.randn(2, 4)).shape == (2, 1)


def test_fingerprints_become_bytes_of_one_length():
    assert fingerprint_tensor("01ff").tolist() == [1, 255] + [0] * 30
    assert fingerprint_tensor("ab" * 40).tolist() == [0xAB] * 32
    assert not torch.equal(fingerprint_tensor("00" * 31 + "01"), fingerprint_tensor("00" * 32))


@pytest.mark.parametrize("text", ["abc", "no hex", "é"])
def test_a_fingerprint_that_is_not_hexadecimal_is_refused(text):
    with pytest.raises(UserError, match=f"fingerprint '{text}' is not hexadecimal"):
        fingerprint_tensor(text)


def test_the_part_of_the_view_starts_at_zero_and_is_added():
    decoder = FeatureDecoder(latent_dim=4, channels=5, hidden_dim=8, view_dim=3)
    latent = torch.randn(6, 7)
    common, of_view = decoder.parts(latent)
    assert torch.equal(common, decoder.net(latent[:, :4]))
    assert of_view.abs().max() == 0.0
    assert decoder.view_net is not None
    torch.nn.init.ones_(decoder.view_net[-1].bias)  # type: ignore[arg-type]
    assert torch.allclose(decoder(latent), common + 1.0)


def test_without_a_view_code_nothing_depends_on_the_view():
    decoder = FeatureDecoder(latent_dim=4, channels=5, hidden_dim=8)
    assert decoder.parts(torch.randn(6, 4))[1].abs().max() == 0.0
