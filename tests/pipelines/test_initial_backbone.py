"""What a training takes over from a backbone's file, what begins anew, and what does not fit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import OtherParts, SavedBackbone, load_backbone, save_backbone
from condense_ns.fields.feature_field import fingerprint_tensor
from condense_ns.models.condense_pretrain import CondensePretrainModelConfig
from condense_ns.models.lift3d import Lift3DModelConfig
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipeline
from condense_ns.pipelines.initial_backbone import begin_with, initial_backbone
from condense_ns.pretraining.joint_network import JointNetwork
from tests.backbones import LATENT, write_backbone
from tests.fields.small_tail import SHAPE
from tests.lift_run import lift_pipeline, write_list
from tests.pretrain_run import losses_of, model_of, model_settings, small_pretrain_config
from tests.pretraining.made_up_example import CHANNELS, example, network
from tests.training import COLOURS, prepared


def saved(path: Path, made: JointNetwork) -> SavedBackbone:
    """As it comes back from a file."""
    others = OtherParts(made.branch_2d, made.score_3d)
    save_backbone(path, made.backbone, made.decoders, others=others)
    return load_backbone(path)


def trained(seed: int = 1) -> JointNetwork:
    """One whose 2D branch says something."""
    made = network(seed)
    for weight in made.branch_2d.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    made.decoders.of_encoder("fine").mean.fill_(0.25)
    return made


def test_all_is_taken_over_from_a_backbone_of_the_same_encoders(tmp_path: Path):
    file, made = saved(tmp_path / "own.safetensors", trained()), network()
    assert begin_with(made, file) == ["fine", "coarse"]
    theirs, given = trained(), example()
    for one in (made, theirs):
        one.eval()
    torch.testing.assert_close(made.latents([given]), theirs.latents([given]))
    maps, latents = given.features["fine"], torch.randn(2, 3, 16)
    for spec in CHANNELS:
        torch.testing.assert_close(made.decoded(spec, latents), theirs.decoded(spec, latents))
    torch.testing.assert_close(made.standardised("fine", maps), theirs.standardised("fine", maps))
    torch.testing.assert_close(made.refined("fine", maps), theirs.refined("fine", maps))
    for name in ("score_3d", "branch_2d"):
        ours, wanted = (getattr(one, name).state_dict() for one in (made, theirs))
        assert all(torch.equal(value, wanted[key]) for key, value in ours.items())
    assert all(weight.requires_grad for weight in made.backbone.parameters())


def test_an_encoder_that_the_file_does_not_know_has_parts_of_its_own(tmp_path: Path):
    file = saved(tmp_path / "own.safetensors", trained())
    torch.manual_seed(2)
    made = JointNetwork({"other": 4, "coarse": 3}, "S", 16, 16, refiner_width=8)
    made.decoders.of_encoder("coarse").fingerprint.copy_(fingerprint_tensor("00"))
    before = {name: value.clone() for name, value in made.state_dict().items()}
    assert begin_with(made, file) == ["coarse"]
    taken = {name for name, value in made.state_dict().items() if not value.equal(before[name])}
    assert any(name.startswith("backbone.") for name in taken)
    assert any(name.startswith("decoders.decoders.1.") for name in taken)
    # another encoder's decoder, adapters of another width, scores of another encoder's features
    assert not any(name.startswith(("decoders.decoders.0.", "branch_2d.")) for name in taken)


def test_updates_of_an_encoders_blocks_go_on_and_the_blocks_stay_the_encoders(tmp_path: Path):
    shape = replace(SHAPE, blocks=1, width=5, heads=1, hidden=6, channels=5, rank=2)

    def of_tail(seed: int) -> JointNetwork:
        torch.manual_seed(seed)
        made = JointNetwork(CHANNELS, "S", 16, 16, 16, {"fine": shape})
        for decoder in made.decoders.decoders:
            decoder.fingerprint.copy_(fingerprint_tensor("00"))  # type: ignore[operator]
        for weight in made.branch_2d.parameters():
            torch.nn.init.normal_(weight)
        return made

    theirs, made = of_tail(1), of_tail(2)
    own = {name: value.clone() for name, value in made.branch_2d.part("fine").state_dict().items()}
    begin_with(made, saved(tmp_path / "lora.safetensors", theirs))
    wanted = theirs.branch_2d.part("fine").state_dict()
    for name, value in made.branch_2d.part("fine").state_dict().items():
        updated = name.endswith((".down", ".up"))
        assert value.equal(wanted[name] if updated else own[name]), name


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"preset": "M"}, r"--pipeline.model.preset is M, \S+own.safetensors has S: set it to"),
        ({"latent_dim": 8}, r"latent-dim is 8, \S+ has 16"),
        ({"decoder_hidden_dim": 0}, r"decoder-hidden-dim is 0, \S+ has 16"),
        (
            {"initial_weights": Path("gone.safetensors")},
            r"there is no backbone gone\.safetensors; g",
        ),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, options, told):
    saved(tmp_path / "own.safetensors", trained())
    sizes = {"preset": "S", "latent_dim": 16, "decoder_hidden_dim": 16}
    usual = {"initial_weights": tmp_path / "own.safetensors", **sizes}
    assert initial_backbone(CondensePretrainModelConfig(**usual)) is not None  # type: ignore[arg-type]
    assert initial_backbone(CondensePretrainModelConfig()) is None
    assert initial_backbone(Lift3DModelConfig()) is None
    with pytest.raises(UserError, match=told):
        initial_backbone(CondensePretrainModelConfig(**{**usual, **options}))  # type: ignore[arg-type]


def test_an_encoder_with_other_weights_is_told(tmp_path: Path):
    made = network()
    made.decoders.of_encoder("coarse").fingerprint.copy_(fingerprint_tensor("11"))
    with pytest.raises(UserError, match="trained with coarse of other weights or settings"):
        begin_with(made, saved(tmp_path / "own.safetensors", trained()))


def test_a_run_starts_from_a_file_that_it_does_not_need_later(
    tabletops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = write_backbone(tmp_path / "own.safetensors", (COLOURS,), 64, refining=0.1)
    config = small_pretrain_config(write_list(tabletops, tmp_path / "list.yaml"), tmp_path / "runs")
    settings = model_settings(config)
    settings.initial_weights, settings.latent_dim = file, LATENT
    settings.decoder_hidden_dim, settings.refiner_width = 6, 4
    trainer = prepared(config)
    assert f"the 3D backbone and the parts of {COLOURS}" in " ".join(
        capsys.readouterr().out.split()
    )
    found, theirs = model_of(lift_pipeline(trainer)).network, load_backbone(file)
    assert theirs.others is not None
    for ours, wanted in (
        (found.backbone, theirs.backbone),
        (found.branch_2d, theirs.others.branch_2d),
    ):
        expected = wanted.state_dict()
        assert all(value.equal(expected[name]) for name, value in ours.state_dict().items())
    assert all(loss >= 0 for loss in losses_of(trainer, 0, 1)[0].values())
    trainer.save_checkpoint(0)
    file.unlink()
    _, again, _, _ = eval_setup(trainer.base_dir / "config.yml", test_mode="test")
    assert isinstance(again, CrossScenePipeline)
    config.output_dir = tmp_path / "other"
    with pytest.raises(UserError, match=r"there is no backbone \S+; give what condense export"):
        prepared(config)
