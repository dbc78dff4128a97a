"""One minimisation of a dual: what it is given, and when its choice is near enough to the limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...options import PriceSearchOptions, SolverOptions
from ...problem import Problem
from ..lagrangian import Evaluation, Lagrangian
from ..newton.row_curvature import RowCurvature
from ..sampling import Samples


@dataclass(frozen=True)
class Descent:
    """A minimisation of a dual from the present prices.

    Attributes
    ----------
    dual : Lagrangian
        Over everybody or over a sample, with noise or without.
    samples : Samples
        Curvature is taken from one of them.
    tolerance : float
        What a step must promise to gain for it to be made, as a share of the dual value.
    is_far : bool
        Whether the prices may be far off, so that quasi-Newton steps come first.
    near_share : float, optional
        How far off the limits the choice may stay, as a share of all coupons; default: until repair is quicker.
    noise : float, default 0
        Noise in the dual, in units of the objective. Without it, prices end at their caps, at which limits may stay
        violated.
    steps : int, optional
        Steps of Newton's method, at most.
    stalled_steps : int, default 0
        So many steps that together hardly lowered a small violation are the last ones; 0: none are. Without
        `near_share` a single one is.
    curvature : RowCurvature, optional
        Of the dual, where it is known.
    """

    dual: Lagrangian
    samples: Samples
    tolerance: float
    is_far: bool
    near_share: float | None = None
    noise: float = 0.0
    steps: int | None = None
    stalled_steps: int = 0
    curvature: RowCurvature | None = None


@dataclass(frozen=True)
class NearEnough:
    """Violations at which a descent ends.

    Attributes
    ----------
    tolerance : float
        Share of the dual value that the next step must promise to gain for the descent to go on anyhow.
    coupons : float
        Violation that is near enough, in typical coupons.
    stalled_coupons : float
        Violation below which steps that hardly lowered it are the last ones; 0: none are.
    progress_share : float
        Share of the violation before that they must get below.
    stalled_steps : int, default 1
        How many steps are looked at together.
    """

    tolerance: float
    coupons: float
    stalled_coupons: float
    progress_share: float
    stalled_steps: int = 1


def coupons_quick_to_repair(problem: Problem, coupons: float, options: PriceSearchOptions) -> float:
    """Estimate how many coupons off the limits are repaired in the time of a pass.

    Parameters
    ----------
    problem : Problem
    coupons : float
        Coupons of everybody's best choice without prices.
    options : PriceSearchOptions

    Returns
    -------
    float
        Typical coupons.
    """
    customers = max(1, problem.customers)
    chosen, candidates = coupons / customers, problem.candidates / customers
    per_pair = options.repair_candidates_per_pair
    repair = options.repair_candidates + per_pair * chosen * max(0.0, candidates - chosen)
    quick = problem.candidates / repair
    if problem.candidates >= options.dear_candidates:
        quick *= options.dear_pass
    return min(quick, options.near_share * coupons)


def is_repaired_whole(problem: Problem, options: SolverOptions) -> bool:
    """Tell whether every customer is free for repair at once.

    Parameters
    ----------
    problem : Problem
    options : SolverOptions
    """
    sizes = options.sizes
    return problem.candidates <= min(sizes.repaired_whole_candidates, sizes.in_memory_candidates)


def may_copy_a_share(problem: Problem, options: SolverOptions) -> bool:
    """Tell whether a share of everybody's candidates may be copied, or sent to this process: a share is held easily.

    Wherever they are, so that the allocation is the same. Where there are so few that every customer is free for repair
    at once, none is copied.

    Parameters
    ----------
    problem : Problem
    options : SolverOptions
    """
    is_no_burden = problem.candidates <= options.free_search.candidates
    return is_no_burden and not is_repaired_whole(problem, options)


def share_quick_to_repair(
    problem: Problem, coupons: float, gap: float, options: SolverOptions
) -> float:
    """Say how far off the limits everybody's choice may be for repair to be quicker, where prices were known.

    Parameters
    ----------
    problem : Problem
    coupons : float
        Coupons of everybody's best choice without prices.
    gap : float
        Asked.
    options : SolverOptions

    Returns
    -------
    float
        As a share of all coupons.
    """
    search = options.price_search
    quick = coupons_quick_to_repair(problem, coupons, search) / coupons
    return min(search.warm_near_share, search.warm_near_gaps * gap, search.warm_near_passes * quick)


def near_share_from_start(
    problem: Problem, coupons: float, gap: float, options: SolverOptions
) -> float:
    """Say how far off the limits everybody's choice may stay where prices were known.

    So little that repair is quicker, or so that prices may go on for free customers.

    Parameters and return value are those of `share_quick_to_repair`.
    """
    quick = share_quick_to_repair(problem, coupons, gap, options)
    return (
        max(quick, options.free_search.start_share) if may_copy_a_share(problem, options) else quick
    )


def stop_without_noise(
    near: NearEnough,
    violation: Callable[[Evaluation], float],
    negligible: Callable[[Evaluation], float],
) -> Callable[[Evaluation, float], bool]:
    """Make the rule that ends a descent without noise.

    Parameters
    ----------
    near : NearEnough
    violation : callable
        Violation of the rows whose price could still rise, in typical coupons.
    negligible : callable
        Violation of them that is negligible beside that of the others, in typical coupons.

    Returns
    -------
    callable
        Called with an evaluation and the gain that the next step promises; True ends the descent.
    """
    last = deque([np.inf] * near.stalled_steps)

    def stop(evaluation: Evaluation, promised: float) -> bool:
        coupons = violation(evaluation)
        before = last.popleft()
        last.append(coupons)
        if promised > near.tolerance * abs(evaluation.dual):
            return False
        if near.progress_share * before < coupons < near.stalled_coupons:
            return True
        return coupons <= max(near.coupons, 1.0) or coupons <= negligible(evaluation)

    return stop


def stop_at_sampling_error(
    stop: Callable[[Evaluation, float], bool], off: Callable[[Evaluation], float], share: float
) -> Callable[[Evaluation, float], bool]:
    """Have a descent on a sample end, too, where its choice is nearer the limits than the sample tells them.

    Parameters
    ----------
    stop : callable
        The rule that ends it otherwise.
    off : callable
        How far a choice is off the limits, in errors of the sample.
    share : float
        At which share of one it ends.

    Returns
    -------
    callable
        As `stop` is.
    """
    return lambda evaluation, promised: off(evaluation) <= share or stop(evaluation, promised)


def stop_among_ties(
    stop: Callable[[Evaluation, float], bool],
    are_tied: Callable[[Evaluation], bool],
    tolerance: float,
) -> Callable[[Evaluation, float], bool]:
    """Have a descent end, too, where steps promise little and ties keep its choice far off the limits.

    Parameters
    ----------
    stop : callable
        The rule that ends it otherwise.
    are_tied : callable
        Whether ties may be what keeps a choice far off the limits.
    tolerance : float
        Share of the dual value that is little.

    Returns
    -------
    callable
        As `stop` is.
    """

    def stop_too(evaluation: Evaluation, promised: float) -> bool:
        is_little = promised <= tolerance * abs(evaluation.dual)
        return stop(evaluation, promised) or (is_little and are_tied(evaluation))

    return stop_too


def stop_under_noise(
    near: NearEnough, violation: Callable[[Evaluation], float]
) -> Callable[[Evaluation, float], bool]:
    """Make the rule that ends a descent under noise, where a step may be a detour: progress is asked of two.

    Parameters and return value are those of `stop_without_noise`.
    """
    last_two = (np.inf, np.inf)

    def stop(evaluation: Evaluation, promised: float) -> bool:
        nonlocal last_two
        coupons = violation(evaluation)
        before, last_two = last_two[0], (last_two[1], coupons)
        if promised > near.tolerance * abs(evaluation.dual):
            return False
        is_stalled = near.progress_share * before < coupons < near.stalled_coupons
        return is_stalled or coupons <= max(near.coupons, 1.0)

    return stop
