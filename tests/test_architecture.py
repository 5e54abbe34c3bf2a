"""Budgets of the code itself: what no linter counts."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("condense_ns/**/*.py"), *ROOT.glob("tests/**/*.py")])
FILE_LINES, FUNCTION_LINES = 300, 50
VAGUE_NAMES = ("utils", "util", "helpers", "misc", "common")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_and_functions_stay_short(file: Path):
    text = file.read_text()
    assert len(text.splitlines()) < FILE_LINES
    too_long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _body_lines(node) > FUNCTION_LINES
    ]
    assert not too_long


def test_no_file_has_a_vague_name():
    assert not [
        file for file in FILES if file.stem in VAGUE_NAMES or file.parent.name in VAGUE_NAMES
    ]


def test_every_subpackage_has_a_one_sentence_docstring_and_nothing_more():
    for file in ROOT.glob("condense_ns/*/__init__.py"):
        if file.parent.name in ("encoders", "operators"):  # hold registries
            continue
        body = ast.parse(file.read_text()).body
        assert len(body) == 1, file
        assert ast.get_docstring(ast.parse(file.read_text())), file


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    end = function.end_lineno or function.lineno
    start = function.lineno
    if ast.get_docstring(function) is not None:
        start = (function.body[0].end_lineno or start) + 1
    return end - start + 1
