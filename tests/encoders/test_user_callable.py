"""Objects that callables of the user's make; what is refused is tested with `torch_module`."""

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
