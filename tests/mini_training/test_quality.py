"""Figures of an encoder: a seeing one, a blind one."""

import pytest
import torch

from condense_ns.mini_training.prompts import TARGET_CLASSES
from condense_ns.mini_training.quality import quality

BASELINES = "_without_looking"


def test_an_untrained_encoder_gets_every_figure_in_range(encoder, photographs):
    figures = quality(encoder, photographs)
    assert all(0.0 <= figure <= 1.0 for figure in figures.values())
    for name in ("mean_iou", "pixel_accuracy", "class_localisation", "caption_retrieval"):
        assert {name, name + BASELINES} <= figures.keys()
    assert figures["caption_retrieval" + BASELINES] == 1 / 2
    assert figures["calibration_error"] == figures["calibration_error_uncalibrated"]


def test_one_answer_everywhere_gets_the_baseline_of_segmentation(encoder, photographs, monkeypatch):
    """Every cell answers the most frequent class."""
    counts = torch.from_numpy(photographs.classes.astype("int64")).flatten().bincount()
    majority = TARGET_CLASSES[int(counts[1:].argmax())]
    answer = encoder.encode_text([majority])[0]
    monkeypatch.setattr(encoder, "encode", lambda images: answer.expand(1, 3, 4, -1))
    figures = quality(encoder, photographs)
    for name in ("mean_iou", "pixel_accuracy"):
        assert figures[name] == pytest.approx(figures[name + BASELINES])
    assert figures["pixel_accuracy"] == pytest.approx(int(counts[1:].max()) / int(counts[1:].sum()))
