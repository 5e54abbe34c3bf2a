"""What the package imports is what it says that it needs, in versions that the tests run with."""

import ast
import importlib.metadata
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
OWN = "condense_ns"
NOT_FOR_USERS = "dev"


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The table of that name in pyproject.toml."""
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def imported() -> set[str]:
    """Top-level modules of others that any file imports, at once or when it needs them."""
    names = set()
    for file in (ROOT / OWN).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return {name.partition(".")[0] for name in names} - {OWN, *sys.stdlib_module_names}


def requirements(project: dict[str, Any]) -> dict[str, Requirement]:
    """Those of users, with and without extras, by their normal names."""
    extras = project["optional-dependencies"]
    listed = list(project["dependencies"])
    for extra in extras.keys() - {NOT_FOR_USERS}:
        listed += extras[extra]
    found = map(Requirement, listed)
    return {normal(one.name): one for one in found}


@cache
def installed() -> Mapping[str, list[str]]:
    """Modules and who brought them."""
    return importlib.metadata.packages_distributions()


def distributions(module: str) -> set[str]:
    """Who may bring a module; it has the module's name where nothing is installed."""
    return {normal(name) for name in installed().get(module, [module])}


def test_every_import_is_declared(project: dict[str, Any]):
    declared = requirements(project).keys()
    assert not [module for module in sorted(imported()) if not distributions(module) & declared]


def test_every_requirement_is_imported(project: dict[str, Any]):
    used = set().union(*map(distributions, imported())) | {"tensorboard"}  # torch imports it for us
    assert not requirements(project).keys() - used


def test_the_tested_versions_are_allowed(project: dict[str, Any]):
    lines = (ROOT / "configs" / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    pinned = {normal(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    declared = requirements(project)
    assert all(one.specifier for one in declared.values())
    assert declared.keys() - pinned.keys() <= {"laspy"}  # no test needs it
    for name, one in declared.items():
        if name in pinned:
            assert one.specifier.contains(pinned[name]), name
