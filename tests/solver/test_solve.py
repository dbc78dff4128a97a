"""The solver at its edges: gaps, empty and extreme campaigns, ties by the thousand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.checked_solve import SLOTS, pairs, price_of, solve_and_check
from tests.support.random_campaigns import draw

from couponry import Campaign, CustomerRule, InvalidInput, Limit

# ---- stopping


@pytest.mark.parametrize("seed", [3, 9, 46])
def test_gap_target(seed: int) -> None:
    campaign = draw(seed, 400).campaign()
    for gap in (0.05, 5e-4, 1e-4):
        result = campaign.solve(threads=1, gap=gap)
        assert result.gap is not None
        assert result.status == ("optimal" if result.gap <= gap else "feasible")
        assert result.objective is not None
        assert result.bound is not None
        assert result.gap == pytest.approx((result.bound - result.objective) / abs(result.bound))


def test_gap_of_nothing_proves_the_optimum() -> None:
    rng = np.random.default_rng(1)
    offers, candidates = pairs(30, 4, np.round(rng.gamma(2.0, 1.0, 120), 2), cost=rng.random(120))
    result = solve_and_check(
        offers, candidates, rules=[SLOTS], limits=[Limit("budget", sum="cost", max=9.0)], gap=0.0
    )
    assert result.objective is not None
    assert result.bound is not None
    assert result.bound - result.objective <= 1e-6 * abs(result.bound)


@pytest.mark.parametrize("gap", [-1.0, float("nan"), float("inf"), "small", None])
def test_bad_gap(gap: Any) -> None:
    with pytest.raises(InvalidInput, match="gap"):
        Campaign(*pairs(2, 2, 1.0)).solve(gap=gap)


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), "long"])
def test_bad_time_limit(limit: Any) -> None:
    with pytest.raises(InvalidInput, match="time_limit"):
        Campaign(*pairs(2, 2, 1.0)).solve(time_limit=limit)


# ---- little to decide


def test_no_limits() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(50, 6))
    result = solve_and_check(*pairs(50, 6, values.ravel()), rules=[SLOTS])
    best = np.maximum(np.sort(values, axis=1)[:, -2:], 0.0).sum()
    assert result.status == "optimal"
    assert result.objective == pytest.approx(best, rel=1e-12)
    assert result.limits is not None
    assert result.limits.num_rows == 0


def test_no_rules_and_no_limits() -> None:
    values = np.array([1.0, -1.0, 2.0, 0.5] * 10)
    result = solve_and_check(*pairs(10, 4, values))
    assert (result.status, result.objective, result.allocated) == ("optimal", 35.0, 30)


def test_no_rules() -> None:
    result = solve_and_check(*pairs(10, 4, np.arange(40)), limits=[Limit("few", max=3)])
    assert (result.status, result.objective) == ("optimal", 39.0 + 38.0 + 37.0)


def test_one_customer() -> None:
    limits = [Limit("light", sum="cost", max=3.0)]
    offers, candidates = pairs(1, 5, [5.0, 4.0, 3.0, 2.0, 1.0], cost=[3.0, 2.0, 1.0, 1.0, 1.0])
    result = solve_and_check(offers, candidates, limits=limits, gap=0.0)
    assert result.objective == pytest.approx(7.0)


def test_one_offer() -> None:
    result = solve_and_check(*pairs(100, 1, np.arange(100)), limits=[Limit("print run", max=10)])
    assert result.objective == sum(range(90, 100))


def test_one_candidate() -> None:
    for limits, given in (([], 1), ([Limit("none", max=0)], 0), ([Limit("must", min=1)], 1)):
        result = solve_and_check(*pairs(1, 1, 2.0), limits=limits)
        assert (result.status, result.allocated) == ("optimal", given)


def test_only_measured_limits() -> None:
    limits = [
        Limit("measured", ratio=("value", "count"), min=100.0, mode="report"),
        Limit("counted", mode="report"),
    ]
    result = solve_and_check(*pairs(10, 3, [1.0, 2.0, 3.0] * 10), rules=[SLOTS], limits=limits)
    assert result.status == "optimal"
    assert result.max_violation == 0.0
    assert price_of(result, "measured") == price_of(result, "counted") == 0.0
    assert result.limits is not None
    assert result.limits["achieved"].to_pylist() == [2.5, 20.0]


# ---- values and bounds at their extremes


def test_everything_is_worth_less_than_nothing() -> None:
    values = -1.0 - np.arange(60) % 6
    free = solve_and_check(*pairs(10, 6, values), rules=[SLOTS])
    assert (free.status, free.objective, free.allocated) == ("optimal", 0.0, 0)
    forced = solve_and_check(*pairs(10, 6, values), rules=[CustomerRule("slots", min=2, max=3)])
    assert (forced.status, forced.objective, forced.allocated) == ("optimal", -30.0, 20)
    promised = solve_and_check(
        *pairs(10, 6, values),
        rules=[CustomerRule("slots", min=2, max=3)],
        limits=[Limit("promise", by="offer", min=5)],
    )
    # five of each offer: ten customers have three instead of two
    assert (promised.status, promised.objective, promised.allocated) == ("optimal", -105.0, 30)


def test_more_slots_asked_than_there_are_candidates() -> None:
    result = solve_and_check(*pairs(10, 3, 1.0), rules=[CustomerRule("slots", min=5)])
    assert (result.allocated, result.customers_below_min) == (30, 10)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.0, 0.1])
def test_ties_by_the_thousand(value: float) -> None:
    """Equal values, every cap and promise just reached: any split works, an uneven one does not."""
    limits = [
        Limit("caps", by="offer", max=200),
        Limit("promises", by="offer", min=200),
        Limit("total", min=2000, max=2000),
    ]
    result = solve_and_check(
        *pairs(1000, 10, value), rules=[CustomerRule("slots", max=2)], limits=limits
    )
    assert result.status == "optimal"
    assert result.allocated == 2000
    assert result.objective == pytest.approx(2000 * value)


def test_ties_with_slots_to_fill() -> None:
    """Everybody must have two, and the caps leave exactly as many."""
    result = solve_and_check(
        *pairs(900, 9, 1.0),
        rules=[CustomerRule("slots", min=2, max=2)],
        limits=[Limit("caps", by="offer", max=200)],
    )
    assert result.status == "optimal"
    assert result.allocated == 1800


def test_ties_of_value_per_cost() -> None:
    rng = np.random.default_rng(4)
    cost = rng.integers(1, 6, 3000).astype(float)
    offers, candidates = pairs(500, 6, 2.0 * cost, cost=cost)
    result = solve_and_check(offers, candidates, limits=[Limit("budget", sum="cost", max=1234.0)])
    assert result.status == "optimal"
    assert result.objective == pytest.approx(2468.0, rel=5e-4)
    assert price_of(result, "budget") == pytest.approx(2.0, rel=1e-3)


def test_objective_of_zeros() -> None:
    result = solve_and_check(
        *pairs(50, 4, 0.0),
        rules=[SLOTS],
        limits=[Limit("promises", by="offer", min=20, max=25), Limit("total", max=90)],
    )
    assert (result.status, result.objective, result.gap) == ("optimal", 0.0, 0.0)
    assert result.bound == pytest.approx(0.0, abs=1e-9)


def test_limits_at_zero() -> None:
    limits = [
        Limit("nothing of 0", where={"offer": 0}, max=0),
        Limit("no cost", sum="cost", where={"offer": [1, 2]}, max=0.0),
        Limit("no promise", where={"offer": 3}, min=0),
    ]
    cost = np.tile([1.0, 1.0, 0.0, 1.0], 20)
    offers, candidates = pairs(20, 4, np.tile([4.0, 3.0, 2.0, 1.0], 20), cost=cost)
    result = solve_and_check(offers, candidates, limits=limits)
    assert (result.status, result.objective) == ("optimal", 60.0)


def test_nothing_may_be_given() -> None:
    result = solve_and_check(*pairs(20, 4, 1.0), rules=[SLOTS], limits=[Limit("nothing", max=0)])
    assert (result.status, result.objective, result.allocated) == ("optimal", 0.0, 0)
    nobody = solve_and_check(*pairs(20, 4, 1.0), rules=[CustomerRule("slots", max=0)])
    assert (nobody.status, nobody.objective, nobody.allocated) == ("optimal", 0.0, 0)


@pytest.mark.parametrize(("value", "cost"), [(1e6, 1e-6), (1e-6, 1e6), (1e12, 1.0), (1e-12, 1e-12)])
def test_huge_and_tiny_magnitudes(value: float, cost: float) -> None:
    rng = np.random.default_rng(6)
    values, costs = rng.gamma(2.0, 1.0, 2000), rng.uniform(0.5, 1.5, 2000)
    limits = [
        Limit("budget", sum="cost", max=150.0),
        Limit("caps", by="offer", max=60),
        Limit("return", ratio=("value", "cost"), min=3.6),
    ]
    plain = solve_and_check(*pairs(200, 10, values, cost=costs), rules=[SLOTS], limits=limits)
    scaled = solve_and_check(
        *pairs(200, 10, values * value, cost=costs * cost),
        rules=[SLOTS],
        limits=[
            Limit("budget", sum="cost", max=150.0 * cost),
            limits[1],
            Limit("return", ratio=("value", "cost"), min=3.6 * value / cost),
        ],
    )
    assert plain.status == scaled.status == "optimal"
    assert plain.objective is not None
    assert scaled.objective == pytest.approx(plain.objective * value, rel=1e-3)


def test_mixed_magnitudes() -> None:
    """A few coupons are worth a million times the others, which still have to be given where they are promised."""
    rng = np.random.default_rng(7)
    values = rng.uniform(1.0, 2.0, 900)
    values[::90] *= 1e6
    result = solve_and_check(
        *pairs(150, 6, values),
        rules=[SLOTS],
        limits=[Limit("promises", by="offer", min=40), Limit("caps", by="offer", max=55)],
    )
    assert result.status == "optimal"


def test_equality() -> None:
    rng = np.random.default_rng(8)
    limits = [
        Limit(
            "exactly", by="offer", table={"offer": np.arange(6), "min": [30] * 6, "max": [30] * 6}
        ),
        Limit("points", sum="points", min=360, max=360),
    ]
    offers, candidates = pairs(120, 6, rng.gamma(2.0, 1.0, 720))
    offers["points"] = [1, 3, 1, 3, 2, 2]
    result = solve_and_check(offers, candidates, rules=[SLOTS], limits=limits)
    assert result.status == "optimal"
    assert result.allocated == 180


def test_bounds_between_whole_numbers() -> None:
    limits = [Limit("few", max=7.9), Limit("some", where={"offer": 1}, min=2.1)]
    result = solve_and_check(*pairs(10, 2, np.tile([2.0, 1.0], 10)), limits=limits)
    assert (result.status, result.objective) == ("optimal", 4 * 2.0 + 3 * 1.0)


def test_unreachable_soft_limits_cost_their_penalty() -> None:
    limits = [
        Limit("wish", where={"offer": 0}, min=1000, mode="soft", penalty=0.5),
        Limit("rather not", where={"offer": 1}, max=-5, mode="soft", penalty=0.25),
    ]
    result = solve_and_check(*pairs(100, 3, np.tile([1.0, 0.2, 0.7], 100)), limits=limits)
    # all of offer 0 and 2; offer 1 is worth less than what it adds to its penalty
    assert result.objective == pytest.approx(170.0 - 0.5 * 900 - 0.25 * 5)
    assert result.status == "optimal"
    assert result.max_violation == 0.0
    assert price_of(result, "wish") == pytest.approx(-0.5)


def test_soft_limit_gives_way_to_a_hard_one() -> None:
    limits = [
        Limit("wish", where={"offer": 0}, min=60, mode="soft", penalty=9.0),
        Limit("cap", where={"offer": 0}, max=20),
    ]
    result = solve_and_check(
        *pairs(100, 2, 1.0), rules=[CustomerRule("slots", max=1)], limits=limits
    )
    assert result.objective == pytest.approx(100.0 - 9.0 * 40)
