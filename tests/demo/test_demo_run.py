"""A demonstration from a seed to its page, small enough for a test."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from condense_ns.demo.demo_page import demo_page
from condense_ns.demo.demo_poster import GAP, poster
from condense_ns.demo.demo_run import Demonstration, DemoPlan
from condense_ns.demo.demo_tables import segmentation_table
from condense_ns.demo.demo_training import run_config, train_run
from condense_ns.errors import UserError
from condense_ns.pipelines.annotated_views import ROWS
from condense_ns.report.page import write_page

STEPS = 10


def quiet_progress() -> Progress:
    return Progress(console=Console(quiet=True))


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> DemoPlan:
    folder = tmp_path_factory.mktemp("demo")
    return DemoPlan(folder, (100,), steps=STEPS, views=18, width=48, height=36)


@pytest.fixture(scope="module")
def demonstration(plan: DemoPlan) -> Demonstration:
    return Demonstration(plan, quiet_progress())


def test_every_row_is_measured_and_stored(demonstration: Demonstration, plan: DemoPlan):
    result = demonstration.result(100)
    assert result.figures["views"] == 2
    assert set(ROWS) < set(result.figures["rows"])
    assert {"scene", "training", "evaluation"} == set(result.seconds)
    stored = json.loads((plan.folder / "results" / f"{result.name}.json").read_text())
    assert stored == {"provenance": result.provenance, **result.figures}
    assert {"commit", "date", "processor"} < set(result.provenance)


def test_a_second_start_trains_and_measures_nothing(demonstration: Demonstration, plan: DemoPlan):
    first = demonstration.result(100)
    checkpoints = sorted(first.config.parent.rglob("step-*.ckpt"))
    written = [file.stat().st_mtime_ns for file in checkpoints]
    again = Demonstration(plan, quiet_progress()).result(100)
    assert again.figures == first.figures
    assert again.provenance == first.provenance
    assert [file.stat().st_mtime_ns for file in checkpoints] == written


def test_the_page_shows_everything(demonstration: Demonstration, plan: DemoPlan, tmp_path: Path):
    result = demonstration.result(100)
    pictures = demonstration.pictures(100, result.config)
    assert poster(pictures.views[0]).shape == (2 * 36 + GAP, 3 * 48 + 2 * GAP, 3)
    write_page(demo_page(plan, [result], pictures), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    for query in pictures.queries:
        assert query.caption in html
    assert "condense-dense-tiny" in html
    assert result.provenance["date"] in html
    table = segmentation_table([result])
    assert all(cell in html for row in table.rows for cell in row)


def test_other_options_in_the_same_folder_are_named(demonstration: Demonstration, plan: DemoPlan):
    assert demonstration.plan == plan
    sentence = f"holds a demonstration with steps {STEPS} instead of {STEPS + 1}; choose another"
    with pytest.raises(UserError, match=sentence):
        Demonstration(replace(plan, steps=STEPS + 1), quiet_progress())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"encoder": "mi', r"cannot be read \(Unterminated string"),
        ("", r"cannot be read \(Expecting value"),
        ("[1]", "holds a list, not an object"),
    ],
)
def test_damaged_files_of_a_demonstration_are_named_before_anything_is_done(
    tmp_path: Path, content: str, problem: str
):
    plan = DemoPlan(tmp_path / "demo", (100,), steps=STEPS)
    results = plan.folder / "results"
    results.mkdir(parents=True)
    name = plan.scene(100).name
    remedies = {
        plan.folder / "demo.json": "delete it if the folder was made with these options, or",
        results / f"{name}.json": "delete it, and it is measured again",
        results / f"{name}_seconds.json": "delete it, it holds times only",
    }
    for file, remedy in remedies.items():
        file.write_text(content)
        with pytest.raises(UserError, match=f"^{file} {problem}.*; {remedy}"):
            Demonstration(plan, quiet_progress())
        file.unlink()
        assert not (plan.folder / "demo.json").exists()
    (results / f"{name}.json").write_text('{"rows": {}}')
    with pytest.raises(
        UserError, match="lacks agreement, class_iou, consistency, psnr, views; del"
    ):
        Demonstration(plan, quiet_progress())


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [("minni", "unknown encoder 'minni'"), ("gradients", "encoder gradients knows no words")],
)
def test_an_encoder_that_cannot_be_asked_leaves_no_trace(
    tmp_path: Path, encoder: str, sentence: str
):
    folder = tmp_path / "demo"
    with pytest.raises(UserError, match=sentence):
        Demonstration(DemoPlan(folder, (100,), encoder), quiet_progress())
    assert not folder.exists()


@pytest.mark.slow
def test_a_training_that_was_cut_off_goes_on(
    demonstration: Demonstration, plan: DemoPlan, tmp_path: Path
):
    demonstration.result(100)
    scene = plan.folder / "scenes" / plan.scene(100).name
    seen: list[int] = []

    def killed(step: int) -> None:
        seen.append(step)
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_run(run_config(scene, tmp_path, "mini", STEPS), tmp_path / "log", killed)
    file = train_run(run_config(scene, tmp_path, "mini", STEPS), tmp_path / "log", seen.append)
    assert file.is_file()
    resumed_at = seen[seen.index(7) + 1]
    assert 0 < resumed_at < 7
    assert seen[-1] == STEPS
    assert [path.name for path in file.parent.rglob("step-*.ckpt")] == [
        f"step-{STEPS - 1:09d}.ckpt"
    ]


def test_a_checkpoint_that_was_cut_off_is_removed(tmp_path: Path):
    config = run_config(tmp_path / "scene", tmp_path, "mini", STEPS)
    folder = config.get_checkpoint_dir()
    folder.mkdir(parents=True)
    (folder / "step-000000004.ckpt").write_bytes(b"PK half of it")
    with pytest.raises(Exception):  # noqa: B017, PT011 - the scene does not exist, which comes later
        train_run(config, tmp_path / "log", lambda step: None)
    assert not list(folder.iterdir())
