"""Stages that look for prices, certify the bound there, and round everybody's best choice."""

from __future__ import annotations

from ..dual.search.charged_search import ChargedSearch
from ..dual.search.noise_search import NoiseSearch
from ..dual.search.tied_start import TiedSearch
from ..solve_state import SolveState
from .rounding_stage import round_to_integers


def choose_at_start(state: SolveState) -> None:
    """Take everybody's best choice at the prices that are known, and round it."""
    if state.request.start is None:
        return
    with state.clock.stage("dual"):
        point = state.search.at_start(state.request.start)
        state.certify(point)
    round_to_integers(state, point)


def choose_without_prices(state: SolveState) -> None:
    """Take everybody's best choice without prices, and round it if it nearly keeps all limits."""
    with state.clock.stage("dual"):
        point = state.search.without_prices()
        if point is None:
            return
        state.certify(point)
    if state.search.violation(point.evaluation) <= 1:
        round_to_integers(state, point)


def find_prices(state: SolveState) -> None:
    """Look for prices on samples of customers, then on everybody."""
    start = state.request.start
    with state.clock.stage("dual"):
        point = TiedSearch(state.search).point(start)
        if point is None and start is None:
            point = ChargedSearch(state.search).point()
        if point is None:
            point = state.search.first_prices(start)
        state.certify(point)
    state.start_point = point
    state.diverged = state.search.diverged
    if not state.diverged:  # else nothing is feasible, unless packing hides it
        round_to_integers(state, point)


def minimise_dual(state: SolveState) -> None:
    """Bring the dual of a campaign with few prices down to its least."""
    with state.clock.stage("dual"):
        point = state.search.least_dual()
        state.certify(point)
    round_to_integers(state, point)


def search_patiently(state: SolveState) -> None:
    """Look for prices again, with more patience."""
    with state.clock.stage("dual"):
        point = state.search.patient_prices()
        state.certify(point)
    round_to_integers(state, point)
    state.start_point = point


def search_under_noise(state: SolveState) -> None:
    """Look for prices under noise that shares tied coupons out, less and less of it."""
    if state.start_point is None:
        return
    for point in NoiseSearch(state.search).prices(state.start_point):
        with state.clock.stage("dual"):
            state.certify(point)
        round_to_integers(state, point)
        if not state.is_open or state.is_exhausted:
            return
