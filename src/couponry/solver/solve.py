"""The solve: a list of stages, from prices of samples of customers to HiGHS on what prices leave undecided."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..utils.errors import OutOfTime
from ..utils.progress.cancel import Cancelled
from .dual.newton.row_curvature import RowCurvature
from .exact.restricted_master import is_worth_a_master
from .infeasibility.infeasible_set import InfeasibleSet
from .plan import Plan
from .solve_state import SolveRequest, SolveState
from .stages.column_stage import solve_restricted_master
from .stages.core_stage import solve_core_by_highs
from .stages.corridor_stage import fit_into_corridors, fit_patiently, has_corridors
from .stages.enumeration_stage import try_every_allocation
from .stages.feasibility_stage import lessen_violation
from .stages.fewest_stage import fill_fewest, give_fewest
from .stages.infeasibility_stage import prove_infeasibility
from .stages.missing_stage import miss_fewest
from .stages.price_stages import (
    choose_at_start,
    choose_without_prices,
    find_prices,
    minimise_dual,
    search_patiently,
    search_under_noise,
)
from .stages.raised_stage import round_at_raised_prices


@dataclass(frozen=True)
class Solution:
    """What the solver found.

    Attributes
    ----------
    status : {"optimal", "feasible", "infeasible", "unsolved"}
        Within the asked gap; stopped earlier; proved to be impossible; stopped with no feasible allocation.
    message : str
        The status in words.
    plan : Plan or None
        The allocation.
    prices : ndarray of float64, shape (n_rows,)
        Prices of the limits' rows, signed.
    bound : float
        No allocation is worth more.
    method : {"dual", "dual+milp"}
        The latter where HiGHS improved or proved the result.
    nit : int
        Evaluations of the dual.
    cut_off : int
        Customers whose search for the best choice was cut off, in the pass that the bound is from.
    certificate : InfeasibleSet or None
        Proof that nothing is feasible.
    curvature : RowCurvature or None
        Of the dual near the prices, for solves of campaigns that are much the same.
    """

    status: str
    message: str
    plan: Plan | None
    prices: NDArray[np.float64]
    bound: float
    method: str
    nit: int
    cut_off: int = 0
    certificate: InfeasibleSet | None = None
    curvature: RowCurvature | None = None


@dataclass(frozen=True)
class Stage:
    """A step of a solve, and the condition under which it is made.

    Attributes
    ----------
    name : str
    run : callable
        Improves the state.
    when : callable
        Whether the state asks for the step.
    """

    name: str
    run: Callable[[SolveState], None]
    when: Callable[[SolveState], bool]


def _has_good_prices(state: SolveState) -> bool:
    return state.request.start is not None and state.request.is_start_good


def _may_need_no_prices(state: SolveState) -> bool:
    may = state.request.start is None or state.fits_in_memory
    return may and not _has_good_prices(state)


def _is_over(state: SolveState) -> bool:
    """Whether the time is up, and something can be said, or the bound says that nothing of use will be found."""
    if state.bound < state.request.enough:
        return True
    return state.clock.left <= 0 and state.best is not None and np.isfinite(state.bound)


def _is_open(state: SolveState) -> bool:
    return state.is_open


def _may_do_with_few(state: SolveState) -> bool:
    """Whether there is no allocation yet, and no promise that asks for coupons where rules ask for none."""
    facts, problem = state.problem.rule_facts, state.problem
    asks = bool((problem.lower[problem.hard] > 0).any())
    rules_ask = facts.has_minimums or facts.has_constraints
    return state.best is None and (rules_ask or not asks)


def _has_only_the_fewest(state: SolveState) -> bool:
    """Whether nothing better than the fewest coupons was found."""
    return state.is_open and state.fewest is not None and state.best is state.fewest


def _is_tiny_and_has_only_the_fewest(state: SolveState) -> bool:
    return state.is_tiny and _has_only_the_fewest(state)


def _looks_infeasible(state: SolveState) -> bool:
    """Whether the dual or the candidates say that nothing is feasible, or a small campaign has no allocation yet."""
    few = state.is_tiny or is_worth_a_master(state.problem, state.options.master)
    if state.diverged or (state.best is None and few):
        return True
    return state.best is None and state.unreachable_prices is not None


def _has_few_prices(state: SolveState) -> bool:
    few = state.search.has_few_prices and not state.is_tiny
    return few and state.is_open and not state.diverged


def _has_none_and_is_tiny(state: SolveState) -> bool:
    return state.best is None and state.is_tiny


def _has_none(state: SolveState) -> bool:
    return state.best is None


def _was_too_far_off_to_repair(state: SolveState) -> bool:
    """Whether choices are so far off the limits that they were not repaired, and nothing else was found."""
    point = state.start_point
    if point is None or not (_has_none(state) or _has_only_the_fewest(state)):
        return False
    may_be_repaired = state.fits_in_memory and not state.is_tiny and not state.diverged
    return may_be_repaired and state.search.is_far(point.evaluation)


def _may_fit_into_corridors(state: SolveState) -> bool:
    is_bounded = not state.diverged and np.isfinite(state.bound)
    return is_bounded and state.is_open and has_corridors(state)


def _columns_are_few(state: SolveState) -> bool:
    return (
        state.request.use_highs
        and state.is_open
        and not state.diverged
        and is_worth_a_master(state.problem, state.options.master)
    )


def _is_open_and_a_handful(state: SolveState) -> bool:
    return state.is_open and state.problem.candidates <= state.options.enumeration.candidates


def _is_open_and_tiny(state: SolveState) -> bool:
    return state.is_open and state.is_tiny


def _prices_may_improve(state: SolveState) -> bool:
    """Whether more patience may help: far off the limits there are many ties, and it would end at the same kink."""
    point = state.start_point
    near = point is not None and not state.search.is_far(point.evaluation)
    return near and state.is_open and not state.diverged


def _ties_may_be_in_the_way(state: SolveState) -> bool:
    return state.is_open and not state.diverged and not state.is_exhausted


def _was_never_explained(state: SolveState) -> bool:
    return state.best is None and not state.conflict_sought


def _is_open_and_not_tiny(state: SolveState) -> bool:
    return state.is_open and not state.is_tiny


STAGES = (
    Stage("known prices", choose_at_start, when=_has_good_prices),
    Stage("best choice without prices", choose_without_prices, when=_may_need_no_prices),
    Stage("prices from samples", find_prices, when=_is_open),
    Stage("fewest coupons", give_fewest, when=_may_do_with_few),
    Stage("proof of infeasibility", prove_infeasibility, when=_looks_infeasible),
    Stage("every allocation", try_every_allocation, when=_is_open_and_a_handful),
    Stage("raised prices", round_at_raised_prices, when=_was_too_far_off_to_repair),
    Stage("corridors", fit_into_corridors, when=_may_fit_into_corridors),
    Stage("cutting planes", minimise_dual, when=_has_few_prices),
    Stage("least violation", lessen_violation, when=_has_none_and_is_tiny),
    Stage("columns", solve_restricted_master, when=_columns_are_few),
    Stage("corridors", fit_patiently, when=_may_fit_into_corridors),
    Stage("fewest coupons filled", fill_fewest, when=_is_tiny_and_has_only_the_fewest),
    Stage("least violation", lessen_violation, when=_has_none_and_is_tiny),
    Stage("core of a tiny campaign", solve_core_by_highs, when=_is_open_and_tiny),
    Stage("patient prices", search_patiently, when=_prices_may_improve),
    Stage("prices under noise", search_under_noise, when=_ties_may_be_in_the_way),
    Stage("proof of infeasibility", prove_infeasibility, when=_was_never_explained),
    Stage("fewest coupons filled", fill_fewest, when=_has_only_the_fewest),
    Stage("least violation", lessen_violation, when=_has_none),
    Stage("core", solve_core_by_highs, when=_is_open_and_not_tiny),
)
"""What a solve does, in this order. It ends early where nothing is feasible."""

PRICES_AND_REPAIR = tuple(
    stage
    for stage in STAGES
    if stage.run in (choose_without_prices, find_prices, round_at_raised_prices)
)
"""Those that find an allocation in most campaigns that have one, and prove nothing where there is none."""


def solve(request: SolveRequest, stages: Sequence[Stage] | None = None) -> Solution:
    """Solve a problem to a relative gap, or as far as the clock allows.

    Parameters
    ----------
    request : SolveRequest
    stages : sequence of Stage, optional
        What it does; default: `STAGES`.

    Returns
    -------
    Solution
    """
    request.clock.asked_gap = request.gap
    try:
        state = SolveState(request)
    except Cancelled:  # before there were any prices
        prices = np.zeros(len(request.problem.lower))
        return Solution("unsolved", "cancelled", None, prices, np.inf, "dual", 0)
    with contextlib.suppress(OutOfTime):
        for stage in STAGES if stages is None else stages:
            if state.certificate is None and not _is_over(state) and stage.when(state):
                stage.run(state)
    is_over = state.certificate is not None or state.clock.is_cancelled
    if not is_over and not state.fewest_given and _may_do_with_few(state):
        give_fewest(state)  # the time was up before
    if state.customers_cut_off > 0 and not state.clock.is_cancelled:
        miss_fewest(state)
    state.search.samples.let_go()
    return _solution(state)


def _solution(state: SolveState) -> Solution:
    """What a solve's last state says."""
    if state.best is not None:
        status = "feasible" if state.is_open else "optimal"
        message = f"gap {state.relative_gap:.2e}, asked {state.gap:.2e}"
        if state.is_open and state.request.clock.left > 0:
            message += ": nothing narrows it any more"
    elif state.certificate is not None:
        status, message = "infeasible", state.certificate.message
    else:
        status = "unsolved"
        message = "stopped with no feasible allocation, and none proved impossible"
    return Solution(
        status,
        message,
        state.best,
        state.best_prices,
        float(state.bound),
        state.method,
        state.search.evaluations,
        state.customers_cut_off,
        state.certificate,
        state.search.curvature,
    )
