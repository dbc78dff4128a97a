"""Usage of customers fixed at their best choice, summed in packed values with a known error, and the problem left over.

The sums are of whole numbers, so that they depend on neither blocks nor threads, and nothing as large as the attributes
as given is read. Their worst-case error (`usage_error`) tightens every bound and lowers the objective.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...engines.cells import counted_cells
from ...engines.protocol import Engine, FixedChoices
from ...engines.subset import positions_of
from ...engines.workers import even_cuts, share_out
from ...utils.arrays.working_memory import new_array
from ..dual.scaling import Scales
from ..options import FreeCustomerOptions
from ..packed import HeldCandidates
from ..plan import Plan
from ..problem import SAME_FINE, Problem
from .repair import MeasuredChoice

NEVER_FREE = -1.0
"""A regret threshold that no candidate is below."""


def no_free_customers(problem: Problem) -> NDArray[np.float32]:
    """Make regret thresholds at which every customer is fixed.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    ndarray of float32, shape (1, 2, n_segments, n_items)
    """
    return np.full((1, 2, *problem.objective.shape[1:]), NEVER_FREE, np.float32)


def fix_customers(
    problem: Problem,
    engine: Engine,
    price: NDArray[np.float32],
    regret_threshold: NDArray[np.float32],
) -> FixedChoices:
    """Fix every customer's best choice at a price table, but for those whom the thresholds leave free.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
    regret_threshold : ndarray of float32, shape (n_levels, 2, n_segments, n_items)
        See `Engine.fix`.

    Returns
    -------
    FixedChoices
    """
    return engine.fix(price, regret_threshold, problem.fine)


def with_earlier_choice(
    fixed: FixedChoices, free: NDArray[np.int64], free_choice: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Put together the choice of free customers, some of whom were free and got coupons before.

    Parameters
    ----------
    fixed : FixedChoices
    free : ndarray of int64, shape (n_before,)
        Customers that were free before, ascending; all of them are free in `fixed`.
    free_choice : ndarray of uint8
        Choice of their candidates.

    Returns
    -------
    ndarray of uint8, shape (n_free_candidates,)
    """
    indptr = fixed.engine.shard.indptr
    together = fixed.free_choice.copy()
    together[positions_of(indptr, np.searchsorted(fixed.free, free))] = free_choice
    return together


def fixed_usage(problem: Problem, fixed: FixedChoices) -> NDArray[np.float64]:
    """Sum up what fixed customers use, with an error of at most `usage_error`.

    Parameters
    ----------
    problem : Problem
    fixed : FixedChoices

    Returns
    -------
    ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
    """
    usage = np.empty((1 + len(problem.low), *fixed.usage.shape[1:]))
    usage[0] = fixed.usage[0]
    for c, q in enumerate(problem.quantity_of):
        # quantity - 1/2 + parts / 256 of each coupon, in 256ths of a step
        fines = problem.fines_of(c)
        parts = 256 * fixed.usage[1 + q] + fixed.fine_usage[fines].sum(axis=0)
        parts -= (128 + SAME_FINE * (len(fines) - 1)) * fixed.usage[0]
        usage[1 + c] = problem.low[c] * usage[0] + problem.step[c] * (parts / 256)
    return usage


