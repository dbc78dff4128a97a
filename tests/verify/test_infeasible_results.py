"""The claims of an infeasible result are checked: limits and rules that are there, and no allocation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.spoilt_results import change_json, remove

from couponry import read_campaign, verify_result

Folder = Callable[..., Path]


@pytest.fixture
def infeasible(folder: Folder, tmp_path: Path) -> tuple[Path, Path]:
    limits = [
        {"name": "few", "max": 10, "where": {"brand": ["A"]}},
        {"name": "many", "by": "brand", "where": {"brand": "A"}, "min": 15},
        {"name": "innocent", "max": 100},
    ]
    path = folder(limit=limits)
    return path, read_campaign(path).solve().write(tmp_path / "out")


def test_infeasible_result(infeasible: tuple[Path, Path]) -> None:
    report = verify_result(*infeasible)
    assert report.problems == [] and report.status == "infeasible" and report.objective is None
    assert "all holds" in report.summary()


INFEASIBLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "no conflict": (remove("infeasible.json"), "infeasible.json: missing"),
    "an empty conflict": (
        lambda out: change_json(out, "infeasible.json", limits=[], customer_rules=[]),
        "neither a limit nor a customer rule",
    ),
    "an unknown limit": (
        lambda out: change_json(out, "infeasible.json", limits=[{"limit": "x", "min": 1, "sum": "count"}]),
        "no hard limit 'x'",
    ),
    "another bound": (
        lambda out: change_json(
            out, "infeasible.json", limits=[{"limit": "few", "group": None, "max": 9, "sum": "count"}]
        ),
        "no hard limit 'few' asks max 9",
    ),
    "an unknown rule": (
        lambda out: change_json(out, "infeasible.json", customer_rules=[{"customer_rule": "x"}]),
        "no customer rule 'x'",
    ),
    "an objective": (lambda out: change_json(out, objective=3.0), "objective: expected null"),
    "said to be solved": (lambda out: change_json(out, status="optimal"), "allocation.parquet: missing"),
}  # fmt: skip


@pytest.mark.parametrize("case", INFEASIBLE)
def test_spoilt_infeasible_result(case: str, infeasible: tuple[Path, Path]) -> None:
    spoil, expected = INFEASIBLE[case]
    spoil(infeasible[1])
    report = verify_result(*infeasible)
    assert not report.ok
    assert any(expected in problem for problem in report.problems), report.problems
