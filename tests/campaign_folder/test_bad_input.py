"""Bad input: one line that names where it is, what was expected and what came; nothing is written."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.bad_campaigns import CASES
from tests.support.campaign_draft import Draft
from tests.support.campaigns import random_tables, replaced

from couponry import Campaign, CustomerRule, InvalidInput, Limit, cli, read_campaign

NAN = float("nan")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs the command line in this process; gives its exit status and the last line of standard error."""

    def command(*arguments: str | Path) -> tuple[int, str]:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert printed.out == ""
        return status, printed.err

    before = signal.getsignal(signal.SIGTERM)
    yield command
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("case", CASES)
def test_one_line_and_nothing_written(
    case: str, tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    spoil, expected = CASES[case]
    draft = spoil(Draft())
    draft.write(tmp_path / "campaign")
    status, printed = run(
        "solve", tmp_path / "campaign", "--out", tmp_path / "out", "--quiet", *draft.arguments
    )
    assert status == 2, printed
    lines = printed.strip().splitlines()
    assert len(lines) == 1, printed
    missing = [part for part in expected if part not in lines[0]]
    assert not missing, f"{missing} not in: {lines[0]}"
    assert [path.name for path in tmp_path.iterdir()] == ["campaign"]


def test_the_draft_itself_is_good(tmp_path: Path, run: Callable[..., tuple[int, str]]) -> None:
    """Otherwise the cases would prove nothing."""
    Draft().write(tmp_path / "campaign")
    assert read_campaign(tmp_path / "campaign").solve().status == "optimal"


def test_truncated_parquet_at_any_length(tmp_path: Path, run: Callable[..., Any]) -> None:
    draft = Draft()
    draft.write(tmp_path / "campaign")
    path = tmp_path / "campaign" / "candidates.parquet"
    whole = path.read_bytes()
    for length in np.linspace(0, len(whole) - 1, 12).astype(int):
        path.write_bytes(whole[:length])
        status, printed = run("solve", path.parent, "--out", tmp_path / "out")
        assert status == 2
        assert "table candidates" in printed and "candidates.parquet" in printed
        assert len(printed.splitlines()) == 1
    # the same length, but a page in the middle overwritten
    path.write_bytes(whole[:200] + b"\xff" * 200 + whole[400:])
    status, printed = run("solve", path.parent, "--out", tmp_path / "out")
    assert status == 2 and "table candidates" in printed, printed
    assert not (tmp_path / "out").exists()


def test_output_folder_that_exists_or_cannot_be(
    tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    Draft().write(tmp_path / "campaign")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "full")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("full", "file", "link", "dangling", "file/inside"):
        status, printed = run("solve", tmp_path / "campaign", "--out", tmp_path / name)
        assert status == 2, name
        assert name.split("/")[0] in printed and len(printed.splitlines()) == 1
    status, printed = run("solve", tmp_path / "campaign", "--out", tmp_path / "file", "--overwrite")
    assert status == 2 and (tmp_path / "file").read_text() == "precious"
    assert (tmp_path / "full" / "mine.txt").read_text() == "precious"
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine.txt"]
    assert not (tmp_path / "nowhere").exists()


def test_campaign_folder_that_is_none(tmp_path: Path, run: Callable[..., tuple[int, str]]) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        status, printed = run("solve", folder, "--out", tmp_path / "out")
        assert status == 2 and "campaign.toml" in printed and len(printed.splitlines()) == 1


# ---- what only the Python API can get wrong

TABLES = random_tables(customers=20)


def campaign(**changed: Any) -> Campaign:
    return Campaign(**{**TABLES, "rules": [CustomerRule("slots", max=3)], **changed})


API: dict[str, tuple[Callable[[], Any], tuple[str, ...]]] = {
    "offers a list": (lambda: campaign(offers=[1, 2]), ("table offers", "Arrow", "list")),
    "offers nothing": (lambda: campaign(offers=None), ("table offers", "Arrow", "NoneType")),
    "columns of unequal length": (
        lambda: campaign(offers={"offer": [1, 2], "margin": [1.0]}),
        ("table offers", "2", "1"),
    ),
    "a file that is not there": (
        lambda: campaign(offers="nowhere.parquet"),
        ("table offers", "nowhere.parquet"),
    ),
    "a column twice": (
        lambda: campaign(
            offers=pa.Table.from_arrays([pa.array([1]), pa.array([1])], names=["offer", "offer"])
        ),
        ("table offers", "'offer'", "2 times"),
    ),
    "where a column of dates, text": (
        lambda: campaign(
            offers=replaced(TABLES["offers"], "day", pa.array(range(12), pa.date32())),
            rules=[CustomerRule("R", max=1, where={"day": {"min": "tomorrow"}})],
        ).solve(),
        ("'R'", "'day'", "tomorrow"),
    ),
    "rules that are no rules": (lambda: campaign(rules=[{"max": 3}]), ("rules", "CustomerRule")),
    "limits that are no limits": (lambda: campaign(limits=[{"max": 3}]), ("limits", "Limit")),
    "one rule instead of a list": (
        lambda: campaign(rules=CustomerRule("R", max=3)),
        ("rules", "CustomerRule"),
    ),
    "objective not a name": (lambda: campaign(value=None), ("value", "None")),
    "gap text": (lambda: campaign().solve(gap="small"), ("gap", "'small'")),
    "gap bool": (lambda: campaign().solve(gap=True), ("gap", "True")),
    "threads a half": (lambda: campaign().solve(threads=1.5), ("threads", "1.5")),
    "threads NaN": (lambda: campaign().solve(threads=NAN), ("threads", "nan")),
    "threads text": (lambda: campaign().solve(threads="all"), ("threads", "'all'")),
    "seed a float": (lambda: campaign().solve(seed=1.0), ("seed", "1.0")),
    "seed bool": (lambda: campaign().solve(seed=True), ("seed", "True")),
    "time limit text": (lambda: campaign().solve(time_limit="1 h"), ("time_limit", "'1 h'")),
    "backend": (lambda: campaign().solve(backend="gpu"), ("backend", "'gpu'")),
    "limit with a nested penalty": (
        lambda: campaign(limits=[Limit("L", max=[1])]),
        ("'L'", "max", "[1]"),
    ),
}


@pytest.mark.parametrize("case", API)
def test_python_api(case: str) -> None:
    call, expected = API[case]
    with pytest.raises(InvalidInput) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    missing = [part for part in expected if part not in message]
    assert not missing, f"{missing} not in: {message}"
