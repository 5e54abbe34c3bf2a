"""Encoders by name, and what is refused before any of them is built."""

import subprocess
import sys

import pytest

from condense_ns.encoders import ENCODERS, EncoderError, build_encoder, check_device


@pytest.mark.parametrize("spec", ["", "nonsense", "resnet:file", "onnx", "onnx:", "openclip:"])
def test_an_unknown_spec_lists_the_known_ones(spec):
    with pytest.raises(EncoderError, match=r"unknown encoder .*known are") as raised:
        build_encoder(spec)
    assert all(kind in str(raised.value) for kind in ENCODERS)


@pytest.mark.parametrize(
    ("device", "image_size", "message"),
    [
        ("gpu", None, "unknown device 'gpu'; use cpu, cuda"),
        ("cpu", 0, "image_size 0 must be a positive number"),
        ("cpu", 100_000, "image_size 100000 must be 16384 pixels or less"),
    ],
)
def test_device_and_size_are_checked_first(device, image_size, message):
    with pytest.raises(EncoderError, match=message):
        build_encoder("dinov2-small", device, image_size)


def test_a_missing_gpu_is_said(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(EncoderError, match="'cuda' is not available on this machine; use cpu"):
        build_encoder("dinov2-small", "cuda")


@pytest.mark.parametrize("device", ["cuda:2", "meta", "cpu:1"])
def test_a_device_that_is_not_there_is_said(monkeypatch, device):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    check_device("cuda:1")
    with pytest.raises(EncoderError, match=f"'{device}' is not available on this machine; use cpu"):
        check_device(device)


def test_importing_the_registry_imports_no_model_zoo():
    code = (
        "import sys, condense_ns.encoders; "
        "sys.exit(bool({'open_clip', 'transformers', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
