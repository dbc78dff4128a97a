"""Prices of limits that differ in their customers alone: tied at the start, each its own in the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from benchmarks.instances.synthetic import Synthetic

from couponry import Campaign, CustomerRule, Limit
from couponry.kernels import load
from couponry.solver.dual.price_space import PriceSpace
from couponry.solver.dual.tied_prices import TiedPrices
from couponry.solver.options import DEFAULT_OPTIONS

STORES, OFFERS, CUSTOMERS = 5, 40, 6000


def campaign() -> Campaign:
    """Stocks of an offer in a store, a promise by brand, and a budget."""
    size = Synthetic(CUSTOMERS, width=24, offers=OFFERS, brands=8, seed=4)
    rng = np.random.default_rng(2)
    store = rng.integers(0, STORES, CUSTOMERS)
    stock = pa.table(
        {
            "store": np.repeat(np.arange(STORES), OFFERS),
            "offer": np.tile(np.arange(OFFERS), STORES),
            "max": rng.integers(30, 120, STORES * OFFERS),
        }
    )
    return Campaign(
        size.offers_table(),
        size.candidates(),
        pa.table({"customer": np.arange(CUSTOMERS), "store": store}),
        rules=[CustomerRule("slots", max=4)],
        limits=[
            Limit("stock", by=("store", "offer"), table=stock),
            Limit("budget", sum="cost", max=5000.0),
        ],
    )


def test_an_offer_has_one_price_in_all_stores() -> None:
    problem = campaign().compile(load()).problem
    space = PriceSpace.for_problem(problem, np.ones(len(problem.lower)))
    tied = TiedPrices(problem, space)
    assert len(tied) == OFFERS + 1
    point = np.random.default_rng(1).random(len(tied))
    prices = tied.prices(point)
    of_stock = prices[:-1].reshape(STORES, OFFERS)
    assert (of_stock == of_stock[0]).all()
    assert np.allclose(tied.point(prices), point)
    slopes = tied.gradient(problem, np.zeros(len(prices)))
    assert np.allclose(np.sort(slopes)[-1], problem.upper.max())
    assert np.isclose(slopes.sum(), problem.upper.sum())


def test_prices_that_start_tied_end_as_near_to_the_best() -> None:
    options = replace(
        DEFAULT_OPTIONS,
        tied_prices=replace(DEFAULT_OPTIONS.tied_prices, prices=100),
        sampling=replace(DEFAULT_OPTIONS.sampling, customers_per_only_sampled=1e9),
        price_search=replace(
            DEFAULT_OPTIONS.price_search, newton_candidates=1 << 10, newton_customers=100
        ),
    )
    tied = campaign().solve(gap=1e-3, threads=2, solver_options=options)
    other = campaign().solve(gap=1e-3, threads=2)
    assert tied.status == other.status == "optimal"
    assert tied.bound >= other.objective
    assert other.bound >= tied.objective
    again = campaign().solve(gap=1e-3, threads=1, solver_options=options)
    assert again.allocation.to_arrow().equals(tied.allocation.to_arrow())
