"""Limits that are hard, soft, reported, or a ratio."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.support.campaigns import random_tables, replaced
from tests.support.folders import RULES, Folder, rows_of, solve


def test_report_is_never_enforced(folder: Folder) -> None:
    report = {"name": "n", "max": 1, "mode": "report"}
    free = solve(folder(limit=[{"name": "n", "mode": "report"}], **RULES))
    result = solve(folder(limit=[report], **RULES))
    assert (
        result.allocation.to_arrow().equals(free.allocation.to_arrow()) and result.allocated == 180
    )
    row = result.limits.to_pylist()[0]
    assert (row["max"], row["achieved"], row["price"], row["binding"], row["mode"]) == (
        1.0, 180.0, 0.0, False, "report",
    )  # fmt: skip
    assert result.max_violation == 0


@pytest.mark.parametrize("penalty", [0.0, 0.4, 1.5, 100.0])
def test_soft_max_is_missed_where_that_pays(penalty: float, folder: Folder) -> None:
    tables = random_tables(customers=20)
    limit = {"name": "wish", "max": 30, "mode": "soft", "penalty": penalty}
    result = solve(folder(tables, customer_rule=[], limit=[limit]), gap=1e-9)
    values = sorted(tables["candidates"]["value"].to_pylist(), reverse=True)
    best = sum(values[:30]) + sum(max(0.0, value - penalty) for value in values[30:])
    assert result.objective == pytest.approx(best, rel=1e-8)
    count = 30 + sum(value > penalty for value in values[30:])
    if penalty:
        assert result.allocated == count
        given = sum(result.allocation.to_arrow()["value"].to_pylist())
        assert result.objective == pytest.approx(given - penalty * (count - 30), rel=1e-12)
    assert result.max_violation == 0  # of hard limits


def test_soft_min_pays_for_coupons_worth_less_than_nothing(folder: Folder) -> None:
    tables = random_tables(customers=20)
    values = -np.linspace(0.01, 1, tables["candidates"].num_rows)
    tables["candidates"] = replaced(tables["candidates"], "value", values)
    limit = {"name": "wish", "min": 50, "mode": "soft", "penalty": 0.2005}
    result = solve(folder(tables, customer_rule=[], limit=[limit]), gap=1e-9)
    worthwhile = values[-values < 0.2005]
    best = worthwhile.sum() - 0.2005 * (50 - len(worthwhile))
    assert result.objective == pytest.approx(best, rel=1e-8)
    assert result.allocated == len(worthwhile)


@pytest.mark.parametrize(
    "bounds", [{"min": 6.0}, {"max": 3.0}, {"min": 2.5, "max": 2.6}, {"min": 1e6}], ids=str
)
def test_ratio(bounds: dict[str, float], folder: Folder) -> None:
    """Against every subset of ten candidates; a ratio to nothing is kept."""
    tables = random_tables(customers=5, each=2, offers=4, seed=3)
    rows = rows_of(tables)
    value = np.array([row["value"] for row in rows])
    weight = np.array([row["weight"] for row in rows])
    subsets = np.array(list(itertools.product([False, True], repeat=10)))
    above, below = subsets @ value, subsets @ weight
    kept = np.ones(len(subsets), bool)
    kept &= above >= bounds.get("min", -np.inf) * below if "min" in bounds else True
    kept &= above <= bounds.get("max", np.inf) * below if "max" in bounds else True
    limit = {"name": "return", "ratio": ["value", "weight"], **bounds}
    result = solve(folder(tables, customer_rule=[], limit=[limit]), gap=1e-9)
    assert result.objective == pytest.approx(above[kept].max(), abs=1e-9)
    row = result.limits.to_pylist()[0]
    assert row["sum"] == "value / weight" and row["group"] is None
    if result.allocated:
        assert bounds.get("min", 0) <= row["achieved"] <= bounds.get("max", np.inf)
    else:
        assert row["achieved"] is None and bounds["min"] == 1e6


def test_ratio_by_group(folder: Folder) -> None:
    limit = {"name": "return", "by": "brand", "ratio": ["value", "cost"], "min": 60.0}
    path = folder(limit=[limit], **RULES)
    result = solve(path)
    for row in result.limits.to_pylist():
        assert row["achieved"] >= 60.0 - 1e-9 and row["min"] == 60.0
    free = solve(folder(limit=[{**limit, "mode": "report"}], **RULES))
    assert min(free.limits["achieved"].to_pylist()) < 60.0 and free.objective > result.objective
