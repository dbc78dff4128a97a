"""Ways out of conflicts among hundreds of limits, of which few give way."""

from __future__ import annotations

import numpy as np
import pytest

from couponry import Campaign, CustomerRule, Limit


def test_the_one_bound_gives_way_that_stands_against_hundreds() -> None:
    """Minimums of 60 offers in each of six regions, and a maximum of all coupons of one region that is below their sum.

    Changes of minimums come to ten times as much; with nothing but changes to count no such allocation was found.
    """
    random, regions, offers, customers = np.random.default_rng(2), 6, 60, 6_000
    region = random.integers(0, regions, customers)
    offer = np.argsort(random.random((customers, offers)), axis=1)[:, :12]
    given = np.bincount(
        (region[:, None] * offers + offer)[:, :4].ravel(), minlength=regions * offers
    )
    least = np.floor(0.95 * given)
    together = float(least[2 * offers : 3 * offers].sum())
    result = Campaign(
        {"offer": np.arange(offers)},
        {
            "customer": np.repeat(np.arange(customers), 12),
            "offer": offer.ravel(),
            "value": random.lognormal(0.0, 0.8, 12 * customers),
        },
        {"customer": np.arange(customers), "region": region},
        rules=[CustomerRule("slots", max=4)],
        limits=[
            Limit(
                "least",
                by=("region", "offer"),
                table={
                    "region": np.repeat(np.arange(regions), offers),
                    "offer": np.tile(np.arange(offers), regions),
                    "min": least,
                },
            ),
            Limit("most", customers={"region": 2}, max=together - 200),
        ],
    ).solve(threads=1)
    assert result.status == "infeasible" and result.infeasible is not None
    (change,) = result.infeasible["way_out"]
    assert change["limit"] == "most" and change["would_do"] == pytest.approx(together, abs=5)


def test_a_budget_gives_way_before_the_promises_that_it_is_too_small_for() -> None:
    """What each of 1,000 groups of offers must be worth, and a third of the money that this takes."""
    random, stores, offers, customers = np.random.default_rng(4), 100, 100, 4_000
    store = np.repeat(random.integers(0, stores, customers), 12)
    offer = np.argsort(random.random((customers, offers)), axis=1)[:, :12].ravel()
    value, cost = random.lognormal(0.0, 0.8, (2, 12 * customers))
    best = np.sort(np.argsort(-value.reshape(customers, 12), axis=1)[:, :4], axis=1)
    given = (best + 12 * np.arange(customers)[:, None]).ravel()
    group = store * 10 + offer // 10
    worth = np.bincount(group[given], weights=value[given], minlength=10 * stores)
    result = Campaign(
        {"offer": np.arange(offers), "brand": np.arange(offers) // 10},
        {
            "customer": np.repeat(np.arange(customers), 12),
            "offer": offer,
            "value": value,
            "cost": cost,
        },
        {"customer": np.arange(customers), "store": store[::12]},
        rules=[CustomerRule("slots", max=4)],
        limits=[
            Limit(
                "promised",
                sum="value",
                by=("store", "brand"),
                table={
                    "store": np.repeat(np.arange(stores), 10),
                    "brand": np.tile(np.arange(10), stores),
                    "min": 0.95 * worth,
                },
            ),
            Limit("budget", sum="cost", max=float(0.3 * cost[given].sum())),
        ],
    ).solve(threads=1)
    assert result.status == "infeasible" and result.infeasible is not None
    (change,) = result.infeasible["way_out"]
    assert change["limit"] == "budget"
    everything = 1 / 0.3 - 1  # the budget that everybody's favourites take is enough
    assert change["share"] < 0.8 * everything
