"""What a report counts, adds up and is broken down by."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.pages import parsed

import couponry
from couponry import Campaign, CustomerRule, Limit
from couponry.report.page import report_page
from couponry.report.provenance import convergence_chart
from couponry.report.sections import columns_to_break_down


def test_what_messages_cost_is_that_which_verify_recomputes(tmp_path: Path) -> None:
    offers = {"offer": ["a", "b", "c"]}
    candidates = {
        "customer": [1] * 3 + [2] * 3,
        "offer": ["a", "b", "c"] * 2,
        "value": [3.0, 2.0, 1.0] * 2,
    }
    rule = CustomerRule("messages", cost=[0.0, 0.25, 5.0])
    made = Campaign(offers, candidates, rules=[rule])
    result = made.solve(threads=1)
    couponry.write_campaign(made, tmp_path / "campaign")
    true = couponry.verify_result(tmp_path / "campaign", result.save(tmp_path / "out"))
    (figures,) = [e for e in parsed(report_page(result)).all("dl") if "figures" in e.classes]
    found = {each.all("dt")[0].text: each.value for each in figures.all("div")}
    assert true.ok and found["messages cost"] == true.message_costs == 0.5
    assert found["value"] == true.objective == 9.5 and "penalties" not in found


def test_convergence_is_shown_as_it_was() -> None:
    random = np.random.default_rng(3)
    pairs = [(c, o) for c in range(400) for o in range(10)]
    candidates = {
        "customer": [c for c, _ in pairs],
        "offer": [o for _, o in pairs],
        "value": random.random(len(pairs)),
        "cost": random.random(len(pairs)),
    }
    limits = [Limit("budget", sum="cost", max=60.0), Limit("each", by="offer", min=70, max=90)]
    made = Campaign({"offer": list(range(10))}, candidates, limits=limits)
    result, alone = (made.changed().solve(gap=1e-4, threads=threads) for threads in (2, 1))
    found = result.convergence
    passes, bounds, objectives = found["passes"], found["bound"], found["objective"]
    assert found == alone.convergence and len(passes) > 1
    assert passes == sorted(set(passes)) and passes[-1] <= result.full_passes
    assert bounds == sorted(bounds, reverse=True) and bounds[-1] == pytest.approx(result.bound)
    known = [each for each in objectives if each is not None]
    assert known == sorted(known) and known[-1] == pytest.approx(result.objective)

    section = parsed(report_page(result)).with_id("provenance")
    rows = section.figure("Convergence").all("tbody")[0].all("tr")
    assert result.plot.convergence().to_arrow().to_pydict() == found
    assert len(rows) == min(12, len(passes))
    for cells, at in ((rows[0], 0), (rows[-1], -1)):
        shown = [cell.value for cell in cells.all("td")]
        assert shown[:2] == [objectives[at], bounds[at]]


def test_many_steps_of_convergence_are_counted() -> None:
    steps = {
        "passes": [*map(float, range(40))],
        "bound": [9.0] * 40,
        "objective": [None, *[8.0] * 39],
    }
    result: Any = SimpleNamespace(convergence=steps)
    chart = convergence_chart(result)
    shown = [cells[0].text for cells in chart.rows.rows]
    assert len(shown) == 12 and (shown[0], shown[-1]) == ("0.0", "39.0")
    assert chart.rows.more == "and 28 steps between them"
    result.convergence = {}
    assert convergence_chart(result).rows.rows == ()


def test_all_limits_that_are_not_kept_are_counted() -> None:
    offers = {"offer": list(range(50)), "brand": [f"brand {n:02}" for n in range(50)]}
    candidates = {"customer": [0] * 50, "offer": list(range(50)), "value": np.arange(50.0)}
    limits = [Limit("brands", by="brand", min=1, mode="soft", penalty=0.5)]
    made = Campaign(offers, candidates, limits=limits, rules=[CustomerRule(max=2)])
    found = parsed(report_page(made.solve(threads=1))).with_id("limits")
    assert "50 limits. 48 are not kept;" in found.text and len(found.rows()) == 40


def test_columns_that_reports_are_broken_down_by() -> None:
    n = 6
    offers = pa.table(
        {
            "offer": [f"o{i}" for i in range(n)], "unique": [f"u{i}" for i in range(n)], "kind": ["x", "y"] * 3,
            "coupons": ["x", "y"] * 3, "brand": list(range(n)), "flag": [True, False] * 3,
            "category": [[0.5]] * n, "points": [1, 2] * 3, "one": ["x"] * n,
            "maker": pa.array(["x", "y"] * 3).dictionary_encode(), "labels": [["a"], []] * 3,
        }
    )  # fmt: skip
    candidates = {"customer": [1] * n, "offer": offers["offer"].to_pylist(), "worth": [1.0] * n}
    customers = {"customer": [1], "segment": ["gold"], "kind": ["z"], "lists": [["a"]]}
    result = Campaign(offers, candidates, customers, value="worth").solve(threads=1)
    found = [name for name, _ in columns_to_break_down(result)]
    assert found == ["offer", "brand", "segment", "kind", "flag", "maker", "labels"]


def test_households_are_no_groups() -> None:
    candidates = {"customer": list(range(4)), "offer": ["a"] * 4, "value": [1.0] * 4}
    customers = {"customer": list(range(4)), "household": ["x", "x", "y", "y"]}
    for unit, columns in ((None, ["offer", "household"]), ("household", ["offer"])):
        result = Campaign({"offer": ["a"]}, candidates, customers, unit=unit).solve(threads=1)
        assert [name for name, _ in columns_to_break_down(result)] == columns
