"""Tensors kept in files: made once, made anew when damaged, made anyway where nothing can be written."""

from pathlib import Path

import torch

from condense_ns.data.kept_tensor import kept_tensor


def test_it_is_made_once_and_anew_when_its_file_is_damaged(tmp_path: Path):
    file, made = tmp_path / "folder" / "one.safetensors", []

    def make() -> torch.Tensor:
        made.append(1)
        return torch.arange(6.0).reshape(2, 3).T  # not contiguous

    first = kept_tensor(file, make)
    assert torch.equal(first, torch.tensor([[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]))
    assert torch.equal(kept_tensor(file, make), first)
    assert len(made) == 1
    file.write_bytes(file.read_bytes()[:20])
    assert torch.equal(kept_tensor(file, make), first)
    assert torch.equal(kept_tensor(file, make), first)
    assert len(made) == 2
    assert [one.name for one in file.parent.iterdir()] == ["one.safetensors"]


def test_a_file_that_cannot_be_written_is_no_hindrance(tmp_path: Path):
    (tmp_path / "folder").write_text("a file is in the way")
    assert float(kept_tensor(tmp_path / "folder" / "one", lambda: torch.tensor(3.0))) == 3.0
