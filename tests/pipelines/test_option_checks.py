"""Options out of range."""

from dataclasses import fields

import pytest
from nerfstudio.models.base_model import ModelConfig

from condense_ns.data.feature_datamanager import FeatureDataManagerConfig
from condense_ns.data.scenes_datamanager import ScenesDataManagerConfig
from condense_ns.data.volume_datamanager import VolumeDataManagerConfig
from condense_ns.errors import UserError
from condense_ns.models.condense_dense import CondenseDenseModelConfig
from condense_ns.models.condense_pretrain import CondensePretrainModelConfig
from condense_ns.models.lift3d import Lift3DModelConfig
from condense_ns.pipelines.option_checks import (
    OF_LIFTING,
    OF_PRETRAINING,
    check_cross_scene_options,
    check_options,
)


def test_the_defaults_are_in_range():
    check_options(CondenseDenseModelConfig(), FeatureDataManagerConfig())


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "feature_latent_dim",
            0,
            "--pipeline.model.feature-latent-dim is 0, it must be at least 1",
        ),
        ("feature_samples_per_ray", -3, "feature-samples-per-ray is -3"),
        ("feature_l2_loss_mult", -1.0, "feature-l2-loss-mult is -1.0, it must be at least 0"),
        ("feature_cosine_loss_mult", float("nan"), "feature-cosine-loss-mult is nan"),
        ("depth_sigma", 0.0, "depth-sigma is 0.0, it must be above 0"),
    ],
)
def test_numbers_of_the_model(name: str, value: float, sentence: str):
    config = CondenseDenseModelConfig()
    setattr(config, name, value)
    with pytest.raises(UserError, match=sentence):
        check_options(config, FeatureDataManagerConfig())


@pytest.mark.parametrize("name", ["encoder_image_size", "feature_components"])
def test_numbers_of_the_data_manager(name: str):
    config = FeatureDataManagerConfig()
    setattr(config, name, 0)
    with pytest.raises(UserError, match="is 0, it must be at least 1"):
        check_options(CondenseDenseModelConfig(), config)


OF_BOTH = [(Lift3DModelConfig, OF_LIFTING), (CondensePretrainModelConfig, OF_PRETRAINING)]


@pytest.mark.parametrize(("kind", "limits"), OF_BOTH)
def test_every_number_of_models_over_many_scenes_is_checked(kind, limits):
    check_cross_scene_options(kind(), ScenesDataManagerConfig())
    of_the_host = {setting.name for setting in fields(ModelConfig)} - {"eval_num_rays_per_chunk"}
    of_the_host |= {"eval_num_rays_per_chunk"} - set(limits)
    numbers = {
        setting.name
        for setting in fields(kind)
        if setting.name not in of_the_host and type(setting.default) in (int, float)
    }
    assert set(limits) == numbers


@pytest.mark.parametrize(
    ("kind", "name", "least"),
    [(kind, name, least) for kind, limits in OF_BOTH for name, least in limits.items()],
)
def test_numbers_of_models_over_many_scenes(kind, name: str, least: int):
    config = kind()
    setattr(config, name, least)
    check_cross_scene_options(config, ScenesDataManagerConfig())
    setattr(config, name, least - 1)
    option = f"--pipeline.model.{name.replace('_', '-')} is {least - 1}, it must be"
    with pytest.raises(UserError, match=option):
        check_cross_scene_options(config, ScenesDataManagerConfig())


@pytest.mark.parametrize(("kind", "limits"), OF_BOTH)
def test_something_is_learnt(kind, limits):
    config = kind()
    weights = [name for name in limits if name.endswith("_loss_mult")]
    for name in weights:
        setattr(config, name, 0.0)
    with pytest.raises(UserError, match=r"all weights of losses.* are 0.*leave one above"):
        check_cross_scene_options(config, ScenesDataManagerConfig())
    setattr(config, weights[0], 0.1)
    check_cross_scene_options(config, ScenesDataManagerConfig())


def test_the_data_manager_is_told_what_is_trained_for():
    data = VolumeDataManagerConfig()
    model = CondensePretrainModelConfig(objectives=("mvnet", "sparse"))
    check_cross_scene_options(model, data)
    assert data.objectives == ("mvnet", "sparse")
    with pytest.raises(UserError, match="objectives is empty"):
        check_cross_scene_options(CondensePretrainModelConfig(objectives=()), data)


@pytest.mark.parametrize("objective", ["sparse", "mvnet"])
def test_what_compares_views_is_not_trained_for_with_one(objective: str):
    data = VolumeDataManagerConfig(views_per_example=1)
    model = CondensePretrainModelConfig(objectives=("condense", objective))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"views-per-example is 1, but .* give 2 or more, or"):
        check_cross_scene_options(model, data)
    data.views_per_example = 2
    check_cross_scene_options(model, data)


def test_mvnet_without_correspondence_needs_one_view():
    model = CondensePretrainModelConfig(correspondence_loss_mult=0.0)
    check_cross_scene_options(model, VolumeDataManagerConfig(views_per_example=1))
