"""Campaigns with one kind of rule beside HiGHS: each kind is drawn, lines are judged and added up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.fuzz.rule_campaigns import main
from tests.support.one_rule import KINDS, LIMITS, draw_kind

LINE = {
    "number": 0, "kind": "sum", "customers": 300, "candidates": 3000, "shortfall": 0.01, "above": 0.02,
    "highs": "optimal", "wrong": [],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_planted_allocations_keep_rules_and_limits(kind: str) -> None:
    drawn = draw_kind(kind, 3, 300)
    oracle = drawn.oracle()
    assert not oracle.broken(drawn.planted, oracle.reach())
    fields = {name for rule in oracle.rules for name, value in vars(rule).items() if value}
    wanted = {"conflicts within": "conflicts", "messages": "cost"}.get(kind, kind)
    if kind not in (*LIMITS, "previous", "household", "all", "all of households"):
        assert wanted in fields
    assert (len(oracle.units) < len(oracle.customers)) == ("household" in kind)


def test_narrow_campaigns_have_corridors_alone() -> None:
    drawn = draw_kind("messages", 3, 300, narrow=True)
    oracle = drawn.oracle()
    assert not oracle.broken(drawn.planted, oracle.reach())
    hard = [measure for measure in oracle.measures if measure.limit.mode == "hard"]
    assert hard and all(m.min is not None and m.max is not None for m in hard if m.below is None)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"shortfall": 0.04}, "mean shortfall 0.0400 %"),
        ({"wrong": ["rule slots"]}, "campaign 0: rule slots"),
    ],
)
def test_lines_are_added_up(
    change: dict[str, object],
    problem: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = {**LINE, "shortfall": 0.2}, {**LINE, **change}
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, line in zip(files, (old, new), strict=True):
        file.write_text(json.dumps(line) + "\n")
    assert main(["--summary", *map(str, files)]) == (0 if problem is None else 1)
    said = capsys.readouterr().out
    assert "together: 1 campaigns of 300 to 300 customers" in said
    assert problem is None or problem in said
