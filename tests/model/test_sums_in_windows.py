"""Sums over rolling windows whose amounts may be negative: against every subset, and verified."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import couponry
from couponry import CustomerRule
from couponry.verify import verify_result

WINDOW, MOST, CUSTOMERS, OFFERS = 5, 2.0, 60, 9
pytestmark = pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")


def tables(seed: int, of_candidates: bool) -> dict[str, Any]:
    """Customers with nine offers on days of a month, and with a history."""
    rng = np.random.default_rng(seed)
    offers = {"offer": np.arange(OFFERS), "day": rng.integers(0, 25, OFFERS)}
    customer = np.repeat(np.arange(CUSTOMERS), OFFERS)
    candidates = {
        "customer": customer,
        "offer": np.tile(np.arange(OFFERS), CUSTOMERS),
        "value": rng.random(len(customer)),
    }
    if of_candidates:
        candidates["net"] = rng.integers(-3, 4, len(customer)) / 2
    else:
        offers["net"] = rng.integers(-3, 4, OFFERS) / 2
    past = 80
    history = {
        "customer": rng.integers(0, CUSTOMERS, past),
        "offer": rng.integers(0, OFFERS, past),
        "day": rng.integers(-6, 30, past),
        "net": rng.integers(-3, 4, past) / 2,
    }
    return {"offers": offers, "candidates": candidates, "history": history}


def most_worth(tables: dict[str, Any], customer: int) -> float:
    """The best of all choices of a customer."""
    offers, candidates, past = (tables[name] for name in ("offers", "candidates", "history"))
    own = np.flatnonzero(candidates["customer"] == customer)
    net = candidates["net"][own] if "net" in candidates else offers["net"]
    had = [
        (int(day), float(amount))
        for who, day, amount in zip(past["customer"], past["day"], past["net"], strict=True)
        if who == customer
    ]
    best = 0.0
    for some in itertools.product([False, True], repeat=OFFERS):
        chosen = np.array(some)
        if chosen.sum() <= 4 and all(
            not (
                inside := chosen & (begin <= offers["day"]) & (offers["day"] < begin + WINDOW)
            ).any()
            or net[inside].sum() + sum(a for d, a in had if begin <= d < begin + WINDOW) <= MOST
            for begin in range(-5, 26)
        ):
            best = max(best, float(candidates["value"][own][chosen].sum()))
    return best


@pytest.mark.parametrize("of_candidates", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_every_window_is_kept(seed: int, of_candidates: bool, tmp_path: Path) -> None:
    """Also one within another, where the rest of the other one makes up for it."""
    stated = tables(seed, of_candidates)
    rules = [
        CustomerRule("net", sum="net", max=MOST, window=WINDOW),
        CustomerRule("slots", max=4),
    ]
    campaign = couponry.Campaign(**stated, rules=rules)
    result = campaign.solve(gap=0.0)
    expected = sum(most_worth(stated, customer) for customer in range(CUSTOMERS))
    assert result.objective == pytest.approx(expected, rel=1e-6)
    folder = couponry.write_campaign(campaign, tmp_path / "campaign")
    out = result.save(tmp_path / "out")
    assert verify_result(folder, out).problems == []


def test_a_window_within_another_one() -> None:
    """Days 1 to 3 come to 2 too much, though days 0 to 3 do not."""
    offers = {"offer": ["back", "tea", "jam"], "day": [0, 3, 4], "net": [-2.0, 2.0, 1.0]}
    candidates = {"customer": [1] * 3, "offer": offers["offer"], "value": [1.0, 3.0, 2.0]}
    rule = CustomerRule("net", sum="net", max=2.0, window=5)
    result = couponry.Campaign(offers, candidates, rules=[rule]).solve()
    assert result.allocation.to_arrow()["offer"].to_pylist() == ["back", "tea"]
    prices = couponry.Prices.of(result)
    late = {"customer": [2] * 3, "offer": offers["offer"], "value": [1.0, 3.0, 2.0]}
    assert prices.decide(late).to_arrow()["offer"].to_pylist() == ["back", "tea"]
    decide = prices.decider()
    assert decide(2, offers["offer"], {"value": [1.0, 3.0, 2.0]}).offers == ["back", "tea"]


def test_late_customers_one_at_a_time() -> None:
    """What their candidates' amounts are is not known when rules are prepared."""
    stated = tables(4, of_candidates=True)
    stated["candidates"]["net"] = np.abs(stated["candidates"]["net"])
    rules = [CustomerRule("net", sum="net", max=MOST, window=WINDOW, history=False)]
    prices = couponry.Prices.of(couponry.Campaign(**stated, rules=rules).solve())
    rng = np.random.default_rng(5)
    decide, offers = prices.decider(), np.arange(OFFERS)
    for customer in range(1000, 1030):
        values = {"value": rng.random(OFFERS), "net": rng.integers(-3, 4, OFFERS) / 2}
        rows = {"customer": [customer] * OFFERS, "offer": offers, **values}
        expected = prices.decide(rows).to_arrow()["offer"].to_pylist()
        assert decide(customer, offers, values).offers == expected
