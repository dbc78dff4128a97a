"""HiGHS on what prices leave undecided: at once where that is little, else a neighbourhood at a time first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..exact.core_milp import Core, CoreLimits, solve_core
from ..exact.least_missing import LeastMissing
from ..exact.neighbourhood_search import NeighbourhoodSearch, PricedChoice
from ..infeasibility.highs_prover import HighsProver
from ..infeasibility.infeasible_set import find_infeasible_set
from ..primal.exact_dual import exact_dual, searched_regret_rounding
from ..primal.repair import Repair
from ..solve_state import SolveState
from ..work_counts import programme_work

REGRET_ROUNDING = 1e-9
"""Share of dual and objective by which a regret must exceed their distance before its decision is fixed."""


def solve_core_by_highs(state: SolveState) -> None:
    """Give HiGHS what the prices leave undecided; a certificate where it proves that nothing is feasible."""
    options = state.options.core
    if state.problem.candidates > options.candidates or not state.request.use_highs:
        return
    with state.clock.stage("milp"):
        impossible = _UndecidedCore(state).solve()
    if impossible and state.best is None:
        with state.clock.stage("infeasibility"):
            prover = HighsProver(state.problem, state.engine, state.clock, state.options)
            found = find_infeasible_set(state.problem, prover)
            state.certificate = None if found is None else replace(found, work=state.work)


class _UndecidedCore:
    """What prices leave undecided, and HiGHS's answers to it."""

    def __init__(self, state: SolveState):
        self._state = state
        self._repair: Repair = state.repair()
        chosen, _ = state.lagrangian.choose(state.best_prices)
        self._decide(chosen)

    def solve(self) -> bool:
        """Whether HiGHS proves that nothing is feasible."""
        state, options = self._state, self._state.options.core
        undecided, impossible = int(self._free.sum()), False
        if options.few_variables < undecided <= options.many_variables:
            impossible = self._ask(options.root_nodes)
        if undecided > options.few_variables and state.is_open and not impossible:
            self._search_neighbourhoods()
            self._decide(self._chosen)
        if state.is_open and not impossible and state.clock.left > 0:
            many = int(self._free.sum()) > options.many_variables
            nodes = options.few_nodes if self._is_close() or many else options.nodes
            impossible = self._ask(nodes)
        return impossible

    def _decide(self, chosen: NDArray[np.uint8]) -> None:
        """Everybody's exact choice at the best prices, and the candidates that dual and best allocation leave open.

        Choice, dual and regrets are all of the same prices and in float64, so that what is fixed is fixed rightly.
        """
        state = self._state
        dual = exact_dual(self._repair, state.lagrangian, chosen, state.best_prices)
        self._chosen, self._reduced = dual.chosen, dual.reduced
        if state.best is None:
            self._free = np.ones(state.problem.candidates, bool)
            return
        mended = self._missed_by_cut_off_searches(state.best.whole_choice())
        best = state.best.objective
        rounding = REGRET_ROUNDING * (abs(dual.bound) + abs(best)) + dual.regret_rounding
        rounding += state.problem.objective_rounding(state.problem.usage_size(slice(None)))
        searched = searched_regret_rounding(state.problem, self._reduced)
        self._free = mended | (self._regret() <= dual.bound - best + rounding + searched)

    def _missed_by_cut_off_searches(self, best: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Candidates of customers who miss less in the best allocation, whose choice there is taken."""
        problem = self._state.problem
        if self._state.customers_cut_off == 0:
            return np.zeros(problem.candidates, bool)
        least = LeastMissing(problem)
        fewer = least.missed(best) < least.missed(self._chosen)
        mended: NDArray[np.bool_] = fewer[problem.customer_of()]
        self._chosen[mended] = best[mended]
        return mended

    def _regret(self) -> NDArray[np.float64]:
        """What deciding each candidate otherwise costs at least."""
        return self._state.engine.regret(self._state.problem.exact, self._reduced, self._chosen)

    def _ask(self, nodes: int) -> bool:
        """Ask HiGHS about the candidates left open; whether it proves that nothing is feasible."""
        state, problem, free = self._state, self._state.problem, self._free
        most = state.options.core.variables
        whole = int(free.sum()) <= most
        if not whole:
            regret = self._regret()
            free = regret <= np.partition(regret, most)[most]
        state.clock.say(f"{int(free.sum()):,} undecided candidates of {len(free):,}")
        expected = state.search.unpriced_dual if state.best is None else state.best.objective
        tolerance = state.gap / 2 * abs(expected)
        state.clock.counted.candidates += programme_work(problem, state.options.work)
        limits = CoreLimits(tolerance, expected, state.clock.left, nodes)
        core = solve_core(
            Core(problem, self._chosen, free, self._chosen), limits, state.options.core
        )
        if core.chosen is not None:
            state.method = "dual+milp"
            state.offer_measured(self._repair.measure(core.chosen))
            state.offer_measured(
                self._repair.repair_and_fill(core.chosen, self._reduced, lambda: None)
            )
        if whole and state.best is not None and core.bound < state.bound:
            # what differs in other candidates is worth less than the best allocation
            state.improve_bound(core.bound, state.best_prices)
            state.method = "dual+milp"
        return whole and core.infeasible

    def _search_neighbourhoods(self) -> None:
        """Make the best allocation better where prices are least sure, a part of it at a time."""
        state = self._state
        neighbourhoods = NeighbourhoodSearch(
            self._repair,
            PricedChoice(self._chosen, self._reduced, self._regret()),
            state.gap * abs(state.bound),
            state.request.seed,
            state.clock,
            state.options,
        )
        while state.is_open and not neighbourhoods.is_over:
            best = state.best
            found = neighbourhoods.improve(
                None if best is None else best.whole_choice(),
                state.search.unpriced_dual if best is None else best.objective,
            )
            if found is not None:
                state.method = "dual+milp"
                state.offer_measured(found)
            state.count(self._repair)

    def _is_close(self) -> bool:
        """Whether the best allocation is good enough not to search long for a better one."""
        state = self._state
        return (
            state.best is not None
            and state.relative_gap <= state.options.core.close_gaps * state.gap
        )
