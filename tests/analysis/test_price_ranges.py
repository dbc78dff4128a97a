"""How far prices hold: what moves of bounds are worth, against campaigns that are solved afresh."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from couponry import Campaign, CustomerRule, InvalidInput, Limit, Result
from couponry.analysis import price_ranges
from couponry.results.options import SolveOptions
from couponry.results.solution import CampaignSolution
from couponry.results.solve import solve

CUSTOMERS = 20_000


def campaign(customers: int = CUSTOMERS) -> Campaign:
    rng = np.random.default_rng(4)
    offers = pa.table({"offer": np.arange(24), "brand": [f"b{j % 6}" for j in range(24)]})
    count = 8 * customers
    pairs = {
        "customer": np.repeat(np.arange(customers), 8),
        "offer": np.argsort(rng.random((customers, 24)), axis=1)[:, :8].ravel(),
        "value": rng.gamma(2.0, 1.0, count),
        "cost": rng.uniform(0.5, 1.5, count),
    }
    limits = [
        Limit("budget", sum="cost", max=2.0 * customers),
        Limit("b0 promised", where={"brand": "b0"}, min=int(0.6 * customers)),
        Limit("b1 at most", where={"brand": "b1"}, max=int(0.2 * customers)),
        Limit("loose", max=100 * customers),
        Limit("return", ratio=("value", "cost"), min=0.1),
    ]
    return Campaign(offers, pairs, rules=[CustomerRule("slots", max=3)], limits=limits)


@pytest.fixture(scope="module")
def result() -> Result:
    return campaign().solve(threads=2)


def test_each_row_is_what_moving_the_bound_is_worth(result: Result) -> None:
    """Held against solves of both campaigns to a small gap; their gaps say how far that can tell."""
    rows = result.price_ranges(move=0.05).to_arrow().to_pylist()
    assert [row["limit"] for row in rows] == ["budget"] * 2 + ["b0 promised"] * 2 + [
        "b1 at most"
    ] * 2
    assert result.limits is not None
    price = {row["name"]: row["price"] for row in result.limits.to_pylist()}
    limits = campaign().limits
    tight = campaign().solve(gap=1e-5, threads=2)
    assert tight.objective is not None and tight.bound is not None
    for row in rows:
        assert row["price"] == price[row["limit"]]
        step = row["moved_to"] - row["bound"]
        assert abs(step) == pytest.approx(0.05 * row["bound"], abs=1)
        assert row["predicted"] == pytest.approx(row["price"] * step)
        assert row["per_unit"] == pytest.approx(row["change"] / step)
        assert row["lowest"] <= row["per_unit"] <= row["highest"]
        assert row["error"] <= 0.05 * abs(row["predicted"])
        moved = [
            replace(x, **{row["side"]: row["moved_to"]}) if x.name == row["limit"] else x
            for x in limits
        ]
        there = campaign().with_limits(moved).solve(gap=1e-5, threads=2)
        assert there.objective is not None and there.bound is not None
        low, high = there.objective - tight.bound, there.bound - tight.objective
        assert low - row["error"] <= row["change"] <= high + row["error"]


def test_a_concave_worth(result: Result) -> None:
    """A unit more is worth no more than a unit less was."""
    rows = result.price_ranges(move=0.05).to_arrow().to_pylist()
    for up, down in zip(rows[::2], rows[1::2], strict=True):
        assert up["moved_to"] > up["bound"] > down["moved_to"]
        size = abs(up["error"] / (up["moved_to"] - up["bound"]))
        assert up["per_unit"] <= down["per_unit"] + 2 * size


def test_a_price_that_does_not_hold_is_told(result: Result) -> None:
    """Half of the budget more: prices are far from what they were."""
    found = result.price_ranges("budget", move=0.5, tolerance=0.02)
    up = found.to_arrow().to_pylist()[0]
    assert not up["agrees"] and up["per_unit"] < up["price"] * 0.98
    assert up["holds_to"] is None or up["bound"] < up["holds_to"] < up["moved_to"]
    assert "limit 'budget' max" in found.summary() and "<table>" in found._repr_html_()


def test_few_customers_are_decided_exactly() -> None:
    """Forty coupons worth 1, 2, ..., 40 and room for ten: the next are worth 30, 29 and 28, the last one 31."""
    campaign = Campaign(
        {"offer": [1]},
        {"customer": np.arange(40), "offer": np.ones(40, int), "value": np.arange(1.0, 41.0)},
        limits=[Limit("room", max=10)],
    )
    rows = campaign.solve(gap=0).price_ranges(move=0.3).to_arrow().to_pylist()
    assert [row["moved_to"] for row in rows] == [13, 7]
    assert [row["change"] for row in rows] == pytest.approx([30 + 29 + 28, -31 - 32 - 33], abs=1e-4)


def test_threads_do_not_matter(result: Result) -> None:
    one, two = (result.price_ranges("b1 at most", threads=threads) for threads in (1, 2))
    assert one.to_arrow().equals(two.to_arrow())


def test_limits_are_named_as_tables_name_them(result: Result) -> None:
    by_row = result.price_ranges([("b1 at most", None)], threads=1)
    assert by_row.to_arrow().equals(result.price_ranges("b1 at most", threads=1).to_arrow())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limits": "nothing"}, "there is no limit 'nothing'"),
        ({"limits": [("budget", "b0")]}, "there is no limit"),
        ({"limits": 7}, "there is no limit 7"),
        ({"limits": [["budget"]]}, "there is no limit"),
        ({"move": 0}, "move: expected a share"),
        ({"tolerance": "much"}, "tolerance: expected a share"),
    ],
)
def test_bad_questions(result: Result, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        result.price_ranges(**arguments)


def test_limits_without_a_price_have_no_range(result: Result) -> None:
    found = result.price_ranges(["loose", "return"])
    assert found.to_arrow().num_rows == 0 and found.summary() == "no limit has a price"


def test_solves_of_few_customers_keep_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has what is left of it; one that ends with nothing ends the table, and says nothing is infeasible."""
    limits: list[float | None] = []

    def measured(given: Any, options: SolveOptions, *others: Any, **more: Any) -> CampaignSolution:
        limits.append(options.time_limit)
        found = solve(given, options, *others, **more)
        return replace(found, status="unsolved", objective=None) if len(limits) == 3 else found

    monkeypatch.setattr(price_ranges, "solve", measured)
    solved = campaign(300).solve(threads=1)
    table = solved.price_ranges("budget", time_limit=1000.0)
    assert len(limits) == 3 and all(limit is not None and limit <= 1000.0 for limit in limits)
    assert [row["moved_to"] > row["bound"] for row in table.to_arrow().to_pylist()] == [True]
    limits.clear()
    solved.price_ranges("budget")
    assert limits[:2] == [None, None]
