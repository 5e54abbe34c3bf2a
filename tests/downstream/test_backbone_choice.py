"""What is taken over from a backbone and what is trained."""

import pytest
import torch

from condense_ns.downstream.backbone_choice import chosen_backbone, trained_adapter
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import SHIPPED, load_backbone, save_backbone
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(7)
    backbone = OctreeBackbone("S", latent_dim=8)
    path = tmp_path_factory.mktemp("weights") / "backbone.safetensors"
    save_backbone(path, backbone, LatentDecoders(8, {"mini": 4}))
    return path, backbone.state_dict()


def test_a_probe_takes_all_over_and_trains_nothing(saved):
    path, expected = saved
    found = chosen_backbone(str(path), "frozen", "S", 0).backbone
    assert all(torch.equal(value, expected[name]) for name, value in found.state_dict().items())
    assert not any(p.requires_grad for p in found.parameters())
    trained_adapter(found, "points")
    trained = {name for name, p in found.named_parameters() if p.requires_grad}
    assert trained
    assert all(name.startswith("adapters.of_kind.points") for name in trained)


def test_encoder_only_draws_the_rest_anew(saved):
    path, expected = saved
    found = chosen_backbone(str(path), "encoder", "S", 0).backbone
    same = {name: torch.equal(v, expected[name]) for name, v in found.state_dict().items()}
    weights = {
        name: kept for name, kept in same.items() if "norm" not in name and "bias" not in name
    }
    way_down = ("adapters", "stem", "down", "halvings")
    assert all(
        kept == name.startswith(way_down) for name, kept in weights.items() if "head.0" not in name
    )
    assert all(p.requires_grad for p in found.parameters())


def test_the_backbone_of_the_package_is_known_by_its_name():
    expected = load_backbone(SHIPPED).backbone.state_dict()
    for mode in ("frozen", "all"):
        found = chosen_backbone("shipped", mode, "S", 0).backbone.state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in found.items())


@pytest.mark.parametrize(("spec", "mode"), [("random", "frozen"), ("scratch", "all")])
def test_drawn_backbones_follow_their_seed(spec, mode):
    torch.manual_seed(3)
    first, again, other = (chosen_backbone(spec, mode, "S", seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    drawn = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize(
    ("spec", "mode", "told"),
    [
        ("scratch", "frozen", "must be trained; give --backbone random"),
        ("random", "all", "--backbone scratch; give that"),
        ("nowhere.safetensors", "frozen", "there is no backbone nowhere.safetensors"),
    ],
)
def test_choices_that_make_no_sense_are_refused(spec, mode, told):
    with pytest.raises(UserError, match=told):
        chosen_backbone(spec, mode, "S", 0)
