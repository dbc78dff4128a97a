"""From everybody's best choice at prices to an allocation that keeps all limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dual.search.descent import is_repaired_whole
from ..dual.search.price_point import PricePoint
from ..primal.exact_dual import exact_dual
from ..primal.exchange import ExchangeSearch
from ..solve_state import SolveState
from .free_customer_repair import FreeCustomerRepair, is_worth_exchanging, wanted


def round_to_integers(state: SolveState, point: PricePoint) -> None:
    """Repair and fill everybody's best choice, and take the bound in float64 where that may help.

    Only some customers are left free for repair at first. Where that leaves the gap open, and all candidates are in
    memory, all are. A choice that is too far off the limits is left alone while there is time to look for better
    prices, and any where the time is up and there is an allocation.
    """
    if state.best is not None and state.clock.left <= 0:
        return
    with state.clock.stage("rounding"):
        search = state.search
        if search.is_far(point.evaluation) and state.clock.left > search.reserved_seconds:
            state.clock.say("too far off the limits to be repaired")
            return
        if not is_repaired_whole(state.problem, state.options):
            FreeCustomerRepair.at(state, point).run()
            if not (state.fits_in_memory and state.is_open and state.clock.left > 0):
                return
        _round_everybody(state, point)


def _round_everybody(state: SolveState, point: PricePoint) -> None:
    """Repair with every customer free."""
    prices = point.evaluation.prices
    chosen, _ = point.lagrangian.choose(prices)
    fill_everybody(state, chosen, prices)


def fill_everybody(
    state: SolveState, chosen: NDArray[np.uint8], prices: NDArray[np.float64]
) -> None:
    """Repair and fill a choice, and exchange coupons where that is worth it.

    Parameters
    ----------
    state : SolveState
    chosen : ndarray of uint8, shape (n_candidates,)
        Not changed.
    prices : ndarray of float64, shape (n_rows,)
        Prices that it is about the best choice at.
    """
    reduced = state.lagrangian.reduced(prices)
    repair = state.repair()
    try:
        repaired = repair.repair_and_fill(chosen, reduced, state.clock.check)
        state.offer_measured(repaired)
    finally:
        state.clock.counted.candidates += state.count(repair)
    is_worth_it = state.is_open and state.clock.left > 0
    if is_worth_it and state.problem.candidates <= state.options.core.candidates:
        state.improve_by_dual(exact_dual(repair, state.lagrangian, chosen, prices).bound, prices)
    if is_worth_exchanging(state, repaired):
        search = ExchangeSearch(
            state.problem, state.engine, repair, prices, state.options.exchanges
        )
        missing = wanted(state) - repaired.objective
        state.offer_measured(search.improve(repaired, missing, state.clock.check))
        state.count(repair)
