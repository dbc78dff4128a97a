"""Give as few coupons as customer rules allow, which keeps the limits of many campaigns that have no allocation yet."""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.fixed_order import dot_in_order
from ...utils.errors import OutOfTime
from ..primal.fixed_customers import (
    activity_error,
    fix_customers,
    fixed_usage,
    no_free_customers,
    plan_of,
)
from ..primal.repair import MeasuredChoice
from ..problem import Problem
from ..solve_state import SolveState


def give_fewest(state: SolveState) -> None:
    """Give everybody as few coupons as rules allow, in a single pass, whatever time is left.

    Nobody gets anything where rules ask for nothing, which keeps every maximum that is not negative. The bound stays
    as it is: infinite where no pass at prices was made.
    """
    state.fewest_given = True
    with state.clock.stage("rounding"):
        problem, engine = state.problem, state.engine
        price = problem.no_prices()
        price[0] = -1.0
        if state.fits_in_memory:
            chosen, _ = engine.choose(price)
            state.offer_measured(state.repair().measure(chosen))
            state.fewest = state.best
            return
        fixed = fix_customers(problem, engine, price, no_free_customers(problem))
        usage = fixed_usage(problem, fixed)
        activity = problem.rows @ usage.ravel()
        nobody = _nobody(problem, activity, _activity_error(problem, usage[0]))
        state.offer(plan_of(problem, engine, price, fixed, usage, activity, nobody))


def _activity_error(problem: Problem, coupons: NDArray[np.float64]) -> NDArray[np.float64]:
    """What packing and rounding may hide of each row's activity, (n_rows,)."""
    error = activity_error(problem, coupons)
    return np.asarray(error + problem.activity_rounding(problem.largest_usage_size(coupons)))


def _nobody(
    problem: Problem, activity: NDArray[np.float64], error: NDArray[np.float64]
) -> MeasuredChoice:
    """No free customers, with the penalties, and whether hard rows hold, whatever the error hides."""
    soft = ~problem.hard
    penalties = problem.penalties(activity) + dot_in_order(problem.penalty[soft], error[soft])
    over, under = activity + error > problem.upper, activity - error < problem.lower
    return MeasuredChoice(
        chosen=np.empty(0, np.uint8),
        usage=np.zeros(problem.objective.shape),
        activity=np.zeros(len(activity)),
        objective=-penalties,
        feasible=not (problem.hard & (over | under)).any(),
        moves=0,
    )


def fill_fewest(state: SolveState) -> None:
    """Fill what limits leave of the fewest coupons, once, where nothing better was found."""
    fewest, state.fewest = state.fewest, None
    if fewest is None:
        return
    with state.clock.stage("rounding"), contextlib.suppress(OutOfTime):
        reduced = state.lagrangian.reduced(state.best_prices)
        filled = state.repair().repair_and_fill(fewest.free_choice, reduced, state.clock.check)
        state.offer_measured(filled)
