"""The house: who imports whom, and how large files and functions are."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "src" / "couponry").rglob("*.py"))
NATIVE = sorted(
    p for p in (ROOT / "ext").rglob("*") if p.suffix in (".cpp", ".hpp", ".pyx", ".pxd")
)
MOST_LINES, MOST_FUNCTION_LINES, MOST_FILES = 400, 60, 15
REASON = "longer than most:"  # in a comment of what is, with the reason behind it


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_import_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True) == 0


def test_files_are_short() -> None:
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in [*MODULES, *NATIVE]}
    long = [n for n, text in texts.items() if text.count("\n") > MOST_LINES and REASON not in text]
    assert not long


def test_functions_fit_a_screen() -> None:
    long = []
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            body = lines[node.lineno - 1 : node.end_lineno]
            if len(body) > MOST_FUNCTION_LINES and not any(REASON in line for line in body):
                long.append(f"{name_of(path)}: {node.name}, {len(body)} lines")
    assert not long


def test_folders_are_not_crowded() -> None:
    files = Counter(name_of(path.parent) for path in MODULES if path.name != "__init__.py")
    assert not {folder: count for folder, count in files.items() if count > MOST_FILES}


def test_every_module_says_what_it_is() -> None:
    heads = {
        name_of(path): ast.get_docstring(ast.parse(path.read_text("utf-8"))) for path in MODULES
    }
    assert not [name for name, head in heads.items() if not head]


def test_a_class_has_a_name_of_its_own() -> None:
    found = Counter(
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert not {name: count for name, count in found.items() if count > 1}
