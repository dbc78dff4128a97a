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
from tests.support.bad_sizes import API_NUMBERS, BAD_SIZES
from tests.support.campaign_draft import Draft
from tests.support.campaigns import random_tables, replaced

from couponry import Campaign, CustomerRule, InvalidInput, Limit, cli, read_campaign
from couponry.results.options import SolveOptions
from couponry.utils.errors import MAX_MESSAGE

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
    assert len(lines[0]) <= 300 and lines[0].isprintable()
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


@pytest.mark.parametrize("number", API_NUMBERS, ids=range(len(API_NUMBERS)))
def test_numbers_that_are_none(number: Any) -> None:
    for call in (
        lambda: Limit("L", max=number).check(),
        lambda: Limit("L", max=1, mode="soft", penalty=number).check(),
        lambda: CustomerRule("R", max=number).check(),
        lambda: SolveOptions(gap=-number).check(),
        lambda: SolveOptions(time_limit=-abs(number)).check(),
        lambda: SolveOptions(seed=number).check(),
        lambda: SolveOptions(threads=number).thread_count,
    ):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert len(str(caught.value)) <= MAX_MESSAGE


def test_threads_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("0", "-1", "²", "1025", "9" * 5000, "1e3"):
        monkeypatch.setenv("COUPONRY_THREADS", text)
        with pytest.raises(InvalidInput, match="COUPONRY_THREADS"):
            _ = SolveOptions().thread_count


def test_a_path_that_is_no_text(tmp_path: Path, run: Callable[..., tuple[int, str]]) -> None:
    Draft().write(tmp_path / "campaign")
    status, printed = run("solve", tmp_path / "campaign", "--out", tmp_path / "o\udcff")
    assert status == 2 and "--out" in printed and "UTF-8" in printed and printed.isascii()
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_campaign(tmp_path / "\udcff")


def test_what_solve_refuses_other_commands_refuse_alike(
    tmp_path: Path, run: Callable[..., tuple[int, str]]
) -> None:
    Draft().write(tmp_path / "good")
    read_campaign(tmp_path / "good").solve().write(tmp_path / "result")
    for name in ("a pipe as offers", "value of 1e39", "5,000 digits", "customers that are no text",
                 "null face value, though candidates have a value"):  # fmt: skip
        folder = tmp_path / name[:9]
        BAD_SIZES[name][0](Draft()).write(folder)
        _, said = run("solve", folder, "--out", tmp_path / "out")
        for command in (["verify", folder, tmp_path / "result"], ["info", folder]):
            assert run(*command) == (2, said), command[0]


@pytest.mark.parametrize("case", API)
def test_python_api(case: str) -> None:
    call, expected = API[case]
    with pytest.raises(InvalidInput) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    missing = [part for part in expected if part not in message]
    assert not missing, f"{missing} not in: {message}"
