"""The losses of a batch: which phrases are true of a patch, and gradients for all weights."""

import random

import torch

from condense_ns.mini_training.batch_losses import LOSS_WEIGHTS, BatchLosses, phrase_truth
from condense_ns.mini_training.crops import Crops, random_crops
from condense_ns.mini_training.mini_folder import new_model, train_tokenizer
from condense_ns.mini_training.prompts import (
    TARGET_CLASSES,
    Described,
    Phrase,
    tokenizer_corpus,
)
from condense_ns.mini_training.training import padded_tokens
from tests.mini_training.tiny_mini import TINY_CONFIG


def losses_of(crops):
    text = TINY_CONFIG["text_cfg"]
    tokenizer = train_tokenizer(tokenizer_corpus([]), text["vocab_size"])
    tokens_of = padded_tokens(tokenizer, text["context_length"])
    losses = BatchLosses(tokens_of, torch.ones(len(TARGET_CLASSES)))
    model = new_model(TINY_CONFIG, 0)
    return model, losses(model, crops, random.Random(0))


def test_truth_of_phrases_by_hand():
    ball = Described("ball", "red", "plain", "a red ball")
    sofa = Described("sofa", "blue", "plain", "a blue sofa")
    things = torch.tensor([[[0, 1, -1]]])
    crops = Crops(torch.zeros(1, 3, 4, 12), things, things, [ball, sofa], ["x"])
    phrases = [Phrase("ball", "ball"), Phrase("something plain", pattern="plain")]
    assert phrase_truth(crops, phrases).tolist() == [[True, True], [False, True], [False, False]]


def test_every_loss_is_finite_and_together_they_reach_all_weights(photographs):
    crops = random_crops(photographs, range(4), (24, 24), 4, random.Random(0))
    model, losses = losses_of(crops)
    assert losses.keys() == LOSS_WEIGHTS.keys()
    torch.stack(list(losses.values())).sum().backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert without == []
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_a_batch_that_shows_nothing_clear_teaches_patches_nothing():
    unclear = torch.full((2, 6, 6), -1)
    crops = Crops(torch.rand(2, 3, 24, 24), unclear, unclear, [], ["nothing", "a room"])
    _, losses = losses_of(crops)
    assert [losses[name].item() for name in ("class", "phrase", "generic")] == [0.0, 0.0, 0.0]
    assert torch.isfinite(losses["caption"])
