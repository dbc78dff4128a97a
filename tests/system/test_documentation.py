"""The code of docs/answers.md runs, and prints what the page says; pages name what there is."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import re
from pathlib import Path

import pytest

from couponry.cli import EXIT_STATUSES
from couponry.results.solution import NOT_IN_RESULT_JSON, CampaignSolution

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_says_what_its_code_prints() -> None:
    page = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shown = [
        line
        for block in re.findall(r"```text\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(code) == 6 and len(shown) == 8
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec((ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8"), names)
        for block in code:
            exec(block, names)
    for line in shown:
        assert line in printed.getvalue()


def test_late_customers_are_decided_as_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "late_customers.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
            exec(block, names)
    assert "given " in printed.getvalue() and (tmp_path / "autumn.prices").is_file()


PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.py")]
)


PUBLIC = ("couponry", "couponry.affinity", "couponry.demo", "couponry.engines")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_use_what_is_public(page: Path) -> None:
    """Nobody is told to import what may move."""
    text = page.read_text(encoding="utf-8")
    imported = re.findall(r"^\s*from (couponry[\w.]*) import (.+)$", text, re.MULTILINE)
    imported += [
        (name, "") for name in re.findall(r"^\s*import (couponry[\w.]*)", text, re.MULTILINE)
    ]
    for module, names in imported:
        assert module in PUBLIC, module
        public = importlib.import_module(module)
        for name in re.findall(r"\w+", names):
            assert hasattr(public, name), f"{module}.{name}"
    for module, name in re.findall(
        r"\b(couponry|cp|couponry\.affinity)\.([A-Z]\w+|\w+_\w+)\b", text
    ):
        public = importlib.import_module(
            module.replace("cp", "couponry") if module == "cp" else module
        )
        assert name in public.__all__, f"{module}.{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_files_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    roots = (ROOT, ROOT / "src" / "couponry", ROOT / "ext" / "couponry", ROOT / "docs")
    for name in re.findall(r"`([\w/]+\.(?:py|pyx|hpp|cpp|md))`", text):
        assert any((root / name).is_file() for root in roots), name
    for name in re.findall(r"\]\(([\w./]+\.(?:md|py))[#)]", text):
        assert (page.parent / name).is_file(), name


@pytest.mark.parametrize("page", ["README.md", "docs/campaign_format.md"])
def test_exit_statuses_are_those_of_the_command_line(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert f"The exit status is {EXIT_STATUSES}." in text


def test_the_readme_shows_the_quickstart() -> None:
    code = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    shown = re.search(
        r"```python\n(import numpy.*?)```",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert shown is not None and shown.group(1) in code


def test_result_json_is_described() -> None:
    page = (ROOT / "docs" / "campaign_format.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `result.json`"))
    fields = {field.name for field in dataclasses.fields(CampaignSolution)} - {*NOT_IN_RESULT_JSON}
    fields |= {"customers_with_coupons", "findings"}
    assert set(re.findall(r"`(\w+)`", row)) == fields


COMMANDS = sorted(
    {
        (page, name, options)
        for page in (*PAGES, ROOT / "CONTRIBUTING.md", *(ROOT / "benchmarks").rglob("*.*"))
        if page.suffix in (".md", ".py")
        for name, options in re.findall(
            r"python3? ((?:benchmarks|examples)/[\w/]+\.py)([^`|\n]*)", page.read_text("utf-8")
        )
    }
)


@pytest.mark.parametrize(
    ("page", "name", "options"), COMMANDS, ids=[f"{p.stem}: {n}{o}" for p, n, o in COMMANDS]
)
def test_commands_are_there(page: Path, name: str, options: str) -> None:
    """The file that a command runs exists and knows the options that it is shown with."""
    known = (ROOT / name).read_text(encoding="utf-8")
    if name.startswith("benchmarks/"):
        known += (ROOT / "benchmarks/instances/synthetic_campaign.py").read_text(encoding="utf-8")
    for option in re.findall(r"(?<=[\s\[])--?[a-z][\w-]*", options):
        assert f'"{option}"' in known, option
