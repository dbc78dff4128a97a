"""Prices of limits that differ in their customers alone: tied at the start, each its own in the end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.instances.synthetic import Synthetic
from numpy.typing import NDArray

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.local import LocalEngine
from couponry.kernels import load
from couponry.solver.dual import row_steps
from couponry.solver.dual.lagrangian import Lagrangian, as_float32
from couponry.solver.dual.price_space import PriceSpace
from couponry.solver.dual.row_steps import RowActivities, RowDensity, descend_by_rows
from couponry.solver.dual.scaling import Scales
from couponry.solver.dual.search.violation import ViolationMeasure
from couponry.solver.dual.tied_prices import TiedProblem
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.problem import Problem

STORES, OFFERS, CUSTOMERS = 5, 40, 6000
FEW = replace(DEFAULT_OPTIONS.tied_prices, prices=100)
OPTIONS = replace(
    DEFAULT_OPTIONS,
    tied_prices=FEW,
    sampling=replace(DEFAULT_OPTIONS.sampling, customers_per_only_sampled=1e9),
    price_search=replace(
        DEFAULT_OPTIONS.price_search, newton_candidates=1 << 10, newton_customers=100
    ),
)


def campaign(*others: Limit, store: Path | None = None) -> Campaign:
    """Stocks of an offer in a store, and a budget."""
    size = Synthetic(CUSTOMERS, width=24, offers=OFFERS, brands=8, seed=4)
    rng = np.random.default_rng(2)
    of_customer = rng.integers(0, STORES, CUSTOMERS)
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
        pa.table({"customer": np.arange(CUSTOMERS), "store": of_customer}),
        rules=[CustomerRule("slots", max=4)],
        limits=[
            Limit("stock", by=("store", "offer"), table=stock),
            Limit("budget", sum="cost", max=5000.0),
            *others,
        ],
        store=store,
    )


def engine_over(problem: Problem, threads: int = 2) -> LocalEngine:
    return LocalEngine(problem.shard, problem.rules, load(), threads, 0)


def tied_of(problem: Problem) -> TiedProblem:
    tied = TiedProblem.of(problem, FEW)
    assert tied is not None
    return tied


def test_an_offer_has_one_price_in_all_stores() -> None:
    problem = campaign().compile(load()).problem
    tied = tied_of(problem)
    assert len(tied.problem.lower) == OFFERS + 1
    of_stock = tied.tie[:-1].reshape(STORES, OFFERS)
    assert (of_stock == of_stock[0]).all() and len(np.unique(of_stock)) == OFFERS
    assert (tied.class_of == 0).all() and tied.problem.objective.shape[1] == 1
    summed = np.bincount(tied.tie, weights=problem.upper)
    assert (tied.problem.upper == summed).all()
    assert TiedProblem.of(problem, replace(FEW, fewer=6)) is None
    assert TiedProblem.of(problem, DEFAULT_OPTIONS.tied_prices) is None


@pytest.mark.parametrize("of_one_store", [False, True])
def test_the_dual_of_tied_prices_is_the_dual(of_one_store: bool) -> None:
    others = [Limit("north", customers={"store": 3}, max=900)] if of_one_store else []
    problem = campaign(*others).compile(load()).problem
    tied, engine = tied_of(problem), engine_over(problem)
    # the store that has a limit of its own has other prices than the others
    assert tied.problem.objective.shape[1] == 1 + of_one_store
    prices = np.random.default_rng(1).random(len(tied.problem.lower)) / 10
    whole = Lagrangian(problem, engine).evaluate(prices[tied.tie])
    elsewhere: Any = SimpleNamespace(evaluate=engine.evaluate)  # segments are told apart there
    for one in (engine, elsewhere):
        found = tied.dual(one, 1.0).evaluate(prices)
        assert np.isclose(found.dual, whole.dual, rtol=1e-12)
        assert np.allclose(found.usage, tied.summed(whole.usage), rtol=1e-12)
        activity = np.bincount(tied.tie, weights=whole.activity)
        assert np.allclose(found.activity, activity, rtol=1e-12)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("reach", [0.004, 100.0])
def test_passes_over_what_is_undecided_are_passes_over_everybody(
    reach: float, threads: int
) -> None:
    limited = campaign()
    problem = limited.with_limits(limited.limits[:1]).compile(load()).problem
    dual = Lagrangian(problem, engine_over(problem, threads))
    rows, random = len(problem.lower), np.random.default_rng(8)
    activities, whole = RowActivities(dual), RowActivities(dual)
    prices = random.random(rows) / 20
    found = activities.at(prices, np.full(rows, reach))
    assert (found == whole.at(prices)).all()
    engine = dual.engine
    for _ in range(4):
        others = prices + min(reach, 0.1) * random.uniform(-1, 1, rows)
        made = engine.passes
        found = activities.at(others)
        assert (engine.passes - made < 0.5) == (reach < 1)
        assert (found == whole.at(others)).all()
        assert (found != whole.at(prices)).any()


def test_nothing_is_decided_where_limits_sum_more_than_coupons() -> None:
    problem = campaign().compile(load()).problem
    dual = Lagrangian(problem, engine_over(problem))
    activities, prices = RowActivities(dual), np.full(len(problem.lower), 0.01)
    found = activities.at(prices, np.ones(len(prices)))
    assert (found == RowActivities(dual).at(prices)).all()
    made = dual.engine.passes
    activities.at(prices)
    assert dual.engine.passes - made == 1


@pytest.mark.parametrize("has_stocks_alone", [False, True])
def test_activities_by_themselves_are_those_of_an_evaluation(has_stocks_alone: bool) -> None:
    limited = campaign(Limit("half", share=True, where={"brand": 2}, min=0.1))
    if has_stocks_alone:
        limited = limited.with_limits(limited.limits[:1])
    problem = limited.compile(load()).problem
    dual = Lagrangian(problem, engine_over(problem))
    activities, random = RowActivities(dual), np.random.default_rng(8)
    for _ in range(3):
        prices = random.random(len(problem.lower)) / 20
        expected = dual.evaluate(prices).activity
        assert np.allclose(activities.at(prices), expected, rtol=1e-9, atol=1e-6)
    with pytest.raises(OverflowError):
        activities.at(np.full(len(problem.lower), 1e38))


def test_steps_by_rows_lower_the_dual_and_violations() -> None:
    problem = campaign().compile(load()).problem
    engine = engine_over(problem)
    dual, scales = Lagrangian(problem, engine), Scales.measure(problem, engine)
    space = PriceSpace.for_problem(problem, scales.price_scale(1.0))
    start = np.where(problem.upper < 1000, 0.2, 0.0)
    density = RowDensity.at(dual, start, scales, DEFAULT_OPTIONS.curvature)
    assert (density.slope > 0).all() and (density.width > 0).all()
    measure = ViolationMeasure(problem, scales.per_coupon)
    seen: list[float] = []
    activities = RowActivities(dual)
    at = activities.at

    def spied(
        prices: NDArray[np.float64], reach: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        activity = at(prices, reach)
        seen.append(measure.residual(prices, activity))
        return activity

    activities.at = spied  # type: ignore[method-assign]
    found = descend_by_rows(
        activities, problem, space, start, density, scales.per_coupon, 24_000, lambda: False,
        DEFAULT_OPTIONS.row_steps,
    )  # fmt: skip
    assert 5 < len(seen) <= 1 + DEFAULT_OPTIONS.row_steps.steps
    first, last = dual.evaluate(start), dual.evaluate(found)
    assert measure.residual(found, last.activity) == pytest.approx(min(seen), abs=1e-3)
    assert min(seen) < seen[0] / 10 and last.dual < first.dual
    assert (found >= 0).all()


def test_without_prices_as_many_candidates_lie_within_a_width_as_should() -> None:
    """Among all candidates of an offer, whose values differ by customer."""
    problem = campaign().compile(load()).problem
    engine = engine_over(problem)
    dual, scales = Lagrangian(problem, engine), Scales.measure(problem, engine)
    options, prices = DEFAULT_OPTIONS.curvature, np.zeros(len(problem.lower))
    width = RowDensity.at(dual, prices, scales, options).width / scales.per_coupon
    loss = engine.alternatives(as_float32(dual.price_table(dual.reduced(prices)))).loss
    item = problem.shard.item
    for offer in range(OFFERS):  # the first rows are those of the first store's stocks
        within = loss[item == offer] <= width[offer] * (1 + 1e-6)
        assert options.near_share <= within.mean() <= 1.5 * options.near_share


def test_steps_by_rows_are_the_same_by_other_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = campaign().compile(load()).problem
    engine = engine_over(problem)
    dual, scales = Lagrangian(problem, engine), Scales.measure(problem, engine)
    space = PriceSpace.for_problem(problem, scales.price_scale(1.0))
    start = np.where(problem.upper < 1000, 0.2, 0.0)
    density = RowDensity.at(dual, start, scales, DEFAULT_OPTIONS.curvature)

    def found(size: int) -> NDArray[np.float64]:
        monkeypatch.setattr(row_steps, "CACHED_SIZE", size)
        return descend_by_rows(
            RowActivities(dual), problem, space, start, density, scales.per_coupon, 24_000,
            lambda: False, replace(DEFAULT_OPTIONS.row_steps, steps=6),
        )  # fmt: skip

    assert found(7).tobytes() == found(1 << 20).tobytes()


def test_the_residual_of_many_rows() -> None:
    """What rows are violated by, and what is left of those with a price, row by row."""
    rows, random = 40_000, np.random.default_rng(6)
    problem = campaign().compile(load()).problem
    lower = np.where(random.random(rows) < 0.3, random.integers(0, 5, rows), -np.inf)
    upper = np.where(random.random(rows) < 0.8, random.integers(5, 9, rows), np.inf)
    hard, weight = random.random(rows) < 0.9, random.random(rows)
    problem = replace(problem, lower=lower, upper=upper, penalty=np.where(hard, np.inf, 1.0))
    prices = random.integers(-1, 2, rows).astype(float)
    activity = random.integers(0, 12, rows).astype(float)
    expected = 0.0
    for row in np.flatnonzero(problem.hard):
        off = max(0.0, activity[row] - upper[row], lower[row] - activity[row])
        if prices[row] > 0 and np.isfinite(upper[row]):
            off = max(off, upper[row] - activity[row])
        if prices[row] < 0 and np.isfinite(lower[row]):
            off = max(off, activity[row] - lower[row])
        expected += off * weight[row]
    found = ViolationMeasure(problem, weight).residual(prices, activity)
    assert expected > 0
    assert found == pytest.approx(expected, rel=1e-12)


def test_prices_that_start_tied_end_as_near_to_the_best() -> None:
    tied = campaign().solve(gap=1e-3, threads=2, solver_options=OPTIONS)
    other = campaign().solve(gap=1e-3, threads=2)
    assert tied.status == other.status == "optimal"
    assert tied.bound >= other.objective
    assert other.bound >= tied.objective
    again = campaign().solve(gap=1e-3, threads=1, solver_options=OPTIONS)
    assert again.allocation.to_arrow().equals(tied.allocation.to_arrow())
    more = campaign(Limit("more", max=23_000))
    warm = more.solve(gap=1e-3, threads=2, solver_options=OPTIONS, start=tied)
    cold = more.solve(gap=1e-3, threads=2, solver_options=OPTIONS)
    assert warm.status == "optimal" and warm.bound >= cold.objective
    assert warm.full_passes < cold.full_passes


def test_regrets_of_all_stores_together_leave_enough_customers_free() -> None:
    sizes = replace(OPTIONS.sizes, in_memory_candidates=1_000)
    options = replace(OPTIONS, sizes=sizes)
    apart = replace(options, free_customers=replace(options.free_customers, candidates_per_cell=0))
    for one in (options, apart):
        result = campaign().solve(gap=2e-3, threads=2, solver_options=one)
        assert result.status == "optimal" and result.max_violation == 0.0