def usage_error(problem: Problem, coupons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bound how far sums of packed attributes can be off.

    Parameters
    ----------
    problem : Problem
    coupons : ndarray of float64, shape (n_segments, n_items)
        Coupons that are summed.

    Returns
    -------
    ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
    """
    return np.concatenate([0.0 * coupons[None], problem.fine_error[:, None, :] * coupons])


def activity_error(problem: Problem, coupons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bound how far activities are off that are summed of packed attributes.

    Parameters
    ----------
    problem : Problem
    coupons : ndarray of float64, shape (n_segments, n_items)
        Coupons that are summed.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    if problem.counts_alone:
        return np.zeros(len(problem.lower))
    return np.asarray(abs(problem.rows) @ usage_error(problem, coupons).ravel())


def plan_of(
    problem: Problem,
    engine: Engine,
    price: NDArray[np.float32],
    fixed: FixedChoices,
    usage: NDArray[np.float64],
    activity: NDArray[np.float64],
    found: MeasuredChoice,
) -> Plan:
    """Put fixed and free customers together, and take what packing may hide off the objective.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        At which fixed customers choose.
    fixed : FixedChoices
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Of fixed customers, from `fixed_usage`.
    activity : ndarray of float64, shape (n_rows,)
        Of fixed customers.
    found : MeasuredChoice
        Free customers' choice. It is feasible, and has its penalties, under bounds that allow for packing's error.

    Returns
    -------
    Plan
    """
    together = usage + found.usage
    error = usage_error(problem, together[0])
    worth = float((problem.objective * usage).sum())
    worth -= float((np.abs(problem.objective) * error).sum())
    return Plan(
        engine,
        price,
        fixed.free,
        found.chosen,
        together,
        error,
        activity + found.activity,
        worth + found.objective,
        found.feasible,
        found.moves,
    )


def likely_activity_error(
    problem: Problem, coupons: NDArray[np.float64], options: FreeCustomerOptions
) -> NDArray[np.float64]:
    """Say how far activities that are summed by quantities alone are likely off, at most.

    Parameters
    ----------
    problem : Problem
    coupons : ndarray of float64, shape (n_segments, n_items)
        Coupons that are summed.
    options : FreeCustomerOptions

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    if problem.counts_alone:
        return np.zeros(len(problem.lower))
    variance = (problem.step**2 / 12)[:, None, :] * coupons
    squares = problem.rows.power(2) @ np.concatenate([0.0 * coupons[None], variance]).ravel()
    return np.asarray(options.packing_error * np.sqrt(squares))


def free_problem(
    problem: Problem,
    scales: Scales,
    fixed: FixedChoices,
    activity: NDArray[np.float64],
    options: FreeCustomerOptions,
) -> Problem:
    """Make the problem of the free customers: what the rows still ask for once fixed customers' activity is taken off.

    Bounds are tightened by what everybody's activity can be off, so that what keeps them keeps the rows for the
    attributes as given.

    Parameters
    ----------
    problem : Problem
    scales : Scales
    fixed : FixedChoices
    activity : ndarray of float64, shape (n_rows,)
        Activity of the fixed customers.
    options : FreeCustomerOptions

    Returns
    -------
    Problem
        Over the free customers' candidates, in memory.
    """
    shard = fixed.engine.shard
    attributes = new_array((len(problem.quantity_of), len(shard.item)), np.float64)
    for c, values in enumerate(attributes):
        _unpack(problem, fixed, c, options.piece, values)
    fine = fixed.free_fine[:, :0]  # it is in the attributes
    part = replace(problem, packed=HeldCandidates(shard, fixed.rules, attributes, fine))
    lower, upper = _tightened(problem, scales, fixed, activity, part)
    return replace(part, lower=lower, upper=upper)


def _tightened(
    problem: Problem,
    scales: Scales,
    fixed: FixedChoices,
    activity: NDArray[np.float64],
    part: Problem,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The bounds that the free customers' packed attributes must keep."""
    error_of_fixed = activity_error(problem, fixed.usage[0])
    coupons = counted_cells(part.shard, problem.objective.shape[1:], fixed.engine.threads)
    error_of_free = activity_error(problem, coupons.astype(float))
    lower = problem.lower - activity + error_of_fixed + error_of_free
    upper = problem.upper - activity - error_of_fixed
    # what few coupons weigh is off by no more than its share
    spare = (upper > 0) & np.isfinite(upper)
    share = 1.0 + _largest_error_share(problem, scales)
    by_share = np.divide(upper, share, out=np.full(len(upper), -np.inf), where=spare)
    upper = np.maximum(upper - error_of_free, by_share)
    always_kept = (problem.lower <= 0) & scales.never_negative
    return np.where(always_kept, -np.inf, lower), upper


def _largest_error_share(problem: Problem, scales: Scales) -> NDArray[np.float64]:
    """The largest share of its weight in a row that any candidate's packed weight is off by, (n_rows,)."""
    if problem.counts_alone:
        return np.zeros(len(problem.lower))
    item = scales.cell % problem.low.shape[1]
    error = (np.abs(scales.coefficient[:, 1:].T) * problem.fine_error[:, item]).sum(axis=0)
    share = np.divide(error, scales.least, out=np.full(len(error), np.inf), where=scales.least > 0)
    largest = np.zeros(len(problem.lower))
    np.maximum.at(largest, scales.row, np.where(error > 0, share, 0.0))
    return largest


def _unpack(
    problem: Problem,
    fixed: FixedChoices,
    attribute: int,
    piece: int,
    values: NDArray[np.float64],
) -> None:
    """An attribute of the free customers' candidates, their packed values as numbers (OUT: values)."""
    low, step = problem.low[attribute], problem.step[attribute]
    first, *others = (fixed.free_fine[fine] for fine in problem.fines_of(attribute))
    shard = fixed.engine.shard
    quantity, item = shard.quantity[problem.quantity_of[attribute]], shard.item

    def work(worker: int, start: int, stop: int) -> None:
        for begin in range(start, stop, piece):
            part = slice(begin, min(begin + piece, stop))
            out = values[part]
            out[:] = first[part]
            for fine in others:
                out += fine[part]
            out -= 128 + SAME_FINE * len(others)
            out /= 256
            out += quantity[part]
            out *= step[item[part]]
            out += low[item[part]]

    share_out(work, even_cuts(len(values), piece), fixed.engine.threads)
