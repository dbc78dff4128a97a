"""Give as few coupons as customer rules allow, which keeps the limits of many campaigns that have no allocation yet."""

from __future__ import annotations

import contextlib

import numpy as np

from ...utils.errors import OutOfTime
from ..plan import Plan
from ..primal.fixed_customers import fix_customers, fixed_usage, no_free_customers, usage_error
from ..solve_state import SolveState


def give_fewest(state: SolveState) -> None:
    """Give everybody as few coupons as rules allow, in a single pass, whatever time is left.

    Nobody gets anything where rules ask for nothing, which keeps every maximum that is not negative. The bound stays
    as it is: infinite where no pass at prices was made.
    """
    state.fewest_given = True
    with state.clock.stage("rounding"):
        problem, engine = state.problem, state.engine
        price = np.zeros((1 + problem.quantities, *problem.objective.shape[1:]), np.float32)
        price[0] = -1.0
        if state.fits_in_memory:
            chosen, _ = engine.choose(price)
            state.offer_measured(state.repair().measure(chosen))
            state.fewest = state.best
            return
        fixed = fix_customers(problem, engine, price, no_free_customers(problem))
        usage = fixed_usage(problem, fixed)
        error = usage_error(problem, usage[0])
        activity = problem.rows @ usage.ravel()
        activity_error = abs(problem.rows) @ error.ravel()
        activity_error += problem.activity_rounding(problem.largest_usage_size(usage[0]))
        over = activity + activity_error > problem.upper
        under = activity - activity_error < problem.lower
        worth = float((problem.objective * usage - np.abs(problem.objective) * error).sum())
        soft = ~problem.hard
        worth -= problem.penalties(activity) + float(problem.penalty[soft] @ activity_error[soft])
        plan = Plan(
            engine,
            price,
            fixed.free,
            fixed.free_choice,
            usage,
            error,
            activity,
            worth,
            not (problem.hard & (over | under)).any(),
            0,
        )
        state.offer(plan)


def fill_fewest(state: SolveState) -> None:
    """Fill what limits leave of the fewest coupons, where nothing better was found."""
    assert state.fewest is not None
    with state.clock.stage("rounding"), contextlib.suppress(OutOfTime):
        chosen, reduced = state.fewest.free_choice, state.lagrangian.reduced(state.best_prices)
        state.offer_measured(state.repair().repair_and_fill(chosen, reduced, state.clock.check))
