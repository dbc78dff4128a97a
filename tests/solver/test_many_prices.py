"""Campaigns of few customers with very many limits: their prices are found by projected steps."""

from __future__ import annotations

import numpy as np
import pytest

from couponry import Campaign, CustomerRule, Limit
from couponry.solver.dual import projected_quasi_newton, quasi_newton
from couponry.solver.dual.projected_quasi_newton import method_for, minimise_projected
from couponry.solver.options import QuasiNewtonOptions

REGIONS, OFFERS, CUSTOMERS, WIDTH = 6, 200, 1_500, 15


def corridors() -> Campaign:
    """A minimum and a maximum close together for each offer in each region, about an allocation drawn by lot."""
    random = np.random.default_rng(3)
    region = random.integers(0, REGIONS, CUSTOMERS)
    offer = np.argsort(random.random((CUSTOMERS, OFFERS)), axis=1)[:, :WIDTH]
    group = (region[:, None] * OFFERS + offer)[:, :4]  # four coupons each
    given = np.bincount(group.ravel(), minlength=REGIONS * OFFERS)
    table = {
        "region": np.repeat(np.arange(REGIONS), OFFERS),
        "offer": np.tile(np.arange(OFFERS), REGIONS),
        "min": given - 1.0,
        "max": given + 1.0,
    }
    return Campaign(
        {"offer": np.arange(OFFERS)},
        {
            "customer": np.repeat(np.arange(CUSTOMERS), WIDTH),
            "offer": offer.ravel(),
            "value": random.lognormal(0.0, 0.8, CUSTOMERS * WIDTH),
        },
        {"customer": np.arange(CUSTOMERS), "region": region},
        rules=[CustomerRule("slots", max=4)],
        limits=[Limit("corridor", by=("region", "offer"), table=table)],
    )


def test_many_prices_of_few_customers_are_found_without_blas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SciPy's method takes ten times as long, and what it adds up depends on how many threads BLAS has."""

    def refuse(*_: object) -> None:
        raise AssertionError("SciPy's L-BFGS-B was asked")

    monkeypatch.setattr(quasi_newton, "minimise", refuse)
    monkeypatch.setattr(projected_quasi_newton, "minimise", refuse)
    result = corridors().solve(gap=2e-3, threads=1)
    assert result.status == "optimal" and result.max_violation == 0
    assert len(result.limits) == REGIONS * OFFERS


def test_the_method_is_chosen_by_how_many_prices_there_are() -> None:
    options = QuasiNewtonOptions(many_prices=50)
    assert method_for(49, False, options) is quasi_newton.minimise
    assert method_for(50, False, options) is method_for(1, True, options) is minimise_projected
