"""Customer rules that sum columns of customers: alone, in households, with a history, for late customers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from couponry import Campaign, CustomerRule, InvalidInput, Prices, verify_result, write_campaign

CUSTOMERS, OFFERS = 40, 5
rng = np.random.default_rng(5)
VALUE = rng.integers(1, 60, (CUSTOMERS, OFFERS)) / 8
WEIGHT = rng.integers(1, 6, CUSTOMERS) / 2
HOME = np.arange(CUSTOMERS) // 2


def campaign(*rules: CustomerRule, history: Any = None, unit: str | None = None) -> Campaign:
    return Campaign(
        {"offer": np.arange(OFFERS)},
        {
            "customer": np.repeat(np.arange(CUSTOMERS), OFFERS),
            "offer": np.tile(np.arange(OFFERS), CUSTOMERS),
            "value": VALUE.ravel(),
        },
        {"customer": np.arange(CUSTOMERS), "weight": WEIGHT, "home": HOME},
        history,
        unit=unit,
        rules=list(rules),
    )


def given(result: Any) -> np.ndarray:
    """What each customer is given, (customers, offers)."""
    found = np.zeros((CUSTOMERS, OFFERS), bool)
    rows = result.allocation.to_arrow()
    found[rows["customer"].to_numpy(), rows["offer"].to_numpy()] = True
    return found


def best(values: np.ndarray, weights: np.ndarray, most: float) -> float:
    """The most that candidates come to whose weights add up to so much at most."""
    return max(
        float(values[list(chosen)].sum())
        for size in range(len(values) + 1)
        for chosen in itertools.combinations(range(len(values)), size)
        if weights[list(chosen)].sum() <= most
    )


WEIGHS = CustomerRule("weighs", sum="weight", max=5.0)


def test_each_coupon_counts_what_its_customer_has(tmp_path: Path) -> None:
    result = campaign(WEIGHS).solve(threads=1)
    found = given(result)
    assert (found.sum(axis=1) == np.minimum(OFFERS, 5.0 // WEIGHT)).all()
    expected = sum(best(VALUE[c], np.full(OFFERS, WEIGHT[c]), 5.0) for c in range(CUSTOMERS))
    assert result.objective == pytest.approx(expected) and result.gap < 1e-4
    write_campaign(campaign(WEIGHS), tmp_path / "campaign")
    result.save(tmp_path / "result")
    assert verify_result(tmp_path / "campaign", tmp_path / "result").problems == []
    broken = campaign().solve(threads=1)
    broken.save(tmp_path / "broken")
    problems = verify_result(tmp_path / "campaign", tmp_path / "broken").problems
    assert any("weighs" in problem for problem in problems)


def test_members_of_a_household_count_differently() -> None:
    result = campaign(WEIGHS, unit="home").solve(threads=2)
    total = (given(result) * WEIGHT[:, None]).reshape(-1, 2 * OFFERS).sum(axis=1)
    assert total.max() <= 5.0
    expected = sum(
        best(VALUE[c : c + 2].ravel(), WEIGHT[c : c + 2].repeat(OFFERS), 5.0)
        for c in range(0, CUSTOMERS, 2)
    )
    assert result.objective == pytest.approx(expected, rel=1e-6)


def test_the_history_counts_what_its_customer_has() -> None:
    history = {"customer": [3, 3, 4], "offer": [0, 1, 0], "day": [1, 2, 1]}
    rule = CustomerRule("weighs", sum="weight", max=5.0, history=True)
    found = given(campaign(rule, history=history).solve(threads=1)).sum(axis=1)
    for customer, had in ((3, 2), (4, 1), (5, 0)):
        left = max(0.0, 5.0 - had * WEIGHT[customer])
        assert found[customer] == min(OFFERS, left // WEIGHT[customer])


def test_late_customers_say_what_they_have() -> None:
    prices = Prices.of(campaign(WEIGHS).solve(threads=1))
    candidates = {
        "customer": [90] * 4 + [91] * 4,
        "offer": [0, 1, 2, 3] * 2,
        "value": [4.0, 3, 2, 1] * 2,
    }
    customers = {"customer": [90, 91], "weight": [2.5, 1.5]}
    rows = prices.decide(candidates, customers).to_arrow().to_pylist()
    assert [(row["customer"], row["offer"]) for row in rows] == [
        (90, 0), (90, 1), (91, 0), (91, 1), (91, 2),
    ]  # fmt: skip
    decide = prices.decider()
    assert "weight" in decide.about and decide.columns == ("value",)
    for weight, count in ((2.5, 2), (1.5, 3), (6.0, 0)):
        one = decide(92, [0, 1, 2, 3], {"value": [4.0, 3, 2, 1]}, {"weight": weight})
        assert len(one.offers) == count
    with pytest.raises(InvalidInput, match="weight"):
        decide(92, [0], {"value": [4.0]}, {})


def test_a_column_that_nobody_has_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"weigth.*weight"):
        campaign(CustomerRule("weighs", sum="weigth", max=5.0)).solve(threads=1)
