"""Runs the code of a page of documentation, block after block, and holds what it prints to what the page says.

A block runs in one folder and one namespace with those before it. By its language:

- ``python`` is executed;
- ``bash`` is run, commands of couponry in this process where the shell has nothing to do;
- ``text`` and ``json`` are what the block before them prints, line by line, with ``...`` for what varies;
- ``toml`` is held to the schema of campaign.toml;
- any block with a ``title`` is a file of that name, written;
- a block without a language is a drawing.

A comment ``<!-- not run: reason -->`` before a block leaves it out. Before what is printed,
``<!-- numbers within 5 %: reason -->`` lets numbers differ by so much.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from couponry import cli

FENCE = re.compile(r"^(?P<indent>\s*)(?P<ticks>`{3,})(?P<language>\w*)(?P<rest>.*)$")
COMMENT = re.compile(r"^\s*<!-- (?P<text>.*) -->$")
NUMBER = r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?"
ESCAPED_NUMBER = r"\d[\d,]*(?:\\\.\d+)?(?:e(?:\\-)?\d+)?"
"""The same in a pattern made by `re.escape`."""

LEFT_TO_CI = ("demo command", "test command")
"""Blocks of the README that .ci/run runs, or that its test command brings the parts of."""

SHELL = set("|&;<>()$`*?[]!{}=~")
"""Characters by which a line is one for the shell, outside quotes."""


@dataclass(frozen=True)
class Block:
    """A block of a page: the line that it begins in, and what stands before it and in it."""

    line: int
    language: str
    title: str | None
    note: str | None
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    note, i = None, 0
    while i < len(lines):
        fence, comment = FENCE.match(lines[i]), COMMENT.match(lines[i])
        if fence:
            closing = fence["indent"] + fence["ticks"]
            end = next(j for j in range(i + 1, len(lines)) if lines[j].rstrip() == closing)
            title = re.search(r'title="([^"]*)"', fence["rest"])
            text = "".join(f"{line.removeprefix(fence['indent'])}\n" for line in lines[i + 1 : end])
            yield Block(i + 1, fence["language"], title and title[1], note, text)
            i = end
        if comment or lines[i].strip():
            note = comment["text"] if comment else None
        i += 1


@dataclass
class PageRun:
    """One run of the code of a page."""

    page: Path
    folder: Path
    names: dict[str, Any] = field(default_factory=dict)
    printed: str | None = None

    def run(self) -> int:
        """Run everything, and say how many blocks were run or compared."""
        self.names.setdefault("__name__", "__main__")
        count = 0
        for block in blocks_of(self.page):
            left_out = block.note is not None and (
                block.note.startswith("not run: ") or block.note in LEFT_TO_CI
            )
            if block.language and not left_out:
                self._do(block)
                count += 1
        return count

    def _do(self, block: Block) -> None:
        where = f"{self.page.name}, line {block.line}"
        if block.title is not None:
            path = self.folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        if block.language == "toml":
            check_toml(block.text, self.folder)
        elif block.language in ("text", "json"):
            if block.title is None:
                assert self.printed is not None, f"{where}: nothing was run before"
                compare(block.text, self.printed, where, tolerance_of(block.note))
        elif block.title is None and block.language == "python":
            self.printed = self._python(block)
        elif block.title is None and block.language == "bash":
            self.printed = run_shell(block.text, self.folder, where)
        else:
            assert block.title is not None, f"{where}: nothing runs {block.language!r}"

    def _python(self, block: Block) -> str:
        printed = io.StringIO()
        code = compile("\n" * block.line + block.text, str(self.page), "exec")
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            exec(code, self.names)
        return printed.getvalue()


def tolerance_of(note: str | None) -> float:
    """By which share numbers may differ from what a page says."""
    found = re.fullmatch(r"numbers within (\d+) %: \w.{15,}", note or "")
    return float(found[1]) / 100 if found else 0.0


def compare(said: str, printed: str, where: str, tolerance: float = 0.0) -> None:
    """Each line that a page says was printed, in that order; `...` stands for anything."""
    lines = [line.rstrip() for line in printed.splitlines()]
    at = 0
    for line in said.splitlines():
        found = next(
            (i for i in range(at, len(lines)) if agrees(line.rstrip(), lines[i], tolerance)), None
        )
        assert found is not None, f"{where}: {line!r} is not in\n{printed}"
        at = found + 1


def agrees(said: str, printed: str, tolerance: float) -> bool:
    """Whether a line is the one that a page says, but for `...` and numbers that differ by a share at most."""
    pattern, numbers = re.escape(said).replace(re.escape("..."), ".*"), re.findall(NUMBER, said)
    if not tolerance:
        return re.fullmatch(pattern, printed) is not None
    found = re.fullmatch(re.sub(ESCAPED_NUMBER, lambda _: f"({NUMBER})", pattern), printed)
    return found is not None and all(
        abs(float(now.replace(",", "")) - value) <= tolerance * abs(value)
        for now, value in zip(
            found.groups(), (float(number.replace(",", "")) for number in numbers), strict=True
        )
    )


def check_toml(text: str, folder: Path) -> None:
    """What is said of a campaign is what campaign.toml may say; what is left out is taken to be there."""
    import jsonschema

    from couponry.campaign_folder.schema import campaign_schema

    said = {"schema": 1, **tomllib.loads(text)}
    said.setdefault("tables", {"offers": "offers.parquet", "candidates": "candidates.parquet"})
    jsonschema.validate(said, campaign_schema())


def run_shell(text: str, folder: Path, where: str) -> str:
    """Run commands in a folder; gives all that they print. They must end with status 0."""
    lines = [line for line in text.splitlines() if line.split("#")[0].strip()]
    if all(is_plain(line) for line in lines):
        return "".join(run_couponry(shlex.split(line, comments=True)[1:], where) for line in lines)
    shims = folder / ".bin"
    shims.mkdir(exist_ok=True)
    for name, module in (("couponry", "-m couponry"), ("python", ""), ("python3", "")):
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module} "$@"\n')
        shim.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, f"{where}: status {ended.returncode}\n{ended.stdout}"
    return ended.stdout


def is_plain(line: str) -> bool:
    """Whether a line is a command of couponry without anything for the shell to do."""
    unquoted = re.sub(r"'[^']*'|\"[^\"$`]*\"", "", line.split(" #")[0])
    return line.startswith("couponry ") and not line.endswith("\\") and not SHELL & set(unquoted)


def run_couponry(arguments: list[str], where: str) -> str:
    """Run a command of couponry in this process; gives all that it prints."""
    printed = io.StringIO()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = cli.run(arguments)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert status == 0, f"{where}: {shlex.join(arguments)}: status {status}\n{printed.getvalue()}"
    return printed.getvalue()
