"""Whole choices that customers make anew, where no single move lessens what limits are violated by.

Under rules that windows, sums or requirements make, a coupon that is promised often fits only where two others go, or
where one comes that it requires: no single move gives it. At prices that are moved against what is violated customers
choose anew; of these choices those are taken that lessen the violation, least reduced value lost per unit of it first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels import LimitRows
from ...utils.arrays.ragged import ranges
from ..dual.lagrangian import Lagrangian, as_float32
from ..options import RepairOptions
from ..problem import Problem


class _Differences(NamedTuple):
    """Where two choices differ, customer by customer, and what rows move by.

    position, comes : int64, bool (n_changed)
        Candidates, and whether they come or leave.
    first : int64 (n_customers + 1)
        Where each customer's candidates begin.
    row, moved : int64, float64 (n_pairs)
        Pairs of a customer and a row.
    first_row : int64 (n_customers + 1)
        Where each customer's pairs begin.
    lost : float64 (n_customers)
        Reduced value.
    """

    position: NDArray[np.int64]
    comes: NDArray[np.bool_]
    first: NDArray[np.int64]
    row: NDArray[np.int64]
    moved: NDArray[np.float64]
    first_row: NDArray[np.int64]
    lost: NDArray[np.float64]


class _Concerned:
    """Choices anew of the customers who have candidates in violated rows: nobody else's lessens the violation."""

    def __init__(self, problem: Problem, engine: Engine, rows: LimitRows):
        self._problem, self._engine, self._rows = problem, engine, rows
        self._violated = np.zeros(0, np.bool_)
        self._positions = np.zeros(0, np.int64)
        self._asked = engine

    def choose(
        self, violated: NDArray[np.bool_], table: NDArray[np.float32], chosen: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        """Their choices at some prices, and those of all others as they are."""
        if not np.array_equal(violated, self._violated):
            self._violated = violated
            self._look_for(violated)
        found = chosen.copy()
        if len(self._positions):
            found[self._positions] = self._asked.choose(table)[0]
        return found

    def _look_for(self, violated: NDArray[np.bool_]) -> None:
        problem, rows = self._problem, self._rows
        indptr, cells = problem.shard.indptr, len(rows.ptr) - 1
        cell = np.repeat(np.arange(cells), np.diff(rows.ptr))
        is_theirs = np.zeros(cells, np.bool_)
        is_theirs[cell[violated[rows.row]]] = True
        customers = np.unique(problem.customer_of(np.flatnonzero(is_theirs[problem.cells()])))
        self._positions = ranges(indptr[customers], np.diff(indptr)[customers])
        are_all = len(customers) in (0, self._engine.customers)
        self._asked = self._engine if are_all else self._engine.samples([customers])[0]


def choose_anew(
    problem: Problem,
    engine: Engine,
    rows: LimitRows,
    reduced: NDArray[np.float64],
    chosen: NDArray[np.uint8],
    activity: NDArray[np.float64],
    options: RepairOptions,
) -> int:
    """Take choices anew that lessen the violation; `chosen` and `activity` are IN/OUT.

    Prices move little at first, and then further and further, until nothing is violated.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Over the problem's candidates.
    rows : LimitRows
        The limits' rows; their weights say what a unit of violation counts for.
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        What usage is worth at the prices.
    chosen : ndarray of uint8, shape (n_candidates,)
        Keeps the customer rules.
    activity : ndarray of float64, shape (n_rows,)
    options : RepairOptions

    Returns
    -------
    int
        How often a customer's choice was changed.
    """
    dual, asked = Lagrangian(problem, engine), _Concerned(problem, engine, rows)
    worth = _worth(problem, np.flatnonzero(chosen), reduced)
    size = float(np.abs(worth).mean()) if len(worth) else 0.0
    taken = 0
    for step in options.new_choice_steps:
        over, under = activity > rows.upper, activity < rows.lower
        against = rows.weight * (over * 1.0 - under * 1.0) * size * step
        if not against.any():
            break
        moved = reduced - problem.objective + dual.reduced(against)
        found = asked.choose(against != 0, as_float32(dual.price_table(moved)), chosen)
        changes = _changes(problem, rows, chosen, found, reduced)
        taken += _take(rows, changes, chosen, activity)
    return taken


def _worth(
    problem: Problem, positions: NDArray[np.int64], reduced: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What candidates are worth at the prices."""
    cell = problem.cells(positions)
    worth = reduced[0].ravel()[cell]
    for c, attribute in enumerate(problem.attributes):
        worth = worth + reduced[1 + c].ravel()[cell] * attribute[positions]
    return np.asarray(worth, np.float64)


def _changes(
    problem: Problem,
    rows: LimitRows,
    chosen: NDArray[np.uint8],
    found: NDArray[np.uint8],
    reduced: NDArray[np.float64],
) -> _Differences:
    """Where a choice that was found differs."""
    position = np.flatnonzero(chosen != found)
    comes = found[position] != 0
    sign = np.where(comes, 1.0, -1.0)
    who, owner = np.unique(problem.customer_of(position), return_inverse=True)
    worth = sign * _worth(problem, position, reduced)
    lost = np.bincount(owner, weights=-worth, minlength=len(who)).astype(np.float64)
    cell = problem.cells(position)
    count = np.diff(rows.ptr)[cell]
    entry, at = ranges(rows.ptr[cell], count), np.repeat(position, count)
    weight = rows.coefficient[entry, 0].copy()
    for c, attribute in enumerate(problem.attributes):
        weight += rows.coefficient[entry, 1 + c] * attribute[at]
    n_rows = len(rows.upper)
    key, place = np.unique(np.repeat(owner, count) * n_rows + rows.row[entry], return_inverse=True)
    weight *= np.repeat(sign, count)
    moved = np.bincount(place, weights=weight, minlength=len(key)).astype(np.float64)
    numbers = np.arange(len(who) + 1)
    first, first_row = np.searchsorted(owner, numbers), np.searchsorted(key // n_rows, numbers)
    return _Differences(position, comes, first, key % n_rows, moved, first_row, lost)


def _take(
    rows: LimitRows,
    changes: _Differences,
    chosen: NDArray[np.uint8],
    activity: NDArray[np.float64],
) -> int:
    """Take those changes of customers that lessen the violation, the cheapest first; how many."""
    customers = len(changes.lost)
    owner = np.repeat(np.arange(customers), np.diff(changes.first_row))
    by_row = _eased(rows, changes.row, changes.moved, activity)
    eased = np.bincount(owner, by_row, minlength=customers)
    helps = np.flatnonzero(eased > 0)
    ratio = np.maximum(0.0, changes.lost[helps]) / eased[helps]
    taken = 0
    for k in helps[np.argsort(ratio, kind="stable")].tolist():
        pairs = slice(int(changes.first_row[k]), int(changes.first_row[k + 1]))
        row, moved = changes.row[pairs], changes.moved[pairs]
        by_row = _eased(rows, row, moved, activity)  # others were taken before
        if by_row.sum() <= 1e-9 * np.abs(by_row).sum():
            continue
        activity[row] += moved
        its = slice(int(changes.first[k]), int(changes.first[k + 1]))
        chosen[changes.position[its]] = changes.comes[its]
        taken += 1
    return taken


def _eased(
    rows: LimitRows,
    row: NDArray[np.int64],
    moved: NDArray[np.float64],
    activity: NDArray[np.float64],
) -> NDArray[np.float64]:
    """By how much each row is violated less, by its weight, once it has moved."""
    lower, upper, before = rows.lower[row], rows.upper[row], activity[row]
    after = before + moved
    less = np.maximum(0.0, np.maximum(before - upper, lower - before))
    less -= np.maximum(0.0, np.maximum(after - upper, lower - after))
    return np.asarray(less * rows.weight[row])
