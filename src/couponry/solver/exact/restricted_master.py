"""The restricted master programme of a small campaign: HiGHS chooses a column for each customer.

With whole choices of customers for columns, the linear relaxation is as good as the Lagrangian dual, and an optimal
corner of it splits the choice of no more customers than there are limits that bind (Dantzig and Wolfe 1960). So few
columns beside the best ones, those that prices make nearly as attractive, hold allocations that are all but optimal.
HiGHS finds these at once, where thousands of candidates that tie would keep it busy.

Two steps: prices at which the dual is least, from the master's dual within a box about the prices that are known
(boxstep; Marsten, Hogan and Blankenship 1975), and then whole allocations. A customer who takes a column that is not
listed loses at least its regret, which bounds all allocations beside those that HiGHS has looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.clock import Clock
from ...utils.lazy_imports import sparse as sp
from ..dual.lagrangian import SUMMATION_ERROR, Lagrangian
from ..dual.price_space import PriceSpace
from ..highs import INFEASIBLE, OPTIMAL, solve_programme
from ..options import MasterOptions, SolverOptions
from ..primal.exact_dual import exact_dual
from ..primal.repair import Repair
from ..problem import Problem
from ..programme import Programme
from .columns import Columns, list_columns


def is_worth_a_master(problem: Problem, options: MasterOptions) -> bool:
    """Tell whether a campaign is small enough for a master programme, and has use for one.

    Where everybody's rules are laminar, a programme over candidates is as tight as one over columns, and makes do with
    fewer variables where there are many prices or slots.

    Parameters
    ----------
    problem : Problem
    options : MasterOptions

    Returns
    -------
    bool
    """
    if problem.candidates > options.candidates or problem.customers > options.customers:
        return False
    prices = np.isfinite(problem.lower).sum() + np.isfinite(problem.upper).sum()
    facts = problem.rule_facts
    few = prices <= options.laminar_prices and facts.most_coupons <= options.laminar_slots
    return bool(few or facts.has_constraints)


@dataclass(frozen=True)
class MasterSolution:
    """An allocation of columns.

    Attributes
    ----------
    chosen : ndarray of uint8, shape (n_candidates,), or None
        None where HiGHS found nothing.
    bound : float
        No allocation is worth more; infinite where unknown.
    """

    chosen: NDArray[np.uint8] | None
    bound: float


@dataclass(frozen=True)
class _Point:
    """A point of the price space: reduced values, everybody's best choice, and the dual value."""

    at: NDArray[np.float64]
    reduced: NDArray[np.float64]
    chosen: NDArray[np.uint8]
    dual: float


