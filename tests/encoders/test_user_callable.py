"""Objects that callables of the user's make; what is refused is tested with `torch_module`."""

import importlib
import sys

import pytest

from condense_ns.encoders.base import EncoderError
from condense_ns.encoders.user_callable import made_by_callable


def test_the_object_and_all_its_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shapes_of_others.py").write_text("class Square:\n    side = 3\n")
    source = "from shapes_of_others import Square\n\ndef square():\n    return Square()\n"
    (tmp_path / "made_by_me.py").write_text(source)
    made, text = made_by_callable("torch:made_by_me:square")
    assert made.side == 3
    assert source in text
    assert "side = 3" in text  # a change of it changes fingerprints


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("undefined_name", r"failed \(NameError: name 'undefined_name' is not defined\); correct"),
        ("def square(:\n", r"failed \(SyntaxError: .*failing_at_import\.py, line 1\)\); correct"),
        ("import os\nos.no_such_thing", r"failed \(AttributeError: .*no_such_thing'.*\); correct"),
        ("import no_such_package", r"failed \(ModuleNotFoundError: .*\); .* install what it needs"),
        ("raise RuntimeError", r"failed \(RuntimeError: \); correct"),
        ("square = 3", r"square is not callable"),
        ("circle = 3", r"has no attribute 'square'; define it there"),
    ],
)
def test_modules_that_fail_end_in_one_sentence(tmp_path, monkeypatch, source, message):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "failing_at_import", raising=False)
    (tmp_path / "failing_at_import.py").write_text(source)
    importlib.invalidate_caches()
    with pytest.raises(EncoderError, match=f"torch:failing_at_import:square: .*{message}") as told:
        made_by_callable("torch:failing_at_import:square")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("module", ["no_such_module", "no_such_package.network"])
def test_a_missing_module_is_told_where_to_lie(module):
    with pytest.raises(EncoderError, match=r"No module named .*put its folder on PYTHONPATH"):
        made_by_callable(f"torch:{module}:square")
