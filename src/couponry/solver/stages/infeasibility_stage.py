"""Look for a proof that nothing is feasible."""

from __future__ import annotations

from dataclasses import replace

from ..dual.lagrangian import as_float32
from ..infeasibility.enumeration_prover import EnumerationProver
from ..infeasibility.highs_prover import HighsProver
from ..infeasibility.infeasible_set import Prover, find_infeasible_set
from ..infeasibility.price_prover import PriceProver
from ..infeasibility.witnessed_prover import Witness, WitnessedProver
from ..infeasibility.work import Work
from ..solve_state import SolveState


def prove_infeasibility(state: SolveState) -> None:
    """Look for a proof by prices; in small campaigns HiGHS and all allocations say which members it needs."""
    state.conflict_sought = True
    with state.clock.stage("infeasibility"):
        problem, engine, clock = state.problem, state.engine, state.clock
        worth, options = state.search.typical_worth, state.options
        state.work = work = Work(problem, engine, clock, options)
        witness = _witness(state, work)
        start = state.unreachable_prices
        if start is None and state.diverged:
            start = state.best_prices
        by_prices = PriceProver(problem, engine, state.scales, worth, clock, options, work, start)
        others: list[Prover] = []
        if state.is_tiny:
            nodes = options.conflict.range_nodes
            others.append(HighsProver(problem, engine, clock, options, nodes, work))
        if problem.candidates <= options.enumeration.candidates:
            others.append(EnumerationProver(problem, engine, options))
        found = find_infeasible_set(
            problem,
            WitnessedProver(by_prices, by_prices, witness, work),
            [WitnessedProver(other, by_prices, witness, work) for other in others],
        )
        if found is not None:
            state.certificate = replace(found, prices=by_prices.first_proof, work=work)


def _witness(state: SolveState, work: Work) -> Witness | None:
    """An allocation at the best prices, to be repaired; None where most customers would have to stay as they are."""
    if not state.fits_in_memory:
        return None
    table = state.lagrangian.price_table(state.lagrangian.reduced(state.best_prices))
    start = as_float32(table)
    return Witness(
        state.problem, state.engine, state.scales, start, state.clock, work, state.options
    )
