"""Soft limits on ratios, against every allocation there is."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from couponry import Campaign, CustomerRule, Limit

CUSTOMERS, OFFERS, SLOTS = 4, 4, 2


def small(seed: int) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(seed)
    candidates = pa.table(
        {
            "customer": np.repeat(np.arange(CUSTOMERS), OFFERS),
            "offer": np.tile(np.arange(OFFERS), CUSTOMERS),
            "value": rng.gamma(2.0, 1.0, CUSTOMERS * OFFERS),
            "cost": rng.gamma(2.0, 0.5, CUSTOMERS * OFFERS) + 0.1,
        }
    )
    return pa.table({"offer": np.arange(OFFERS)}), candidates


def best_of_all(candidates: pa.Table, least: float, penalty: float) -> float:
    """The largest value less penalty * (least - value / cost) over all allocations."""
    value = candidates["value"].to_numpy().reshape(CUSTOMERS, OFFERS)
    cost = candidates["cost"].to_numpy().reshape(CUSTOMERS, OFFERS)
    subsets = [c for k in range(SLOTS + 1) for c in itertools.combinations(range(OFFERS), k)]
    pick = np.array([[j in subset for j in range(OFFERS)] for subset in subsets], float)
    values, costs = value @ pick.T, cost @ pick.T  # (customers, subsets)
    total, spent = np.zeros(1), np.zeros(1)
    for i in range(CUSTOMERS):
        total = (total[:, None] + values[i]).ravel()
        spent = (spent[:, None] + costs[i]).ravel()
    ratio = np.divide(total, spent, out=np.full(len(total), np.inf), where=spent > 0)
    return float((total - penalty * np.maximum(0.0, least - ratio)).max())


@pytest.mark.parametrize("penalty", [0.0, 0.3, 3.0, 30.0])
@pytest.mark.parametrize("seed", range(6))
def test_against_all_allocations(seed: int, penalty: float) -> None:
    offers, candidates = small(seed)
    least = 3.0
    campaign = Campaign(
        offers,
        candidates,
        rules=[CustomerRule("slots", max=SLOTS)],
        limits=[Limit("return", ratio=("value", "cost"), min=least, mode="soft", penalty=penalty)],
    )
    result = campaign.solve(gap=1e-6, threads=1)
    optimum = best_of_all(candidates, least, penalty)
    assert result.allocation is not None and result.limits is not None
    assert result.objective is not None and result.bound is not None
    value = result.allocation.to_arrow()["value"].to_numpy().sum()
    spent = result.allocation.to_arrow()["cost"].to_numpy().sum()
    ratio = value / spent if spent > 0 else None  # nothing given, nothing missed
    assert result.limits["achieved"][0].as_py() == pytest.approx(ratio)
    missed = 0.0 if ratio is None else max(0.0, least - ratio)
    assert result.objective == pytest.approx(value - penalty * missed)
    assert result.objective <= optimum + 1e-9 <= result.bound + 2e-9
    assert result.objective >= optimum - 0.03 * abs(optimum)


def test_enough_penalty_is_as_good_as_hard() -> None:
    offers, candidates = small(1)
    rules = [CustomerRule("slots", max=SLOTS)]
    soft = Limit("return", ratio=("value", "cost"), min=3.0, mode="soft", penalty=1e4)
    hard = Limit("return", ratio=("value", "cost"), min=3.0)
    found = [
        Campaign(offers, candidates, rules=rules, limits=[limit]).solve(gap=1e-6, threads=1)
        for limit in (soft, hard)
    ]
    assert found[0].objective == pytest.approx(found[1].objective)
