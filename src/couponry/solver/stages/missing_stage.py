"""Customers whose search for the fewest coupons missed was cut off, by HiGHS, one by one."""

from __future__ import annotations

import numpy as np

from ..exact.feasibility_search import FeasibilitySearch
from ..exact.least_missing import LeastMissing
from ..solve_state import SolveState
from .core_stage import solve_core_by_highs


def miss_fewest(state: SolveState) -> None:
    """Have those miss fewer of their minimums who can, and mend what that does to limits.

    Then HiGHS looks at what that leaves undecided. The allocation before is kept where no other one keeps the limits.
    """
    best, problem, options = state.best, state.problem, state.options.fewest_missing
    if best is None or not state.fits_in_memory or not state.request.use_highs:
        return
    with state.clock.stage("milp"):
        chosen, least = best.whole_choice(), LeastMissing(problem)
        missed = least.missed(chosen)
        reduced = state.lagrangian.reduced(state.best_prices)
        value = problem.values_at(reduced)
        who = np.flatnonzero(missed)
        largest = np.argsort(-np.diff(problem.shard.indptr)[who], kind="stable")
        asked = chosen.copy()
        for customer in who[largest[: options.customers]].tolist():
            its = slice(*problem.shard.indptr[customer : customer + 2].tolist())
            found = least.choice(customer, value[its], options.nodes)
            if found is not None:
                asked[its] = found
        misses_less = least.missed(asked) < missed
        if not misses_less.any():
            return
        chosen = np.where(misses_less[problem.customer_of()], asked, chosen)
        search = FeasibilitySearch(
            state.repair(), chosen, reduced, state.request.seed, state.clock, state.options
        )
        mended = search.run()
        if mended is None:
            return
        state.settle_for(mended)
    if state.is_open and state.clock.left > 0:
        solve_core_by_highs(state)
