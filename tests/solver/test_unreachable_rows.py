"""Limits that all candidates together do not keep."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.local import LocalEngine
from couponry.kernels import load
from couponry.solver.infeasibility.unreachable_rows import unreachable_prices
from couponry.solver.options import DEFAULT_OPTIONS

STORES, OFFERS, CUSTOMERS, WIDTH = 40, 60, 6000, 12


def campaign(short: int, *, column: str | None = None, least: int = 3) -> Campaign:
    """Minimums for each offer in each store that can be kept, but for as many as are short of a candidate."""
    random = np.random.default_rng(5)
    store = random.integers(0, STORES, CUSTOMERS)
    offer = np.argsort(random.random((CUSTOMERS, OFFERS)), axis=1)[:, :WIDTH].ravel()
    customer = np.repeat(np.arange(CUSTOMERS), WIDTH)
    count = np.bincount(store[customer] * OFFERS + offer, minlength=STORES * OFFERS)
    bound = np.minimum(count, least).astype(float)
    some = random.permutation(STORES * OFFERS)[:short]
    bound[some] = count[some] + 1
    stock = {
        "store": np.repeat(np.arange(STORES), OFFERS),
        "offer": np.tile(np.arange(OFFERS), STORES),
    }
    return Campaign(
        pa.table({"offer": np.arange(OFFERS)}),
        pa.table(
            {
                "customer": customer,
                "offer": offer,
                "value": random.random(len(offer)),
                "size": np.ones(len(offer)),
            }
        ),
        pa.table({"customer": np.arange(CUSTOMERS), "store": store}),
        rules=[CustomerRule("slots", max=6)],
        limits=[
            Limit("stock", by=("store", "offer"), sum=column or "count", table=pa.table({**stock, "min": bound}))
        ],
    )  # fmt: skip


@pytest.mark.parametrize("column", [None, "size"])
@pytest.mark.parametrize("short", [0, 3])
def test_rows_that_all_candidates_do_not_keep(short: int, column: str | None) -> None:
    problem = campaign(short, column=column).compile(load()).problem
    engine = LocalEngine(problem.shard, problem.rules, load(), 1, 0)
    prices = unreachable_prices(problem, engine)
    if short == 0:
        assert prices is None
        return
    assert prices is not None
    assert (prices < 0).sum() == short and (prices <= 0).all()
    soft = replace(problem, penalty=np.ones(len(problem.lower)))
    assert unreachable_prices(soft, engine) is None


@pytest.mark.parametrize("short", [1, 4])
def test_a_promise_of_more_than_there_are_candidates_is_found_among_thousands(short: int) -> None:
    """Among 2,400 minimums that can be kept: proved by one of them, and the way out lowers all that cannot be kept."""
    result = campaign(short).solve(threads=1)
    assert result.status == "infeasible" and result.infeasible is not None
    (limit,) = result.infeasible["limits"]
    assert limit["reachable"] == limit["min"] - 1 and result.infeasible["customer_rules"] == []
    assert [change["change"] for change in result.infeasible["way_out"]] == [-1.0] * short
    share = result.infeasible["way_out_share"]  # known to be the least by counting candidates
    assert result.infeasible["way_out_share_at_least"] == pytest.approx(share, rel=1e-12)


def test_a_way_out_where_what_is_within_reach_cannot_hold_together() -> None:
    """A minimum that is out of reach, and two others that no customer's slots are enough for."""
    pairs = {"customer": [1, 1, 1, 2], "offer": [1, 2, 3, 1], "value": [1.0, 1.0, 1.0, 1.0]}
    least = {"offer": [1, 2, 3], "min": [3, 1, 1]}
    result = Campaign(
        {"offer": [1, 2, 3]},
        pairs,
        rules=[CustomerRule("slots", max=2)],
        limits=[Limit("least", by="offer", table=least)],
    ).solve(threads=1)
    assert result.status == "infeasible" and result.infeasible is not None
    share = result.infeasible["way_out_share"]
    assert share == pytest.approx(2 / 3)
    assert result.infeasible["way_out_share_at_least"] == pytest.approx(share, rel=1e-4)


def test_what_can_be_kept_is_not_refused() -> None:
    assert campaign(0).solve(threads=1).max_violation == 0
    assert DEFAULT_OPTIONS.sizes.tiny_candidates < CUSTOMERS * WIDTH
