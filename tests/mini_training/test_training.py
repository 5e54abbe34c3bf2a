"""A step, the schedule, going on after a kill."""

from dataclasses import replace

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.mini_training.training import (
    CHECKPOINT_NAME,
    Trainer,
    TrainingSettings,
    class_weights,
    learning_share,
    padded_tokens,
    train,
)
from tests.mini_training.tiny_mini import TINY_CONFIG

SETTINGS = TrainingSettings(steps=4, batch=4, crop=24, wide_crop=(24, 32), wide_every=2)


def trainer_of(photographs, **changes):
    return Trainer(photographs, replace(SETTINGS, **changes), TINY_CONFIG)


def weights_of(trainer):
    states = (trainer.model.state_dict(), trainer.average.state_dict(), trainer.losses.state_dict())
    return [tensor for state in states for tensor in state.values()]


def test_a_killed_training_goes_on_to_the_same_weights_bit_for_bit(photographs, tmp_path):
    whole = trainer_of(photographs)
    train(whole, tmp_path / "whole", 1e9)
    killed = trainer_of(photographs)
    killed.step()
    killed.step()
    (tmp_path / "killed").mkdir()
    killed.save(tmp_path / "killed" / CHECKPOINT_NAME)
    resumed = trainer_of(photographs)
    train(resumed, tmp_path / "killed", 1e9)
    assert resumed.steps == whole.steps == 4
    assert resumed.recent == whole.recent
    pairs = zip(weights_of(whole), weights_of(resumed), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


def test_steps_change_the_weights_and_the_average_follows(photographs):
    trainer = trainer_of(photographs)
    before = [weight.clone() for weight in weights_of(trainer)]
    trainer.step()
    trainer.step()
    after = weights_of(trainer)
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    average, weights = trainer.average.state_dict(), trainer.model.state_dict()
    assert not torch.equal(average["text_projection"], weights["text_projection"])


@pytest.mark.parametrize("change", [{"seed": 1}, {"batch": 2}])
def test_checkpoints_of_other_settings_are_refused(photographs, tmp_path, change):
    trainer_of(photographs).save(tmp_path / CHECKPOINT_NAME)
    with pytest.raises(UserError, match="other settings"):
        train(trainer_of(photographs, **change), tmp_path, 1e9)


def test_more_steps_may_follow_the_last(photographs, tmp_path):
    train(trainer_of(photographs, steps=1), tmp_path, 1e9)
    longer = trainer_of(photographs, steps=2)
    train(longer, tmp_path, 0.0)
    assert longer.steps == 2


def test_the_learning_rate_rises_then_falls_to_a_hundredth():
    assert learning_share(0.015, 0.03) == pytest.approx(0.5)
    assert learning_share(0.03, 0.03) == pytest.approx(1.0)
    assert learning_share(0.515, 0.03) == pytest.approx(0.505)
    assert learning_share(1.5, 0.03) == pytest.approx(0.01)


def test_minutes_end_a_training_before_its_steps(photographs):
    trainer = trainer_of(photographs, minutes=1.0)
    trainer.seconds = 30.0
    assert trainer.progress == 0.5


def test_texts_are_padded_and_cut_to_the_context(photographs):
    tokenizer = trainer_of(photographs).tokenizer
    tokens = padded_tokens(tokenizer, 6)(["ball", "ball " * 50, ""])
    assert tokens.shape == (3, 6)
    assert (tokens == tokenizer.token_to_id("<end>")).sum(dim=1).tolist() == [1, 1, 1]


def test_frequent_classes_weigh_less(photographs):
    counts = torch.from_numpy(photographs.classes.astype("int64")).flatten().bincount(minlength=26)
    weights = class_weights(photographs)
    assert weights.shape == (25,)
    assert weights[counts[1:].argmax()] == weights.min()
