"""`ns-export` with our subcommand and with our runs."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from plyfile import PlyData

from condense_ns.commands.ns_export import EXPORTER, offer_keypoints_in_ns_export
from tests.trained_run import BIN, TrainedRun

STOCK = ("pointcloud", "tsdf", "poisson", "marching-cubes", "cameras", "gaussian-splat")
FIELDS = (
    "--load-config",
    "--output-dir",
    "--count",
    "--radius",
    "--min-score",
    "--crop",
    "--frame",
)

FAKE_EXPORTER = """
from dataclasses import dataclass
from typing import Annotated, Union
import tyro

@dataclass
class First:
    size: int = 1

    def main(self) -> None:
        print("first ran with", self.size)

@dataclass
class Second:
    size: int = 2

from condense_ns.commands.ns_export import offer_keypoints_in_ns_export
offer_keypoints_in_ns_export()

Commands = tyro.conf.FlagConversionOff[Union[
    Annotated[First, tyro.conf.subcommand(name="first")],
    Annotated[Second, tyro.conf.subcommand(name="second")],
]]

def entrypoint():
    tyro.cli(Commands, prog="ns-export").main()
"""
"""Calls us where nerfstudio loads plugins: before it knows its own commands."""

Run = Callable[..., str]


@pytest.fixture
def exporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module like the one behind `ns-export`, executed to its end."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    (tmp_path / "exporter.py").write_text(FAKE_EXPORTER)
    specification = spec_from_file_location(EXPORTER, tmp_path / "exporter.py")
    assert specification is not None
    assert specification.loader is not None
    module = module_from_spec(specification)
    monkeypatch.setitem(sys.modules, EXPORTER, module)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def run_fake(
    exporter: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """What its command prints."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["ns-export", *arguments])
        with suppress(SystemExit):  # how help ends
            exporter.entrypoint()
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def _open3d() -> None:
    """Skips where open3d does not load, since `ns-export` does not then either."""
    command = [sys.executable, "-c", "import open3d"]
    if subprocess.run(command, capture_output=True, check=False, timeout=300).returncode:
        pytest.skip("open3d does not load; on Debian it needs libusb-1.0-0")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """A process of its own that must end well."""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300
    )
    assert found.returncode == 0, found.stderr[-2000:]
    return found


def test_keypoints_stand_beside_the_hosts_commands(run_fake: Run):
    listed = run_fake("-h")
    for name in ("first", "second", "keypoints"):
        assert f"• {name}" in listed
    described = run_fake("keypoints", "-h")
    for field in FIELDS:
        assert field in described


def test_the_hosts_commands_still_run(run_fake: Run):
    assert "first ran with 7" in run_fake("first", "--size", "7")


def test_they_are_added_once(exporter: ModuleType):
    assert exporter.entrypoint is exporter.entrypoint
    members = exporter.Commands.__args__[0].__args__
    assert len(members) == 3


@pytest.mark.filterwarnings("default:condense_ns could not add")
def test_a_failure_of_ours_leaves_the_hosts_commands(
    run_fake: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "condense_ns.commands.export_keypoints", None)
    with pytest.warns(UserWarning, match="could not add keypoints to ns-export: .*Error"):
        listed = run_fake("-h")
    assert "• first" in listed
    assert "keypoints" not in listed


def test_before_it_is_complete_it_has_no_entry_point(monkeypatch: pytest.MonkeyPatch):
    module = ModuleType(EXPORTER)
    monkeypatch.setitem(sys.modules, EXPORTER, module)
    offer_keypoints_in_ns_export()
    with pytest.raises(AttributeError, match="no attribute 'entrypoint'"):
        module.entrypoint  # noqa: B018


def test_other_commands_of_the_host_import_nothing_of_it():
    found = run_python(
        "import sys, condense_ns.plugin\n"
        f"print([name for name in sys.modules if name in ({EXPORTER!r},"
        " 'condense_ns.commands.export_keypoints')])"
    )
    assert found.stdout.strip() == "[]"


def test_a_broken_extension_is_a_warning_for_other_commands():
    found = run_python(
        "import sys\n"
        "sys.modules['condense_ns.commands.ns_export'] = None\n"
        "import condense_ns.plugin"
    )
    assert "could not extend ns-export" in found.stderr


REAL_HELP = f"""
import sys
from {EXPORTER} import entrypoint
for arguments in ([], ["keypoints"]):
    sys.argv = ["ns-export", *arguments, "-h"]
    try:
        entrypoint()
    except SystemExit:
        print("=" * 9)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("_open3d")
def test_the_real_command_lists_keypoints_and_its_options():
    listed, described, _ = run_python(REAL_HELP).stdout.split("=" * 9)
    for name in (*STOCK, "keypoints"):
        assert f"• {name}" in listed
    for field in FIELDS:
        assert field in described


@pytest.mark.slow
@pytest.mark.usefixtures("_open3d")
def test_the_real_command_survives_a_failure_of_ours():
    broken = "import sys; sys.modules['condense_ns.commands.export_keypoints'] = None\n"
    found = run_python(broken + REAL_HELP.replace('([], ["keypoints"])', "([],)"))
    for name in STOCK:
        assert f"• {name}" in found.stdout
    assert "• keypoints" not in found.stdout
    assert "could not add keypoints to ns-export" in found.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("_open3d")
def test_a_point_cloud_with_the_hosts_default_options(trained_run: TrainedRun, tmp_path: Path):
    command = [BIN / "ns-export", "pointcloud", "--load-config", trained_run.config]
    options = ["--output-dir", tmp_path, "--num-points", "3000", "--num-rays-per-batch", "2048"]
    found = subprocess.run(
        [str(part) for part in (*command, *options)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert found.returncode == 0, (found.stdout + found.stderr)[-2000:]
    vertices = PlyData.read(str(tmp_path / "point_cloud.ply"))["vertex"]
    assert len(vertices) > 2000
    normals = np.stack([vertices[axis] for axis in ("nx", "ny", "nz")], axis=1)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-3)
