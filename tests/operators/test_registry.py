"""Operators by their texts."""

import subprocess
import sys

import pytest

from condense_ns.errors import UserError
from condense_ns.operators import OPERATORS, build_operator, describe_operators

COLOURS = "torch:colour_network:network"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "unknown operator ''; known are rgb, features:<encoder>, "),
        ("depth:net", "unknown operator 'depth:net'; known are .*stroke:<encoder>"),
        ("style", "unknown operator 'style'"),
        ("style:", "unknown operator 'style:'"),
        ("rgb:3", "unknown operator 'rgb:3'"),
        ("features:nobody", "unknown encoder 'nobody'"),
    ],
)
def test_unknown_specs(spec, message):
    with pytest.raises(UserError, match=message):
        build_operator(spec)


def test_devices_and_sizes_that_make_no_sense():
    with pytest.raises(UserError, match="unknown device 'gpu'; use cpu"):
        build_operator("rgb", device="gpu")
    with pytest.raises(UserError, match="image_size 0 must be a positive number"):
        build_operator("rgb", image_size=0)


def test_image_size_reaches_the_encoder():
    assert build_operator(f"features:{COLOURS}", image_size=32).grid_size(20, 40) == (4, 8)


def test_every_operator_is_described_in_a_line():
    lines = describe_operators()
    assert len(lines) == len(OPERATORS)
    for name, line in zip(OPERATORS, lines, strict=True):
        assert line.startswith(name)
        assert "\n" not in line
        assert len(line) > len(name) + 20


def test_importing_the_registry_imports_no_model_zoo():
    heavy = ["open_clip", "transformers", "onnxruntime", "ai_edge_litert", "kornia", "nerfstudio"]
    code = f"import sys, condense_ns.operators; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