@dataclass(frozen=True)
class _Box:
    """Bounds of the coordinates about a point; `highest` are those of the price space."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    highest: NDArray[np.float64]

    def holds_inside(self, point: NDArray[np.float64]) -> bool:
        """Whether no side of the box keeps a point from going further."""
        inside = (point > self.low) | (self.low == 0.0)
        inside &= (point < self.high) | (self.high == self.highest)
        return bool(inside.all())


class RestrictedMaster:
    """Prices and allocations of one problem by its customers' columns.

    Parameters
    ----------
    lagrangian : Lagrangian
        Over all customers.
    repair : Repair
    space : PriceSpace
    per_coupon : ndarray of float64, shape (n_rows,)
        Weights under which a typical coupon's weight in a row counts as 1.
    typical_worth : float
        Objective of a typical coupon.
    prices : ndarray of float64, shape (n_rows,)
        Prices to start from.
    options : SolverOptions
    """

    def __init__(
        self,
        lagrangian: Lagrangian,
        repair: Repair,
        space: PriceSpace,
        per_coupon: NDArray[np.float64],
        typical_worth: float,
        prices: NDArray[np.float64],
        options: SolverOptions,
    ):
        self._problem = lagrangian.problem
        self._lagrangian = lagrangian
        self._repair = repair
        self._space = space
        self._per_coupon = per_coupon
        self._typical_worth = typical_worth
        self._options, self._column_options = options.master, options.columns
        self._now = self._best = self._look(space.point(prices))
        self._largest_regret = self._options.first_regret * typical_worth
        self._listed: Columns | None = None  # at the present point
        size = self._problem.usage_size(slice(None))
        self._rounding = self._problem.objective_rounding(size)
        self._activity_rounding = self._problem.activity_rounding(size)

    @property
    def prices(self) -> NDArray[np.float64]:
        """The best prices so far."""
        return self._space.prices(self._best.at)

    @property
    def dual(self) -> float:
        """Bound on the worth of every allocation, at these prices."""
        return self._best.dual

    def improve_prices(self, gap: float, clock: Clock) -> None:
        """Bring the dual about as low as it can be.

        Parameters
        ----------
        gap : float
            Asked relative gap.
        clock : Clock
        """
        options = self._options
        box_size = options.first_box
        columns = self._list_at_least(options.price_columns)
        for _ in range(options.rounds):
            now, box = self._best, self._box(box_size)
            found = self._least_dual(columns, box, clock.left) if clock.left > 0 else None
            if found is None:
                return
            point, model = found
            may_be_left = options.dual_gaps * gap * abs(now.dual)
            promised = now.dual - model
            if promised <= may_be_left:
                return
            then = self._look(point)
            inside = box.holds_inside(point)
            if now.dual - then.dual < options.enough_gain * promised:
                box_size *= options.shrinkage
            elif not inside:
                box_size *= options.growth
            if then.dual < now.dual:
                self._best = then
            # the columns that the model makes use of cost nothing at its own lowest point
            if then.dual < now.dual or (inside and then.dual - now.dual <= gap * abs(now.dual)):
                self._now, self._listed = then, None
            if inside and then.dual - model <= may_be_left:
                return
            more = self._list_at(then)
            if self._now is then:
                self._listed = more
            columns = columns.joined(more, self.prices)
            columns = columns.of_least_regret(options.most_price_columns)

    def allocations(self, gap: float, clock: Clock) -> Iterator[MasterSolution]:
        """Find allocations of more and more columns.

        Parameters
        ----------
        gap : float
            Asked relative gap.
        clock : Clock

        Yields
        ------
        MasterSolution
        """
        last = -1
        for count in self._options.tries:
            if clock.left <= 0:
                return
            columns = self._list_at_least(count).of_least_regret(count)
            if len(columns.customer) == last:
                return
            last = len(columns.customer)
            yield self._best_allocation(columns, gap, clock.left)

    # ---- columns

    def _look(self, point: NDArray[np.float64]) -> _Point:
        """Everybody's best choice at a point, in float64."""
        prices = self._space.prices(point)
        chosen, _ = self._lagrangian.choose(prices)
        found = exact_dual(self._repair, self._lagrangian, chosen, prices)
        return _Point(point, found.reduced, found.chosen, found.bound)

    def _list_at(self, point: _Point) -> Columns:
        return list_columns(
            self._problem, point.reduced, point.chosen, self._largest_regret, self._column_options
        )

    def _list_at_least(self, enough: int) -> Columns:
        """Everybody's best choice, and at least so many of least regret beside them, where there are."""
        now, columns, customers = self._now, self._listed, self._problem.customers
        while columns is None or len(columns.customer) - customers < enough:
            if columns is not None:
                is_complete = self._largest_regret > abs(now.dual)
                if columns.unlisted_regret < self._largest_regret or is_complete:
                    break
                self._largest_regret *= self._options.regret_growth
            columns = self._list_at(now)
        self._listed = columns
        return columns

    # ---- programmes

    def _box(self, size: float) -> _Box:
        """A box about the best point; size: in typical worths per typical coupon."""
        space, at = self._space, self._best.at
        coupon = self._typical_worth * self._per_coupon[space.row] / space.scale
        low = np.maximum(0.0, at - size * coupon)
        return _Box(low, np.minimum(space.highest, at + size * coupon), space.highest)

    def _least_dual(
        self, columns: Columns, box: _Box, time_limit: float
    ) -> tuple[NDArray[np.float64], float] | None:
        """Where in a box the dual of the master is least, and its value there."""
        problem, space = self._problem, self._space
        count, customers = len(columns.customer), problem.customers
        side = space.sign * space.scale
        owner = sp.csr_array(
            (np.ones(count), (np.arange(count), columns.customer)), shape=(count, customers)
        )
        paid = sp.csr_array(columns.weight[:, space.row] @ sp.diags_array(side))
        bound = np.where(space.sign > 0, problem.upper[space.row], problem.lower[space.row])
        free = np.full(customers, np.inf)
        programme = Programme(
            np.concatenate([np.ones(customers), side * bound]),
            sp.csr_array(sp.hstack([owner, paid], format="csr")),
            columns.worth,
            np.full(count, np.inf),
            np.concatenate([free, box.high]),
            np.concatenate([-free, box.low]),
        )
        iterations = self._options.simplex_iterations
        found = solve_programme(programme, time_limit, simplex_iteration_limit=iterations)
        if found.status != OPTIMAL or found.x is None or found.value is None:
            return None
        return np.clip(found.x[customers:], box.low, box.high), float(found.value)

    def _best_allocation(self, columns: Columns, gap: float, time_limit: float) -> MasterSolution:
        """About the best allocation of these columns, and what no allocation can exceed."""
        found = solve_programme(
            self._programme(columns),
            time_limit,
            mip_rel_gap=self._options.stopping_gaps * gap,
            node_limit=self._options.nodes,
        )
        bound = np.inf
        if found.status == INFEASIBLE:
            bound = -np.inf
        elif found.bound is not None:
            bound = -found.bound + self._rounding + SUMMATION_ERROR * abs(found.bound)
        bound = max(bound, self._now.dual - columns.unlisted_regret + self._rounding)
        if found.x is None:
            return MasterSolution(None, bound)
        taken = np.flatnonzero(found.x[: len(columns.customer)] > 0.5)
        chosen = np.zeros(self._problem.candidates, np.uint8)
        chosen[columns.candidates[taken].indices] = 1
        return MasterSolution(chosen, bound)

    def _programme(self, columns: Columns) -> Programme:
        """Choose one column of each customer; a soft row has two variables more, for violation below and above."""
        problem = self._problem
        count, customers = len(columns.customer), problem.customers
        owner = sp.csr_array(
            (np.ones(count), (columns.customer, np.arange(count))), shape=(customers, count)
        )
        soft = np.flatnonzero(~problem.hard)
        violation = sp.csr_array(
            (np.ones(len(soft)), (soft, np.arange(len(soft)))),
            shape=(len(problem.lower), len(soft)),
        )
        limits = sp.hstack([columns.weight.T, violation, -violation])
        one_each = sp.hstack([owner, sp.csr_array((customers, 2 * len(soft)))])
        one, penalty = np.ones(customers), problem.penalty[soft]
        return Programme(
            np.concatenate([-columns.worth, penalty, penalty]),
            sp.csr_array(sp.vstack([limits, one_each], format="csr")),
            np.concatenate([problem.lower - self._activity_rounding, one]),
            np.concatenate([problem.upper + self._activity_rounding, one]),
            np.concatenate([np.ones(count), np.full(2 * len(soft), np.inf)]),
            integrality=np.concatenate([np.ones(count), np.zeros(2 * len(soft))]),
        )
