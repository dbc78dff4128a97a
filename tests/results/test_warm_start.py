"""Prices to start from are read off results, tables, files and folders alike, by name and group of limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables, replaced

from couponry import Campaign, CustomerRule, InvalidInput, Limit, Result
from couponry.results.warm_start import prices_of_limits, warm_start

LIMITS = [
    Limit("in all", max=90),
    Limit("brands", by="brand", max=30),
    Limit("return", ratio=("value", "cost"), min=30.0),
]


def stated(limits: list[Limit]) -> Campaign:
    data = random_tables(seed=3, customers=80, each=6)
    return Campaign(
        data["offers"], data["candidates"], rules=[CustomerRule("slots", max=2)], limits=limits
    )


@pytest.fixture(scope="module")
def result() -> Result:
    return stated(LIMITS).solve(gap=1e-5, threads=1)


def by_limit(prices: np.ndarray, campaign: Campaign) -> dict[tuple[str, str | None], float]:
    limits = campaign.compile().limits
    names = [(m.name, m.group) for m in limits.measures]
    return {names[n]: float(p) for n, p in zip(limits.measure_of_row, prices, strict=True)}


def test_every_form_has_the_same_prices(result: Result, tmp_path: Path) -> None:
    assert result.limits is not None and result.status == "optimal"
    result.write(tmp_path / "out")
    forms: list[Any] = [
        result.limits,
        tmp_path / "out",
        str(tmp_path / "out"),
        tmp_path / "out" / "limits.parquet",
        result.limits.to_pandas(),
    ]
    campaign = stated(LIMITS)
    limits = campaign.compile().limits
    expected = prices_of_limits(result, limits)
    assert (expected != 0).any()
    for form in forms:
        assert np.array_equal(prices_of_limits(form, limits), expected)
        assert np.array_equal(warm_start(form, campaign.compile()).prices, expected)


def test_prices_are_matched_by_name_and_group(result: Result) -> None:
    other = stated(
        [
            Limit("new", sum="weight", max=70.0),
            Limit("brands", by="brand", max=28),
            Limit("total", max=90),
        ]
    )
    assert result.limits is not None
    stated_prices = {(r["name"], r["group"]): r["price"] for r in result.limits.to_pylist()}
    found = by_limit(prices_of_limits(result, other.compile().limits), other)
    for (name, group), price in found.items():
        assert price == (stated_prices[name, group] if name == "brands" else 0.0)


def test_ratios_start_from_nothing_by_a_table_but_not_by_a_result(result: Result) -> None:
    """A table states the price of a unit of ratio, which says nothing of the row's; a result knows the row's."""
    campaign = stated(LIMITS)
    prices = by_limit(prices_of_limits(result, campaign.compile().limits), campaign)
    assert prices["return", None] == 0.0
    whole = by_limit(warm_start(result, campaign.compile()).prices, campaign)
    assert whole == by_limit(result.prices, campaign)


def test_what_everybody_used_is_known_of_the_same_candidates_alone(result: Result) -> None:
    changed = Campaign.from_data(result.campaign).changed(limits={"in all": {"max": 80}})
    assert result.plan is not None
    assert warm_start(result, changed.compile()).known is None  # everybody is free for repair here
    plan = replace(result.plan, usage_at_price=result.plan.usage)
    counted = replace(result, plan=plan)
    known = warm_start(counted, changed.compile()).known
    assert known is not None and known.usage is plan.usage_at_price
    other_rules = Campaign.from_data(result.campaign).changed(rules={"slots": {"max": 1}})
    assert warm_start(counted, other_rules.compile()).known is None
    assert warm_start(counted, stated(LIMITS).compile()).known is None


def test_what_has_no_prices_is_refused(result: Result, tmp_path: Path) -> None:
    limits = stated(LIMITS).compile().limits
    assert result.limits is not None
    infeasible = stated([Limit("many", min=10_000)]).solve(threads=1)
    assert infeasible.limits is None
    pq.write_table(result.limits.drop_columns(["price"]), tmp_path / "limits.parquet")
    text = replaced(result.limits, "price", pa.array(["dear"] * result.limits.num_rows))
    for start, words in (
        (tmp_path / "nowhere", "start: no file"),
        (tmp_path, "price"),
        (text, "column 'price': expected numbers"),
        (infeasible, "start: expected a result with limits, got one without"),
        (7, "limits of start: expected a table"),
    ):
        with pytest.raises(InvalidInput, match=words):
            prices_of_limits(start, limits)
