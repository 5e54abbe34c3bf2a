"""Weights and texts come back, or one sentence says what is wrong and what to do."""

import re

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.weight_file import first_line, read_weights, write_weights

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2], dtype=torch.uint8)}


def read(path):
    return read_weights(path, "weights of x", "x 1", "give others")


def test_tensors_and_texts_come_back_whatever_their_memory_layout(tmp_path):
    write_weights(tmp_path / "new" / "w", STATE | {"a": STATE["a"].T}, {"format": "x 1", "n": "3"})
    state, about = read(tmp_path / "new" / "w")
    assert torch.equal(state["a"], STATE["a"].T)
    assert torch.equal(state["b"], STATE["b"])
    assert about == {"format": "x 1", "n": "3"}


@pytest.mark.parametrize("about", [{}, {"format": "x 2"}])
def test_another_format_is_refused(about, tmp_path):
    write_weights(tmp_path / "w", STATE, about)
    found = re.escape(repr(about.get("format")))
    with pytest.raises(
        UserError,
        match=f"w does not hold weights of x .format {found}, expected 'x 1'.; give others",
    ):
        read(tmp_path / "w")


def test_a_missing_or_damaged_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"w cannot be read as weights of x \(.*\); give others"):
        read(tmp_path / "w")
    (tmp_path / "w").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"w cannot be read as weights of x \(.*\); give others"):
        read(tmp_path / "w")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder cannot be read"):
        read(tmp_path / "folder")


def test_errors_are_cut_to_one_line():
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
