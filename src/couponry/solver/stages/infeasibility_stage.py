"""Look for a proof that nothing is feasible."""

from __future__ import annotations

from ..infeasibility.highs_prover import HighsProver
from ..infeasibility.infeasible_set import find_infeasible_set
from ..infeasibility.price_prover import PriceProver
from ..solve_state import SolveState


def prove_infeasibility(state: SolveState) -> None:
    """Look for a proof by prices; in tiny campaigns HiGHS says which of its members are needed."""
    state.conflict_sought = True
    with state.clock.stage("infeasibility"):
        problem, engine, clock = state.problem, state.engine, state.clock
        worth, options = state.search.typical_worth, state.options
        prover = PriceProver(problem, engine, state.scales, worth, clock, options)
        second = None
        if state.is_tiny:
            second = HighsProver(problem, engine, clock, options, options.conflict.range_nodes)
        state.certificate = find_infeasible_set(problem, prover, second)
