"""Every allocation of a handful of customers: the best one, or that there is none."""

from __future__ import annotations

import numpy as np

from ..exact.enumeration import enumerate_allocations
from ..infeasibility.enumeration_prover import EnumerationProver
from ..infeasibility.infeasible_set import find_infeasible_set
from ..primal.exact_dual import exact_dual
from ..solve_state import SolveState


def try_every_allocation(state: SolveState) -> None:
    """Look at every allocation that may be better than the best one, where they are not too many."""
    with state.clock.stage("enumeration"):
        best, repair = state.best, state.repair()
        prices = state.best_prices if best is not None else np.zeros(len(state.problem.lower))
        chosen, _ = state.lagrangian.choose(prices)
        dual = exact_dual(repair, state.lagrangian, chosen, prices)
        least = -np.inf if best is None else best.objective
        found = enumerate_allocations(repair, dual, least, state.options.enumeration)
        if found is None:
            return
        if found.best is not None:
            state.offer_measured(found.best)
        if state.best is not None:
            state.improve_bound(found.bound, prices)
        elif found.bound == -np.inf:
            prover = EnumerationProver(state.problem, state.engine, state.options)
            state.certificate = find_infeasible_set(state.problem, prover)
