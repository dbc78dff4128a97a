"""The code of every page runs, and prints what the page says; pages name what there is."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import jsonschema
import pytest
from tests.support.documented_code import PageRun, blocks_of
from tests.support.page_notebook import NOTEBOOKS, notebook_of
from tests.support.page_setups import SETUPS, demo_folders, prepare

import couponry
import couponry.affinity
import couponry.demo
import couponry.engines
from couponry.cli import EXIT_STATUSES
from couponry.results.solution import NOT_IN_RESULT_JSON, CampaignSolution

ROOT = Path(__file__).resolve().parents[2]


PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.py"),
    ]
)
RUN_BY = {"docs/affinity.md": "tests/affinity/test_page.py"}
"""Pages whose code is Python alone and has a test of its own."""


PUBLIC = ("couponry", "couponry.affinity", "couponry.demo", "couponry.engines")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def with_code(page: Path) -> bool:
    return page.suffix == ".md" and any(block.language for block in blocks_of(page))


def on_real_data(page: Path) -> bool:
    return "load_journey" in page.read_text("utf-8") or SETUPS.get(name_of(page)) is demo_folders


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.xdist_group("demo")) if on_real_data(page) else page
        for page in filter(with_code, PAGES)
    ],
    ids=name_of,
)
def test_the_code_of_the_page_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name_of(page) in RUN_BY:
        assert {block.language for block in blocks_of(page)} == {"python"}
        assert page.name in (ROOT / RUN_BY[name_of(page)]).read_text(encoding="utf-8")
        return
    monkeypatch.chdir(tmp_path)
    PageRun(page, tmp_path, prepare(page, tmp_path)).run()


@pytest.mark.parametrize(("page", "notebook"), NOTEBOOKS.items())
def test_notebooks_are_their_pages(page: str, notebook: str) -> None:
    """Else: python -m tests.support.page_notebook."""
    assert (ROOT / notebook).read_text(encoding="utf-8") == notebook_of(page, notebook)


def test_whoever_leaves_code_out_says_why() -> None:
    for page in filter(with_code, PAGES):
        for block in blocks_of(page):
            if block.note is not None and block.note.startswith("not run"):
                assert re.fullmatch(r"not run: \w.{15,}", block.note), f"{page}, {block.line}"


def test_a_page_that_is_wrong_fails(tmp_path: Path) -> None:
    """Else the other tests would say nothing."""
    wrong = {
        "code": "```python\nraise ValueError('no')\n```\n",
        "output": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "order": "```python\nprint('a\\nb')\n```\n\n```text\nb\na\n```\n",
        "command": "```bash\ncouponry check nowhere\n```\n",
        "shell": "```bash\ntest -e nowhere\n```\n",
        "toml": '```toml\n[[limit]]\nname = "a"\nmxa = 3\n```\n',
        "language": "```ruby\nputs 1\n```\n",
    }
    for name, text in wrong.items():
        page = tmp_path / f"{name}.md"
        page.write_text(text, encoding="utf-8")
        with pytest.raises((AssertionError, ValueError, jsonschema.ValidationError)):
            PageRun(page, tmp_path).run()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
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


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_name_files_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    roots = (ROOT, ROOT / "src" / "couponry", ROOT / "ext" / "couponry", ROOT / "docs")
    for name in re.findall(r"`([\w/]+\.(?:py|pyx|hpp|cpp|md))`", text):
        there = any((root / name).is_file() for root in roots) or any(ROOT.glob(f"[st]*/**/{name}"))
        assert there, name
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


def test_the_readme_measures_what_the_site_does() -> None:
    """Figures of both pages are held to their commands where the site has them."""
    readme, site = (
        [line for line in (ROOT / page).read_text(encoding="utf-8").splitlines() if "| `" in line]
        for page in ("README.md", "docs/measured.md")
    )
    rows = [row for row in readme if not row.startswith("| Re")]
    assert len(rows) >= 3 and set(rows) <= set(site)


def test_the_site_has_every_public_name() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/api").glob("*.md"))
    shown = re.findall(r"^::: ([\w.]+)$", pages, re.MULTILINE)
    names = {f"couponry.{name}" for name in couponry.__all__ if name != "__version__"}
    names |= {f"couponry.affinity.{name}" for name in couponry.affinity.__all__}
    names |= {f"couponry.demo.{name}" for name in couponry.demo.__all__}
    names |= {f"couponry.engines.{name}" for name in couponry.engines.__all__}
    assert sorted(shown) == sorted(names)


def test_the_site_lists_every_page() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^ +- .*?([\w/]+\.md)$", text, re.MULTILINE)
    elsewhere = {"benchmarks.md", "changelog.md", "contributing.md"}
    elsewhere |= {f"benchmarks/{page.name}" for page in (ROOT / "benchmarks/measured").glob("*.md")}
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted(pages | elsewhere)


def test_result_json_is_described() -> None:
    page = (ROOT / "docs" / "campaign_format.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `result.json`"))
    fields = {field.name for field in dataclasses.fields(CampaignSolution)} - {*NOT_IN_RESULT_JSON}
    fields |= {"customers_with_coupons", "findings", "backups"}
    assert set(re.findall(r"`(\w+)`", row)) == fields


COMMANDS = sorted(
    {
        (page, name, options)
        for page in (*PAGES, *(ROOT / "benchmarks").rglob("*.*"))
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
