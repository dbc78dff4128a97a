"""Customers whose search for the fewest coupons missed was cut off, by HiGHS, one by one."""

from __future__ import annotations

import contextlib

import numpy as np
from numpy.typing import NDArray

from ...utils.errors import OutOfTime
from ..exact.feasibility_search import FeasibilitySearch
from ..exact.least_missing import LeastMissing
from ..primal.repair import MeasuredChoice
from ..solve_state import SolveState
from .core_stage import solve_core_by_highs


def miss_fewest(state: SolveState) -> None:
    """Have those miss fewer of their minimums who can, and mend what that does to limits.

    Then HiGHS looks at what that leaves undecided. The allocation before is kept where no other one keeps the limits,
    or where the work is cancelled meanwhile.
    """
    if state.best is None or not state.fits_in_memory or not state.request.use_highs:
        return
    with contextlib.suppress(OutOfTime):
        with state.clock.stage("milp"):
            mended = _mended(state, state.best.whole_choice())
        if mended is None:
            return
        state.settle_for(mended)
        if state.is_open and state.clock.left > 0:
            solve_core_by_highs(state)


def _mended(state: SolveState, chosen: NDArray[np.uint8]) -> MeasuredChoice | None:
    """An allocation in which fewer minimums are missed; None where there is none, or none that keeps all limits."""
    least = LeastMissing(state.problem)
    missed = least.missed(chosen)
    if not missed.any():
        return None
    reduced = state.lagrangian.reduced(state.best_prices)
    asked = _asked(state, least, chosen, missed, reduced)
    misses_less = least.missed(asked) < missed
    if not misses_less.any():
        return None
    chosen = np.where(misses_less[state.problem.customer_of()], asked, chosen)
    repair = state.repair()
    request = state.request
    if request.clock.left > 0:
        search = FeasibilitySearch(
            repair, chosen, reduced, request.seed, request.clock, state.options
        )
        return search.run()
    found = repair.repair_and_fill(chosen, reduced, lambda: None)
    return found if found.feasible else None


def _asked(
    state: SolveState,
    least: LeastMissing,
    chosen: NDArray[np.uint8],
    missed: NDArray[np.int64],
    reduced: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """The choice with HiGHS's answers in it, of those with most candidates first, as far as time allows."""
    problem, options, clock = state.problem, state.options.fewest_missing, state.request.clock
    value, asked = problem.values_at(reduced), chosen.copy()
    who = np.flatnonzero(missed)
    largest = np.argsort(-np.diff(problem.shard.indptr)[who], kind="stable")
    for customer in who[largest[: options.customers]].tolist():
        left = clock.left + options.seconds_beyond
        if left <= 0 or clock.is_cancelled:
            break
        its = slice(*problem.shard.indptr[customer : customer + 2].tolist())
        found = least.choice(customer, value[its], options.nodes, left)
        if found is not None:
            asked[its] = found
    return asked
