"""Presets: what they promise and what their saved form depends on."""

import re
from dataclasses import fields

import pytest
import yaml

from condense_ns.methods import (
    SPECIFICATIONS,
    condense_dense,
    condense_dense_tiny,
    condense_pretrain,
    condense_pretrain_tiny,
    condense_sparse,
    condense_sparse_tiny,
)
from condense_ns.models.condense_dense import CondenseDenseModelConfig
from tests.sparse_run import sparse_pipeline_config
from tests.training import pipeline_config

CLASSES_OF_DENSE = {
    "condense_ns.data.feature_datamanager.FeatureDataManager",
    "condense_ns.data.feature_datamanager.FeatureDataManagerConfig",
    "condense_ns.models.condense_dense.CondenseDenseModel",
    "condense_ns.models.condense_dense.CondenseDenseModelConfig",
    "condense_ns.pipelines.feature_pipeline.FeaturePipeline",
    "condense_ns.pipelines.feature_pipeline.FeaturePipelineConfig",
    "condense_ns.pipelines.fused_adam.FusedAdamConfig",
}
CLASSES_OF_SPARSE = {
    "condense_ns.data.feature_datamanager.FeatureDataManager",
    "condense_ns.data.feature_datamanager.FeatureDataManagerConfig",
    "condense_ns.models.condense_sparse.CondenseSparseModel",
    "condense_ns.models.condense_sparse.CondenseSparseModelConfig",
    "condense_ns.pipelines.fused_adam.FusedAdamConfig",
    "condense_ns.pipelines.sparse_pipeline.SparsePipeline",
    "condense_ns.pipelines.sparse_pipeline.SparsePipelineConfig",
}
CLASSES_OF_PRETRAINING = {
    "condense_ns.data.volume_datamanager.VolumeDataManager",
    "condense_ns.data.volume_datamanager.VolumeDataManagerConfig",
    "condense_ns.models.condense_pretrain.CondensePretrainModel",
    "condense_ns.models.condense_pretrain.CondensePretrainModelConfig",
    "condense_ns.pipelines.cross_scene_pipeline.CrossScenePipeline",
    "condense_ns.pipelines.cross_scene_pipeline.CrossScenePipelineConfig",
    "condense_ns.pipelines.fused_adam.FusedAdamConfig",
}
LANDING = {
    "condense_ns.pipelines.landing_schedule.LandingSchedule",
    "condense_ns.pipelines.landing_schedule.LandingScheduleConfig",
}
"""A run's config.yml names these: moving one makes every run of every user unreadable."""


@pytest.mark.parametrize(
    ("builder", "classes"),
    [
        (condense_dense, CLASSES_OF_DENSE),
        (condense_dense_tiny, CLASSES_OF_DENSE | LANDING),
        (condense_sparse, CLASSES_OF_SPARSE | LANDING),
        (condense_sparse_tiny, CLASSES_OF_SPARSE | LANDING),
        (condense_pretrain, CLASSES_OF_PRETRAINING | LANDING),
        (condense_pretrain_tiny, CLASSES_OF_PRETRAINING | LANDING),
    ],
)
def test_a_config_survives_being_saved_and_names_only_the_known_classes(builder, classes):
    text = yaml.dump(builder())
    assert yaml.load(text, Loader=yaml.Loader) == builder()  # noqa: S506
    assert set(re.findall(r"!!python/\w+:(condense_ns[\w.]+)", text)) == classes


@pytest.mark.parametrize(
    "builder", [condense_dense_tiny, condense_sparse_tiny, condense_pretrain_tiny]
)
def test_the_tiny_presets_ask_for_no_gpu(builder):
    config = builder()
    assert config.machine.device_type == "cpu"
    assert not config.mixed_precision
    assert not config.use_grad_scaler


def test_every_preset_has_a_description():
    assert all(specification.description for specification in SPECIFICATIONS.values())


@pytest.mark.parametrize(
    ("sparse", "dense"),
    [(condense_sparse, condense_dense), (condense_sparse_tiny, condense_dense_tiny)],
)
def test_sparse_is_dense_with_keypoints(sparse, dense):
    ours, theirs = sparse(), dense()
    for setting in fields(CondenseDenseModelConfig):
        if setting.name != "_target":
            mine = getattr(pipeline_config(ours).model, setting.name)
            assert mine == getattr(pipeline_config(theirs).model, setting.name), setting.name
    assert set(ours.optimizers) == {*theirs.optimizers, "keypoints"}
    assert pipeline_config(ours).datamanager == pipeline_config(theirs).datamanager


@pytest.mark.parametrize("builder", [condense_sparse, condense_sparse_tiny])
def test_keypoints_are_trained_to_the_end(builder):
    config = builder()
    pipeline = sparse_pipeline_config(config)
    assert 0 < pipeline.keypoint_start < config.max_num_iterations
    assert pipeline.keypoint_start + pipeline.keypoint_steps == config.max_num_iterations
    schedule = config.optimizers["keypoints"]["scheduler"]
    assert schedule.max_steps == config.max_num_iterations
