"""Numbers of classes, sizes of answers; what else is written is tested with `commands.lift`."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.operators import build_operator
from condense_ns.pipelines.lift_output import write_views
from condense_ns.pipelines.scene_lifting import SceneLifter


@pytest.fixture
def lifter(monkeypatch):
    """Of one view, whose picture is grey."""
    grey = torch.full((3, 16, 16), 0.5)
    rendered = SimpleNamespace(accumulation=torch.ones(16, 16, 1))
    view = SimpleNamespace(rendered=rendered, picture=grey)
    monkeypatch.setattr(SceneLifter, "render", lambda *_, **__: view)
    one = (torch.zeros(1), [0])
    monkeypatch.setattr("condense_ns.pipelines.lift_output._cameras", lambda *_: one)
    return SceneLifter.__new__(SceneLifter)


@pytest.mark.parametrize(("classes", "kind"), [(2, "uint8"), (256, "uint8"), (847, "uint16")])
def test_every_class_has_its_number(lifter, tmp_path, monkeypatch, classes, kind):
    labels = (torch.arange(256) * (classes - 1) // 255).view(16, 16)
    answered = SimpleNamespace(picture=torch.full((3, 16, 16), 0.5), labels=labels)
    monkeypatch.setattr(SceneLifter, "lifted_answer", lambda *_: answered)
    operator = build_operator("rgb")
    operator.label_names = tuple(f"class {number}" for number in range(classes))
    write_views(lifter, operator, "eval", 2, tmp_path)
    found = np.asarray(Image.open(tmp_path / "labels/00000.png"))
    assert found.dtype == kind
    assert np.array_equal(found, labels.numpy())
    assert found.max() == classes - 1


@pytest.mark.parametrize("side", [16, 47, 64])
def test_an_enlarged_answer_keeps_its_size_and_its_film_even_sides(
    lifter, tmp_path, monkeypatch, side
):
    answered = SimpleNamespace(picture=torch.full((3, side, side + 1), 0.5), labels=None)
    monkeypatch.setattr(SceneLifter, "lifted_answer", lambda *_: answered)
    write_views(lifter, build_operator("rgb"), "eval", 2, tmp_path)
    assert Image.open(tmp_path / "answer/00000.png").size == (side + 1, side)
    assert Image.open(tmp_path / "rgb/00000.png").size == (16, 16)
    with av.open(str(tmp_path / "answer.mp4")) as film:
        (frame,) = film.decode(video=0)
        assert (frame.height, frame.width) == (side // 2 * 2, (side + 1) // 2 * 2)
