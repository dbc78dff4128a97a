"""Prices and allocations by customers' columns, among the attractive ones of which HiGHS chooses."""

from __future__ import annotations

from ..exact.restricted_master import RestrictedMaster
from ..solve_state import SolveState


def solve_restricted_master(state: SolveState) -> None:
    """Improve the prices by the master's dual, and take allocations of more and more columns."""
    with state.clock.stage("bundles"):
        repair = state.repair()
        master = RestrictedMaster(
            state.lagrangian,
            repair,
            state.search.space,
            state.scales.per_coupon,
            state.search.typical_worth,
            state.best_prices,
            state.options,
        )
        master.improve_prices(state.gap, state.clock)
        state.improve_by_dual(master.dual, master.prices)
        reduced = state.lagrangian.reduced(master.prices)
        for tried in master.allocations(state.gap, state.clock):
            if tried.chosen is not None:
                state.method = "dual+milp"
                state.offer_measured(repair.measure(tried.chosen))
                state.offer_measured(repair.repair_and_fill(tried.chosen, reduced, lambda: None))
            if state.best is not None:
                state.improve_bound(tried.bound, master.prices)
            state.count(repair)
            if not state.is_open:
                return
