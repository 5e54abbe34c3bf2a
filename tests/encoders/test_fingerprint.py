"""Digests of settings, files and tensors."""

import pytest
import torch

from condense_ns.encoders.fingerprint import files_digest, fingerprint, state_digest


def test_settings_by_value():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert len(fingerprint({})) == 64
    with pytest.raises(TypeError):
        fingerprint({"a": object()})


def test_files_by_bytes(tmp_path):
    first, second, third = (tmp_path / name for name in ("a", "b", "c"))
    first.write_bytes(b"12")
    second.write_bytes(b"12")
    third.write_bytes(b"13")
    assert files_digest([first]) == files_digest([second])
    assert files_digest([first]) != files_digest([third])
    # The order asked for does not matter, and neither may bytes move from one file to the next.
    assert files_digest([first, third]) == files_digest([third, first])
    (tmp_path / "d").write_bytes(b"1")
    (tmp_path / "e").write_bytes(b"213")
    assert files_digest([first, third]) != files_digest([tmp_path / "d", tmp_path / "e"])


def test_tensors_by_name_type_shape_and_content():
    tensor = torch.arange(4.0)
    same = {"a": tensor, "b": tensor}
    assert state_digest(same) == state_digest({"b": tensor.clone(), "a": tensor.clone()})
    others = [
        {"a": tensor},
        {"a": tensor, "c": tensor},
        {"a": tensor, "b": tensor.reshape(2, 2)},
        {"a": tensor, "b": tensor.to(torch.bfloat16)},
        {"a": tensor, "b": tensor + 1},
    ]
    assert len({state_digest(state) for state in [same, *others]}) == 6
