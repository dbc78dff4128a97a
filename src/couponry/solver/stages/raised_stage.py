"""Where choices are tied at prices that nobody comes nearer with: prices that are raised until limits are nearly kept.

Where what coupons are worth goes with what they weigh in a limit, its price is as high as it can be, and whoever is
limited by it is as well off with a coupon as without. Everybody's choice is then far over the limits, or far below. A
little more on the prices of limits that are violated, and more where that is not enough, leaves few of them so. What
limits have left is filled with what is worth its prices first, and then with what is worth anything.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import OutOfTime
from ..primal.repair import Repair
from ..solve_state import SolveState
from .rounding_stage import fill_everybody


def round_at_raised_prices(state: SolveState) -> None:
    """Repair and fill everybody's choice at prices that are raised where limits are violated."""
    assert state.start_point is not None
    prices = state.start_point.evaluation.prices
    with state.clock.stage("rounding"), contextlib.suppress(OutOfTime):
        raised = _raised(state, prices)
        if raised is None:
            return
        chosen, _ = state.lagrangian.choose(raised)
        reduced, problem = state.lagrangian.reduced(prices), state.problem
        own = state.options.raised_prices.own_share
        worth_its_prices = replace(problem, objective=reduced + own * problem.objective)
        repair = Repair(worth_its_prices, state.engine, state.scales, state.options.repair)
        filled = repair.repair_and_fill(chosen, reduced, state.clock.check)
        state.clock.counted.candidates += repair.work(state.options.work)
        fill_everybody(state, filled.chosen, prices)


def _raised(state: SolveState, prices: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Prices at which hard limits are nearly kept, (n_rows,); None where they are far from it all the same."""
    problem, search, options = state.problem, state.search, state.options.raised_prices
    size = search.typical_worth * state.scales.per_coupon
    step = options.first_share * np.maximum(np.abs(prices), options.least_share * size)
    for _ in range(options.steps):
        state.clock.check()
        evaluation = state.lagrangian.evaluate(prices)
        if search.violation(evaluation) <= options.near_share * search.coupons:
            return prices
        over = problem.hard & (evaluation.activity > problem.upper)
        under = problem.hard & (evaluation.activity < problem.lower)
        prices = prices + np.where(over, step, 0.0) - np.where(under, step, 0.0)
        step = np.where(over | under, options.growth * step, step)
    return None if search.is_far(state.lagrangian.evaluate(prices)) else prices
