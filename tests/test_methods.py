"""Presets: what they promise and what their saved form depends on."""

import re

import pytest
import yaml

from condense_ns.methods import SPECIFICATIONS, condense_dense, condense_dense_tiny

CLASSES_IN_RUNS = {
    "condense_ns.data.feature_datamanager.FeatureDataManager",
    "condense_ns.data.feature_datamanager.FeatureDataManagerConfig",
    "condense_ns.models.condense_dense.CondenseDenseModel",
    "condense_ns.models.condense_dense.CondenseDenseModelConfig",
    "condense_ns.pipelines.feature_pipeline.FeaturePipeline",
    "condense_ns.pipelines.feature_pipeline.FeaturePipelineConfig",
    "condense_ns.pipelines.fused_adam.FusedAdamConfig",
}
"""A run's config.yml names these: moving one makes every run of every user unreadable."""


@pytest.mark.parametrize("builder", [condense_dense, condense_dense_tiny])
def test_a_config_survives_being_saved_and_names_only_the_known_classes(builder):
    text = yaml.dump(builder())
    assert yaml.load(text, Loader=yaml.Loader) == builder()  # noqa: S506
    assert set(re.findall(r"!!python/\w+:(condense_ns[\w.]+)", text)) == CLASSES_IN_RUNS


def test_the_tiny_preset_asks_for_no_gpu():
    config = condense_dense_tiny()
    assert config.machine.device_type == "cpu"
    assert not config.mixed_precision
    assert not config.use_grad_scaler


def test_every_preset_has_a_description():
    assert all(specification.description for specification in SPECIFICATIONS.values())
