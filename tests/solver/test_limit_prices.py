"""Prices of limits are what one more unit of their bounds is worth."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from tests.support.checked_solve import SLOTS, pairs, price_of, solve_and_check

from couponry import Campaign, CustomerRule, Limit
from couponry.result import Result


def test_price_of_a_cap_is_what_one_more_coupon_is_worth() -> None:
    result = solve_and_check(
        *pairs(100, 1, 1.0 + np.arange(100)), limits=[Limit("cap", max=40)], gap=1e-6
    )
    assert 60.0 <= price_of(result, "cap") <= 61.0


def test_price_of_a_promise_is_what_one_more_coupon_costs() -> None:
    limits = [Limit("promise", where={"offer": 1}, min=30)]
    values = np.stack([np.full(100, 10.0), np.arange(100) / 10.0], axis=1)
    rules = [CustomerRule("slots", max=1)]
    result = solve_and_check(*pairs(100, 2, values.ravel()), rules=rules, limits=limits, gap=1e-6)
    # the 30th promised coupon goes to a customer who would have had 10 and gets 7.0, the 31st one gets 6.9
    assert -3.1 <= price_of(result, "promise") <= -3.0


def test_price_of_a_budget_is_the_return_on_its_last_coin() -> None:
    rng = np.random.default_rng(9)
    cost = rng.uniform(0.5, 1.5, 2000)
    worth = rng.uniform(0.0, 4.0, 2000)
    offers, candidates = pairs(2000, 1, worth * cost, cost=cost)
    result = solve_and_check(
        offers, candidates, limits=[Limit("budget", sum="cost", max=500.0)], gap=1e-5
    )
    best_first = np.argsort(-worth)
    last = worth[best_first][np.searchsorted(np.cumsum(cost[best_first]), 500.0)]
    assert price_of(result, "budget") == pytest.approx(last, rel=5e-3)


def test_price_of_a_ratio_is_what_one_more_unit_of_it_is_worth() -> None:
    rng = np.random.default_rng(10)
    value, cost = rng.gamma(2.0, 1.0, 4000), rng.uniform(0.2, 2.0, 4000)

    def at(least: float) -> Result:
        limits = [Limit("return", ratio=("value", "cost"), min=least)]
        offers, candidates = pairs(1000, 4, value, cost=cost)
        return Campaign(offers, candidates, rules=[SLOTS], limits=limits).solve(gap=1e-6)

    low, middle, high = at(3.0), at(3.05), at(3.1)
    assert low.objective is not None
    assert high.objective is not None
    slope = (high.objective - low.objective) / 0.1
    assert slope < 0
    assert price_of(middle, "return") == pytest.approx(slope, rel=0.1)


def test_limits_that_do_not_bind_have_no_price() -> None:
    limits = [Limit("roomy", max=10_000), Limit("easy", min=1), Limit("cap", by="offer", max=30)]
    result = solve_and_check(*pairs(100, 2, 1.0 + np.arange(200) % 97), limits=limits)
    assert price_of(result, "roomy") == 0.0
    assert price_of(result, "easy") == 0.0
    assert price_of(result, "cap", "0") > 0.0
    assert result.limits is not None
    assert result.limits["binding"].to_pylist() == [False, False, True, True]


def test_price_by_segment() -> None:
    """Gold customers are worth ten times the others; both segments have their own cap."""
    worth = np.where(np.arange(200) % 2 == 0, 10.0, 1.0) * (1.0 + np.arange(200) / 200)
    customers = {
        "customer": np.arange(200),
        "segment": ["gold" if i % 2 == 0 else "silver" for i in range(200)],
    }
    limits = [
        Limit(segment, customers={"segment": segment}, max=50) for segment in ("gold", "silver")
    ]
    result = solve_and_check(*pairs(200, 1, worth), customers, limits=limits, gap=1e-6)
    assert 14.9 <= price_of(result, "gold") <= 15.1
    assert 1.49 <= price_of(result, "silver") <= 1.51


def test_prices_are_told_under_rules_that_overlap_too() -> None:
    rng = np.random.default_rng(2)
    offers = {"offer": np.arange(6), "brand": [0, 0, 0, 1, 1, 1], "kind": [0, 1, 2, 0, 1, 2]}
    _, candidates = pairs(100, 6, rng.gamma(2.0, 1.0, 600))
    rules = [CustomerRule("brand", by="brand", max=1), CustomerRule("kind", by="kind", max=1)]
    limits = [Limit("total", max=90)]
    result = Campaign(offers, candidates, rules=rules, limits=limits).solve(threads=1)
    assert result.status == "optimal" and result.limits is not None
    assert result.limits["price"][0].as_py() > 0
    assert result.limits["binding"][0].as_py()


def test_weights_next_to_nothing_warn_of_nothing() -> None:
    candidates = {
        "customer": [1, 1],
        "offer": ["a", "b"],
        "value": [1.0, 2.0],
        "weight": [1.0, 5e-324],
    }
    limits = [Limit("weight", sum="weight", max=0.5)]
    with warnings.catch_warnings(action="error"):
        result = Campaign({"offer": ["a", "b"]}, candidates, limits=limits).solve()
    assert result.objective == 2.0
