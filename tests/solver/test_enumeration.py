"""Every allocation of a handful of customers: what comes of it is true, to the last digit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.support.compiled import compiled

from couponry import Campaign, CustomerRule, Limit
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.exact.enumeration import Enumerated, enumerate_allocations
from couponry.solver.exact.rational import exact_worth, rounded_up
from couponry.solver.options import DEFAULT_OPTIONS, EnumerationOptions
from couponry.solver.primal.exact_dual import exact_dual

OFFERS = {"offer": [0, 1, 2]}


def tables(value: list[float], cost: list[float]) -> tuple[dict, dict]:
    """Two customers who may get each of three offers."""
    return OFFERS, {
        "customer": [0] * 3 + [1] * 3,
        "offer": [0, 1, 2] * 2,
        "value": value,
        "cost": cost,
    }


def enumerated(
    campaign: Campaign, least: float = -np.inf, options: EnumerationOptions | None = None
) -> Enumerated | None:
    """What enumeration says of a campaign, without prices."""
    problem, engine, repair = compiled(campaign)
    lagrangian, none = Lagrangian(problem, engine), np.zeros(len(problem.lower))
    chosen, _ = lagrangian.choose(none)
    dual = exact_dual(repair, lagrangian, chosen, none)
    return enumerate_allocations(repair, dual, least, options or DEFAULT_OPTIONS.enumeration)


def test_a_hair_decides() -> None:
    """0.1 + 0.2 is 0.3 but for rounding; a tenth of a billionth of a percent more is too much."""
    for second, best in ((0.2, 9.0), (0.2000000000003, 5.0)):
        offers, candidates = tables(
            [5.0, 1.0, 3.0, 4.0, 1.0, 0.0], [0.1, 9.0, 0.3, second, 9.0, 0.0]
        )
        budget = Limit("budget", sum="cost", max=0.3)
        found = enumerated(Campaign(offers, candidates, limits=[budget]))
        assert found is not None and found.best is not None
        assert found.bound == found.best.objective == best


def test_fractions_decide_what_float64_cannot() -> None:
    """Ten coupons of 0.1 are 0.9999999999999999 one after the other, and more than 1 in truth."""
    offers = {"offer": np.arange(10)}
    candidates = {
        "customer": np.zeros(10, int),
        "offer": np.arange(10),
        "value": np.ones(10),
        "cost": np.full(10, 0.1),
    }
    limit = Limit("exactly", sum="cost", min=1.0)
    campaign = Campaign(offers, candidates, limits=[limit])
    problem, _, _ = compiled(campaign)
    everything = np.arange(10)
    assert exact_worth(problem, everything).feasible
    assert exact_worth(problem, everything).objective == 10
    found = enumerated(campaign)
    assert found is not None and found.best is not None
    assert found.best.feasible and found.bound == 10.0


def test_nothing_keeps_all_limits() -> None:
    offers, candidates = tables([1.0] * 6, [0.5, 0.25, 2.0] * 2)
    between = Limit("between", sum="cost", min=0.6, max=0.7)
    found = enumerated(Campaign(offers, candidates, limits=[between]))
    assert found is not None and found.best is None and found.bound == -np.inf


def test_a_gap_that_no_tolerance_sees_is_proved() -> None:
    """0.3 + 0.6 is 0.9 but for rounding, and misses 0.9000000001; nothing else is near."""
    offers, candidates = tables([1e-9] * 6, [0.3, 5.0, 7.0, 0.6, 5.0, 7.0])
    for least, status in ((0.9, "optimal"), (0.9000000001, "infeasible")):
        limits = [Limit("sum", sum="cost", min=least, max=1.0)]
        result = Campaign(offers, candidates, limits=limits).solve(threads=1)
        assert result.status == status


def test_penalties_are_charged_to_the_last_digit() -> None:
    """1e15 for what 0.1 + 0.2 is above 0.3: 0.0277 in truth, 0.0555 as float64 sums it."""
    offers, candidates = tables([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.1, 9.0, 9.0, 0.2, 9.0, 9.0])
    soft = Limit("budget", sum="cost", max=0.3, mode="soft", penalty=1e15)
    result = Campaign(offers, candidates, limits=[soft]).solve(threads=1, gap=0.0)
    true = 2 - 10**15 * (Fraction(0.1) + Fraction(0.2) - Fraction(0.3))
    assert result.bound is not None and Fraction(result.bound) >= true
    assert result.allocated == 2


@pytest.mark.parametrize("numbers", [{"allocations": 10}, {"columns": 2}])
def test_too_many_are_left_alone(numbers: dict[str, int]) -> None:
    offers, candidates = tables([1.0, 2.0, 3.0] * 2, [1.0] * 6)
    campaign = Campaign(offers, candidates, limits=[Limit("all", max=3)])
    fewer = DEFAULT_OPTIONS.columns.__class__(per_customer=numbers.get("columns", 64))
    options = EnumerationOptions(columns=fewer, allocations=numbers.get("allocations", 20_000))
    assert enumerated(campaign, options=options) is None


def test_only_what_may_be_better_is_looked_at() -> None:
    offers, candidates = tables([1.0, 2.0, 3.0] * 2, [1.0] * 6)
    campaign = Campaign(
        offers, candidates, rules=[CustomerRule("one", max=1)], limits=[Limit("all", max=2)]
    )
    few = EnumerationOptions(allocations=4)
    assert enumerated(campaign, options=few) is None
    found = enumerated(campaign, least=5.5, options=few)
    assert found is not None and found.best is not None
    assert found.best.objective == found.bound == 6.0


def test_rounded_up() -> None:
    third = Fraction(1, 3)
    assert Fraction(rounded_up(third)) >= third > Fraction(np.nextafter(rounded_up(third), -1))
    assert rounded_up(Fraction(3, 4)) == 0.75
