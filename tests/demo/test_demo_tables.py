"""Tables over several scenes, by hand."""

import math
from dataclasses import replace
from pathlib import Path

from condense_ns.demo.demo_run import SceneResult
from condense_ns.demo.demo_tables import (
    COLUMNS,
    consistency_table,
    inconsistency_ratio,
    seconds_table,
    segmentation_table,
    where_measured,
)
from condense_ns.pipelines.annotated_views import FIELD, ROWS
from condense_ns.pipelines.annotation_evaluation import WITHOUT_LOOKING


def result(field: float, mvc: float) -> SceneResult:
    others = dict.fromkeys(COLUMNS, 0.25)
    rows = {**dict.fromkeys((*ROWS, WITHOUT_LOOKING), others), FIELD: dict.fromkeys(COLUMNS, field)}
    encoder = {"mvc": 0.5, "margin": 0.4, "corr1": 0.3}
    rendered = {"mvc": mvc, "margin": 0.7, "corr1": 0.6}
    consistency = {"rendered": rendered, "rendered_on_cells": rendered, "encoder": encoder}
    figures = {"rows": rows, "consistency": consistency, "views": 6}
    return SceneResult("scene", figures, {"scene": 5.0, "training": 100.0}, Path("config.yml"), {})


def test_ours_stands_first_and_the_best_is_marked():
    table = segmentation_table([result(0.6, 0.9), result(0.4, 0.9)])
    assert table.rows[0] == (FIELD, *["0.500 ± 0.141"] * len(COLUMNS))
    assert {row for row, _ in table.best} == {0}
    assert "12 held-out views of 2 scenes" in table.text


def test_inconsistency_is_compared_with_the_encoder():
    assert math.isclose(inconsistency_ratio(result(0.6, 0.9)), 0.2)
    table = consistency_table([result(0.6, 0.9)])
    assert table.rows[0][1] == "0.100"
    assert "0.200 of the encoder's" in table.text


def test_seconds_add_up_and_a_missing_stage_took_none():
    table = seconds_table([result(0.6, 0.9)])
    assert table.rows == (
        ("scene", "5"),
        ("training", "100"),
        ("evaluation", "0"),
        ("total", "105"),
    )


def test_figures_of_several_days_name_each_and_older_ones_none():
    older = result(0.6, 0.9)
    monday = replace(older, provenance={"date": "Monday", "gpu": "none"})
    friday = replace(older, provenance={"date": "Friday", "gpu": "none"})
    assert where_measured([monday, friday]) == (("date", "Monday, Friday"), ("gpu", "none"))
    assert where_measured([monday, older]) == (
        ("date", "Monday, unknown"),
        ("gpu", "none, unknown"),
    )
    assert where_measured([older]) == ()
