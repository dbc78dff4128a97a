"""What all commands have in common: help, errors as JSON, colours, completion; and the schema of campaign.toml."""

from __future__ import annotations

import dataclasses
import datetime
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import LIMITS, Solved
from tests.conftest import Ran
from tests.support.campaigns import random_tables, spec

import couponry
from couponry import CustomerRule, Limit, Targeting, cli
from couponry.campaign_folder.schema import campaign_schema
from couponry.campaign_folder.spec import SECTIONS, TABLES
from couponry.cli.output import RED, coloured, say_line

Run = Callable[..., Ran]


@pytest.mark.parametrize("command", sorted(cli.cli.commands))
def test_every_command_says_its_exit_statuses(command: str, run: Run) -> None:
    ran = run(command, "--help")
    assert ran.status == 0 and f"Exit status: {cli.EXIT_STATUSES}." in " ".join(ran.out.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["solve", "nowhere", "--out", "out", "--json"], "campaign.toml"),
        (["explain", "nowhere", "out", "--customer", "1", "--json"], "campaign.toml"),
        (["what-if", "--json"], "Missing argument"),
        (["verify", "--jsn", "--json"], "No such option"),
        (["solve", "c", "--seed", "x" * 500, "--json"], "Invalid value for '--seed'"),
        (["frontier", "a", "b", "--limit", "x", "--json"], "result folder"),
    ],
)
def test_errors_are_one_json_object(
    arguments: list[str], says: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run(*arguments)
    error = json.loads(ran.out)["error"]
    assert error["exit_status"] == ran.status == 2 and error["meaning"] == "invalid input"
    assert says in error["message"] and ran.err == f"couponry: error: {error['message']}\n"
    arguments.remove("--json")
    assert run(*arguments).out == ""


def test_an_internal_error_is_one_json_object(
    run: Run, solved: Solved, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: object) -> None:
        raise TypeError("odd")

    monkeypatch.setattr("couponry.cli.asking.explain_written", wrong)
    ran = run("explain", *solved, "--customer", "1", "--json")
    error = json.loads(ran.out)["error"]
    assert ran.status == error["exit_status"] == 1 and error["message"].startswith("TypeError: odd")


class Terminal:
    """Standard error that is a terminal."""

    closed = False

    def isatty(self) -> bool:
        return True


def test_colour_in_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("error", RED) == "error"
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert coloured("error", RED) == "\x1b[1;31merror\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("error", RED) == "error"


@pytest.mark.parametrize("level", ["info", "warning", "error"])
@pytest.mark.parametrize("kind", ["", "note", "warning", "error", "internal error"])
def test_lines_are_single_and_harmless(
    level: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say_line(level, "one\nthing\x1b[2J " + "x" * 1000, kind)
    said = capsys.readouterr().err
    assert said.startswith(f"couponry: {kind}: one" if kind else "couponry: one")
    assert said.count("\n") == 1 and "\x1b" not in said
    if level != "info" and kind != "internal error":  # of users' input
        assert len(said) <= 301


def test_lines_of_json(run: Run, solved: Solved, tmp_path: Path) -> None:
    ran = run(
        "solve", solved.folder, "--out", tmp_path / "out", "--log-format", "json", "--threads", "1"
    )
    lines = [json.loads(line) for line in ran.err.splitlines()]
    assert ran.status == 0 and {line["level"] for line in lines} == {"info"}
    assert all(datetime.datetime.fromisoformat(line["time"]).tzinfo for line in lines)
    told = [line["progress"] for line in lines if "progress" in line]
    assert "dual" in {each["stage"] for each in told} and told[-1]["gap"] is not None
    ran = run("solve", "nowhere", "--out", tmp_path / "other", "--log-format", "json")
    (line,) = map(json.loads, ran.err.splitlines())
    assert line["level"] == "error" and "campaign.toml" in line["message"]
    assert run("solve", "nowhere", "--out", tmp_path / "other").err.startswith("couponry: error: ")


def test_info_as_json(run: Run, solved: Solved) -> None:
    said = json.loads(run("info", "--json").out)
    assert said["couponry"] == couponry.__version__ and said["backends"]["reference"] == "yes"
    said = json.loads(run("info", solved.folder, "--json").out)
    assert (said["customers"], said["candidates"], said["offers"]) == (24, 144, 12)
    assert said["limits"] == [limit["name"] for limit in LIMITS] and said["value"] == "value"


def test_shells_complete_commands() -> None:
    asked = {
        "_COUPONRY_COMPLETE": "bash_complete",
        "COMP_WORDS": "couponry what",
        "COMP_CWORD": "1",
    }
    code = "import os, sys; os.environ.update(eval(sys.argv.pop())); from couponry.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code, repr(asked)], capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout == "plain,what-if\n" and ran.stderr == ""


# ---- the schema of campaign.toml


def test_schema_is_printed(run: Run) -> None:
    ran = run("schema")
    assert ran.status == 0 and json.loads(ran.out) == campaign_schema()


def test_schema_knows_every_key() -> None:
    properties = campaign_schema()["properties"]
    assert set(properties) == SECTIONS and set(properties["tables"]["properties"]) == TABLES
    for key, of in (("limit", Limit), ("customer_rule", CustomerRule)):
        fields = {field.name for field in dataclasses.fields(of)}
        assert set(properties[key]["items"]["properties"]) == fields
    fields = {field.name for field in dataclasses.fields(Targeting)}
    assert set(properties["candidates"]["properties"]) == fields


def errors(content: dict[str, Any]) -> list[str]:
    """What the schema has against a campaign.toml."""
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft7Validator.check_schema(campaign_schema())
    plain = json.loads(json.dumps(content, default=datetime.date.isoformat))
    return [
        error.message for error in jsonschema.Draft7Validator(campaign_schema()).iter_errors(plain)
    ]


DATED = {
    "name": "x",
    "max": 1,
    "where": {"day": {"min": datetime.date(2026, 1, 1)}, "brand": ["A", "B"]},
}


@pytest.mark.parametrize(
    "sections",
    [
        {
            "limit": LIMITS,
            "customer_rule": [DATED, {"conflicts": "pairs.parquet"}, {"max": "slots", "min": 0}],
        },
        {
            "limit": [
                {"ratio": ["value", "cost"], "min": 2.0, "mode": "soft", "penalty": 1},
                {"mode": "report"},
            ]
        },
    ],
)
def test_schema_takes_what_is_right(sections: dict[str, Any]) -> None:
    assert errors(spec(**sections)) == []


def test_schema_takes_transactions() -> None:
    content = {
        "schema": 1,
        "tables": {
            "offers": "o.parquet",
            "transactions": ["a.parquet", "b.parquet"],
            "products": "p.csv",
        },
        "candidates": {
            "reward": 8,
            "until": datetime.date(2026, 1, 1),
            "incremental": 0.3,
            "response": {"p0": 1.0},
        },
    }
    assert errors(content) == []


@pytest.mark.parametrize(
    "sections",
    [
        {"schema": 2},
        {"limits": []},
        {"limit": [{"maximum": 1}]},
        {"limit": [{"max": "many"}]},
        {"limit": [{"max": 1, "mode": "sft"}]},
        {"limit": [{"ratio": ["value"], "min": 1}]},
        {"customer_rule": [{"name": "x"}]},
        {"customer_rule": [{"max": -1}]},
        {"customer_rule": [{"max": 1, "where": {"a": {"most": 1}}}]},
        {"tables": {"offers": "o.parquet"}},
        {"tables": {"offers": "o", "candidates": "c", "transactions": "t"}},
        {"objective": {"column": "value"}},
    ],
)
def test_schema_underlines_what_is_wrong(sections: dict[str, Any]) -> None:
    assert errors(spec(**sections))


def test_folders_that_are_written_name_their_schema(tmp_path: Path) -> None:
    data = random_tables()
    limits = [
        Limit("cap", max=40, where={"day": {"min": 1}}),
        Limit("by", by="brand", table={"brand": ["A"], "max": [9]}),
    ]
    campaign = couponry.Campaign(
        data["offers"], data["candidates"], limits=limits, rules=[CustomerRule(max=2)]
    )
    folder = couponry.write_campaign(campaign, tmp_path / "campaign")
    text = (folder / "campaign.toml").read_text(encoding="utf-8")
    assert text.startswith("#:schema campaign.schema.json\n")
    assert (
        json.loads((folder / "campaign.schema.json").read_text(encoding="utf-8"))
        == campaign_schema()
    )
    assert errors(tomllib.loads(text)) == []
