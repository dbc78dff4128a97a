"""Every allocation of a handful of customers that could be the best: what is true of them needs no tolerance.

Customers' whole choices are put together, one customer after the other. A partial allocation goes on while its regrets
add up to no more than dual and best allocation are apart, and while its rows can still be kept by the customers that
are left. Sums are floating-point numbers with room for their rounding; what that leaves open is decided in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.cells import chosen_positions
from ..options import EnumerationOptions
from ..primal.exact_dual import ExactDual
from ..primal.repair import MeasuredChoice, Repair
from ..problem import Problem
from .columns import Columns, list_columns
from .rational import exact_worth, rounded_up


@dataclass(frozen=True)
class Enumerated:
    """What every allocation that was worth a look came to.

    Attributes
    ----------
    best : MeasuredChoice or None
        The best one that keeps all hard rows; None where none does.
    bound : float
        No allocation is worth more, but for those that were not worth a look; minus infinity where none keeps all rows.
    """

    best: MeasuredChoice | None
    bound: float


def enumerate_allocations(
    repair: Repair, dual: ExactDual, least: float, options: EnumerationOptions
) -> Enumerated | None:
    """Look at every allocation that may be worth at least so much.

    Parameters
    ----------
    repair : Repair
        Of the problem.
    dual : ExactDual
        Everybody's best choice at some prices.
    least : float
        What an allocation must be worth; minus infinity for any.
    options : EnumerationOptions

    Returns
    -------
    Enumerated or None
        None where they are too many.
    """
    problem = repair.problem
    size = problem.usage_size(slice(None))
    rounding = problem.objective_rounding(size)
    distance = max(0.0, dual.bound - least) + rounding + dual.regret_rounding
    columns = list_columns(problem, dual.reduced, dual.chosen, distance, options.columns)
    if columns.unlisted_regret < distance:
        return None
    # regrets are rounded once for each customer
    distance += problem.customers * dual.regret_rounding
    partial = _Partial(problem, columns, problem.activity_rounding(size), distance)
    for number in range(problem.customers):
        if not partial.extend(number, options):
            return None
    return _best(repair, partial, rounding, options.decided_exactly)


class _Partial:
    """Partial allocations: what their columns come to, and which these are."""

    def __init__(
        self, problem: Problem, columns: Columns, margin: NDArray[np.float64], distance: float
    ):
        self.problem, self.columns = problem, columns
        self._distance, self._looks = distance, 0
        self._weight = columns.weight.toarray()
        self._ptr = np.searchsorted(columns.customer, np.arange(problem.customers + 1))
        self._order = np.argsort(np.diff(self._ptr), kind="stable")  # fewest choices first
        # what the customers that are left can add to each row, at least and at most
        self._least_left, self._most_left = (
            _sums_after(ends.reduceat(self._weight, self._ptr[:-1], axis=0)[self._order])
            for ends in (np.minimum, np.maximum)
        )
        hard = problem.hard
        self._lower = np.where(hard, problem.lower - margin, -np.inf)
        self._upper = np.where(hard, problem.upper + margin, np.inf)
        self.regret, self.worth = np.zeros(1), np.zeros(1)
        self.activity = np.zeros((1, len(problem.lower)))
        self.taken = np.zeros((1, 0), np.int64)

    def extend(self, number: int, options: EnumerationOptions) -> bool:
        """Give the next customer each of its choices; whether they are not too many."""
        customer = self._order[number]
        first, last = int(self._ptr[customer]), int(self._ptr[customer + 1])
        self._looks += len(self.regret) * (last - first)
        if self._looks > options.looks:
            return False
        regret = np.add.outer(self.regret, self.columns.regret[first:last])
        before, column = np.nonzero(regret <= self._distance)
        activity = self.activity[before] + self._weight[first + column]
        kept = (activity + self._least_left[number] <= self._upper).all(axis=1)
        kept &= (activity + self._most_left[number] >= self._lower).all(axis=1)
        before, column = before[kept], column[kept]
        self.regret, self.activity = regret[before, column], activity[kept]
        self.worth = self.worth[before] + self.columns.worth[first + column]
        self.taken = np.column_stack([self.taken[before], first + column])
        return len(before) <= options.allocations

    def chosen(self, number: int) -> NDArray[np.uint8]:
        """The candidates that a whole allocation contains."""
        chosen = np.zeros(self.problem.candidates, np.uint8)
        chosen[self.columns.candidates[self.taken[number]].indices] = 1
        return chosen


def _best(repair: Repair, whole: _Partial, rounding: float, decided_exactly: int) -> Enumerated:
    """The best of whole allocations: those that may be, by falling worth, are looked at in fractions."""
    problem = repair.problem
    violation = np.maximum(problem.lower - whole.activity, whole.activity - problem.upper)
    soft = ~problem.hard
    worth = whole.worth - (np.maximum(0.0, violation[:, soft]) * problem.penalty[soft]).sum(axis=1)
    best: MeasuredChoice | None = None
    bound = -np.inf
    for looked, number in enumerate(np.argsort(-worth, kind="stable").tolist()):
        if worth[number] + 2 * rounding < bound:
            break
        if looked >= decided_exactly:
            bound = max(bound, float(worth[number]) + 2 * rounding)
            break
        chosen = whole.chosen(number)
        measured = repair.measure(chosen)
        exact = exact_worth(problem, chosen_positions(chosen))
        if not (exact.feasible or measured.feasible):
            continue
        if best is None or measured.objective > best.objective:
            # it keeps all hard rows, if not as sums are rounded then in fractions
            best = replace(measured, feasible=True)
        told = rounded_up(exact.objective)
        # the same but for how sums are rounded
        bound = max(bound, told if told > measured.objective else measured.objective)
    return Enumerated(best, bound)


def _sums_after(by_customer: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each customer, the sum over those that come after it."""
    sums = np.zeros_like(by_customer)
    sums[:-1] = np.cumsum(by_customer[:0:-1], axis=0)[::-1]
    return sums
