"""A training that is gone leaves the trainings after it alone."""

from pathlib import Path

import pytest
from nerfstudio.utils import writer

from condense_ns.benchmarks.short_training import run_step, training_folder
from condense_ns.errors import UserError
from tests.training import feature_pipeline, prepared, small_config


def test_later_trainings_write_no_more_where_it_was(scene: Path, tmp_path: Path):
    before = list(writer.EVENT_WRITERS)
    with training_folder() as folder:
        trainer = prepared(small_config(scene, folder))
        run_step(trainer, 0)
        assert len(writer.EVENT_WRITERS) > len(before)
        assert any(folder.rglob("events.*"))
    assert not folder.exists()
    assert before == writer.EVENT_WRITERS
    config = small_config(scene, tmp_path)
    config.max_num_iterations = 1
    prepared(config).train()


def test_writers_are_dropped_after_a_failure_too():
    before = list(writer.EVENT_WRITERS)
    with pytest.raises(UserError), training_folder():
        _fail_while_writing()
    assert before == writer.EVENT_WRITERS


def _fail_while_writing() -> None:
    writer.EVENT_WRITERS.append(object())
    raise UserError("no space")


def test_a_step_runs_the_callbacks_around_it(scene: Path, tmp_path: Path):
    trainer = prepared(small_config(scene, tmp_path))
    field = feature_pipeline(trainer).model
    run_step(trainer, 300)
    annealed = field.proposal_sampler._anneal
    run_step(trainer, 10)
    assert field.proposal_sampler._anneal < annealed
