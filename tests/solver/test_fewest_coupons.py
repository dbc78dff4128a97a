"""A feasible allocation is at hand where giving as few coupons as rules allow keeps all limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from tests.support.checked_solve import pairs, solve_and_check
from tests.support.clocks import PassClock
from tests.support.large_campaign import FEW_FREE

from couponry import Campaign, CustomerRule, Limit
from couponry.solver import solve as solve_module
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.stages import fewest_stage

CUSTOMERS, WIDTH = 200, 6
SLOTS = CustomerRule("slots", max=3)
BUDGET = Limit("budget", sum="cost", max=20.0)
PROMISE = Limit("promise", where={"offer": [0]}, min=180)


def tables(customers: int = CUSTOMERS, width: int = WIDTH) -> tuple[pa.Table, pa.Table]:
    random = np.random.default_rng(3)
    size = customers * width
    value, cost = random.gamma(2.0, 1.0, size), random.uniform(0.5, 1.5, size)
    return pairs(customers, width, value, cost=cost)


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> PassClock:
    """Any time limit has passed as soon as a stage is entered."""
    clock = PassClock(monkeypatch)
    clock.entered = lambda stage: setattr(clock, "seconds", 1.0)
    return clock


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, FEW_FREE], ids=["in memory", "few free"])
@pytest.mark.parametrize("least", [None, 1, 2])
def test_without_any_time(least: int | None, options, no_time: PassClock) -> None:
    """Nobody gets anything; where rules ask for coupons, everybody just these."""
    rule, most = replace(SLOTS, min=least), CUSTOMERS * (least or 0)
    campaign = Campaign(
        *tables(), rules=[rule], limits=[Limit("few", max=most), BUDGET][: 1 if least else 2]
    )
    result = campaign.solve(threads=2, time_limit=1e-6, solver_options=options)
    assert result.status == "feasible" and result.allocated == most
    assert result.max_violation == 0 and result.customers_below_min == 0
    if result.bound is not None:
        assert result.bound >= result.objective


def test_what_promises_need_stays_unsolved(no_time: PassClock) -> None:
    campaign = Campaign(*tables(), rules=[SLOTS], limits=[PROMISE])
    assert campaign.solve(threads=1, time_limit=1e-6).status == "unsolved"


def test_the_same_whoever_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of packed values are not better than those of the values as given, and hardly worse."""
    monkeypatch.setattr(solve_module, "STAGES", ())
    limits = [Limit("wish", min=900, mode="soft", penalty=0.3), Limit("few", max=CUSTOMERS)]
    campaign = Campaign(*tables(), rules=[replace(SLOTS, min=1)], limits=limits)
    given, packed = (
        campaign.solve(threads=1, solver_options=options) for options in (DEFAULT_OPTIONS, FEW_FREE)
    )
    assert given.allocation.to_arrow().equals(packed.allocation.to_arrow())
    assert packed.objective == pytest.approx(given.objective, rel=1e-6)
    assert given.max_violation == packed.max_violation == 0


def test_a_ratio_that_only_nothing_keeps() -> None:
    equal = Limit("return", ratio=("value", "cost"), min=1.2345678, max=1.2345678)
    result = solve_and_check(*tables(4, 6), rules=[SLOTS], limits=[equal])
    assert result.status in ("optimal", "feasible") and result.objective == 0.0


def test_a_customer_with_thousands_of_candidates() -> None:
    offers, candidates = tables(1, 5000)
    budget = Limit("budget", sum="cost", max=1.0)
    campaign = Campaign(offers, candidates, rules=[CustomerRule("slots", max=300)], limits=[budget])
    assert campaign.solve(threads=2, time_limit=1e-9).status in ("optimal", "feasible")
    best = campaign.solve(threads=2)
    assert best.status == "optimal" and best.allocated == 1


def test_what_limits_leave_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where prices found no allocation the fewest coupons are a start, not the end."""
    steps = (fewest_stage.give_fewest, fewest_stage.fill_fewest)
    stages = tuple(stage for stage in solve_module.STAGES if stage.run in steps)
    assert len(stages) == 3
    monkeypatch.setattr(solve_module, "STAGES", stages)
    result = Campaign(*tables(), rules=[SLOTS], limits=[BUDGET]).solve(threads=1)
    assert result.status == "feasible" and result.allocated > 10
