"""`condense bench dense`: what it refuses before it measures anything."""

from pathlib import Path
from typing import Any

import pytest

from condense_ns.commands.bench import BenchDense
from condense_ns.errors import UserError


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"data": Path("nowhere")}, "there is no scene at nowhere; check --data"),
        ({"data": Path(__file__).parent}, "scene commands in .* cannot be read|transforms.json"),
        ({"encoders": ()}, "name at least one with --encoders"),
        ({"encoders": ("gradients", "foo")}, "unknown encoder 'foo'"),
        (
            {"presets": ("nope",)},
            "unknown preset 'nope'; --presets may be condense-dense-tiny, con",
        ),
        ({"steps": 0}, "--steps is 0; it must be 1 or more"),
        ({"output_path": Path(__file__) / "x.json"}, "is no folder; choose another --output-path"),
    ],
)
def test_what_cannot_be_measured_is_told_before_the_work(
    tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told
):
    monkeypatch.setattr("condense_ns.benchmarks.relevancy_speed.relevancy_speed", None)
    given = {"data": tabletop, "encoders": ("gradients",), "output_path": tmp_path / "dense.json"}
    with pytest.raises(UserError, match=told):
        BenchDense(**{**given, **options}).main()
    assert not (tmp_path / "dense.json").exists()
