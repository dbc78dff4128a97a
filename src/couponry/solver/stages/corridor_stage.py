"""Corridors that are narrower than a coupon: moves of two to four customers that end within them."""

from __future__ import annotations

import contextlib

from ...utils.errors import OutOfTime
from ..primal.exact_dual import exact_dual
from ..primal.fitting_moves import FittingMoves, narrow_rows
from ..solve_state import SolveState
from .free_customer_repair import wanted


def has_corridors(state: SolveState) -> bool:
    """Whether there are corridors, in a campaign that is not too large to look for such moves."""
    options = state.options.fitting
    few = state.problem.candidates <= options.candidates
    return few and len(narrow_rows(state.problem, state.scales.per_coupon, options)) > 0


def fit_into_corridors(state: SolveState) -> None:
    """Make a first allocation of everybody's repaired choice by moves of few customers, and the best one better."""
    _fit(state, 0)


def fit_patiently(state: SolveState) -> None:
    """The same with the prices of columns or cutting planes, and with more moves."""
    _fit(state, state.options.fitting.firsts)


def _fit(state: SolveState, firsts: int) -> None:
    repair, prices, check = state.repair(), state.best_prices, state.clock.check
    fitting = FittingMoves(state.problem, state.engine, repair, prices, state.options.fitting)
    with state.clock.stage("rounding"), contextlib.suppress(OutOfTime):
        chosen, _ = state.lagrangian.choose(prices)
        ideal = exact_dual(repair, state.lagrangian, chosen, prices)
        choice = fitting.fit(repair.repair_and_fill(ideal.chosen, ideal.reduced, check), check)
        if choice.feasible:
            choice = repair.repair_and_fill(choice.chosen, ideal.reduced, check)
            state.offer_measured(choice)
        if state.best is not None:
            best = repair.measure(state.best.whole_choice(), state.best.moves)
            state.offer_measured(fitting.improve(best, wanted(state), firsts, check))
    state.count(repair)
