"""Worth goes with cost in each of many budgets: choices are tied, and far from the limits."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from couponry import Campaign, CustomerRule, Limit

REGIONS, OFFERS, CUSTOMERS, WIDTH = 8, 400, 5000, 32


def campaign(*others: Limit) -> Campaign:
    """A budget of each offer in each region; an offer's value and cost go with response."""
    random = np.random.default_rng(3)
    offer = np.argsort(random.random((CUSTOMERS, OFFERS)), axis=1)[:, :WIDTH].ravel()
    return Campaign(
        pa.table(
            {
                "offer": np.arange(OFFERS),
                "margin": 1 + random.random(OFFERS),
                "face_value": random.random(OFFERS),
            }
        ),
        pa.table(
            {
                "customer": np.repeat(np.arange(CUSTOMERS), WIDTH),
                "offer": offer,
                "response": random.beta(0.3, 30, len(offer)),
            }
        ),
        pa.table(
            {"customer": np.arange(CUSTOMERS), "region": random.integers(0, REGIONS, CUSTOMERS)}
        ),
        rules=[CustomerRule("slots", max=5)],
        limits=[Limit("budgets", by=("region", "offer"), sum="cost", max=0.05), *others],
    )


@pytest.mark.parametrize("budget", [None, 75.0])
def test_budgets_are_filled_with_what_is_worth_its_prices(budget: float | None) -> None:
    others = [] if budget is None else [Limit("budget", sum="cost", max=budget)]
    result = campaign(*others).solve(gap=0.01, threads=1)
    assert (result.status, result.method, result.max_violation) == ("optimal", "dual", 0)
    assert result.full_passes < 200
