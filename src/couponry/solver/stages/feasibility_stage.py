"""A first allocation, where repair has found none: limits are violated less and less."""

from __future__ import annotations

from ..exact.feasibility_search import FeasibilitySearch
from ..primal.exact_dual import exact_dual
from ..solve_state import SolveState


def lessen_violation(state: SolveState) -> None:
    """Have HiGHS lessen what everybody's best choice violates, once it is repaired as far as it can be."""
    if state.problem.candidates > state.options.core.candidates or not state.request.use_highs:
        return
    with state.clock.stage("milp"):
        if state.feasibility is None:
            repair, prices = state.repair(), state.best_prices
            chosen, _ = state.lagrangian.choose(prices)
            ideal = exact_dual(repair, state.lagrangian, chosen, prices)
            state.feasibility = FeasibilitySearch(
                repair, ideal.chosen, ideal.reduced, state.request.seed, state.clock, state.options
            )
        found = state.feasibility.run()
        if found is not None:
            state.method = "dual+milp"
            state.offer_measured(found)
