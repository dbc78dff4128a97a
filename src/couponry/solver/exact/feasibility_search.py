"""A first allocation: HiGHS lessens what limits are violated by, a few hundred candidates at a time.

Where limits are corridors hardly wider than one coupon's weight, moves of single coupons end a little off some of them,
and HiGHS finds nothing for long in the whole campaign. Among the candidates of some customers it soon finds choices
under which limits are violated less. These customers are drawn by lot, the sooner the more of their candidates weigh in
limits that are violated; everything else stays as it is. Then others are drawn (Shaw 1998). No step violates more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...utils.clock import Clock
from ...utils.lazy_imports import sparse as sp
from ..linear_terms import terms_by_candidate
from ..options import SolverOptions
from ..primal.repair import MeasuredChoice, Repair
from .core_milp import Core
from .elastic_core import ElasticCore

STREAM = 0x66656173
"""Tells these random draws apart from others of the same seed."""


class FeasibilitySearch:
    """Choices of a problem that violate its limits less and less.

    Parameters
    ----------
    repair : Repair
        Of the problem.
    ideal : ndarray of uint8, shape (n_candidates,)
        Everybody's best choice at some prices.
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        What usage is worth at the prices.
    seed : int
        Draws the lots.
    clock : Clock
    options : SolverOptions
    """

    def __init__(
        self,
        repair: Repair,
        ideal: NDArray[np.uint8],
        reduced: NDArray[np.float64],
        seed: int,
        clock: Clock,
        options: SolverOptions,
    ):
        self._repair, self._problem = repair, repair.problem
        self._ideal, self._reduced = ideal, reduced
        self._random = np.random.default_rng([STREAM, seed])
        self._clock, self._options = clock, options.feasibility
        self._customer = self._problem.customer_of()
        self._count = np.diff(self._problem.shard.indptr)
        _, weight = terms_by_candidate(self._problem)
        self._weighs = sp.csr_array(weight != 0)
        self._size = float(self._options.first_candidates)
        self._now: MeasuredChoice | None = None

    def run(self) -> MeasuredChoice | None:
        """Search until nothing is violated; called again, it goes on where it ended.

        Returns
        -------
        MeasuredChoice or None
            An allocation that keeps all limits, filled; None: not found.
        """
        options, clock = self._options, self._clock
        enough = (1.0 - options.time_share) * clock.left if np.isfinite(clock.left) else 0.0
        now = self._now or self._repair.repair_and_fill(self._ideal, self._reduced, clock.check)
        violation, idle = self._violation(now), 0
        for _ in range(options.rounds):
            if now.feasible or idle >= options.patience or clock.left <= enough:
                break
            then, is_least = self._step(now)
            left = violation.sum() if then is None else self._violation(then).sum()
            is_better = left < (1.0 - options.progress) * violation.sum()
            if then is not None and left <= violation.sum():
                now, violation = then, self._violation(then)
            idle = 0 if is_better else idle + 1
            if not is_better:
                factor = options.growth if is_least else options.shrinkage
                self._size = max(options.least_candidates, self._size * factor)
        self._now = now
        if not now.feasible:
            return None
        filled = self._repair.repair_and_fill(now.chosen, self._reduced, lambda: None)
        return filled if filled.feasible and filled.objective > now.objective else now

    def _step(self, now: MeasuredChoice) -> tuple[MeasuredChoice | None, bool]:
        """Decide some customers' candidates again; and whether HiGHS searched to the end."""
        free = self._draw(self._violation(now) > 0)
        core = Core(self._problem, now.chosen, free, self._ideal)
        elastic = ElasticCore(core, self._repair.limit_rows)
        chosen, is_least = elastic.solve(self._clock.left, self._options.nodes)
        return None if chosen is None else self._repair.measure(chosen), is_least

    def _draw(self, violated: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Draw customers with about so many candidates: bool, (n_candidates,)."""
        n = self._problem.customers
        weighs = (self._weighs @ violated.astype(np.int64)) > 0
        share = np.bincount(self._customer, weighs, n) / np.maximum(1, self._count)
        drawn = self._random.standard_exponential(n) / (self._options.elsewhere + share)
        order = np.argsort(drawn, kind="stable")
        kept = np.cumsum(self._count[order]) <= self._size
        kept[0] = True
        inside = np.zeros(n, bool)
        inside[order[kept]] = True
        return np.asarray(inside[self._customer])

    def _violation(self, choice: MeasuredChoice) -> NDArray[np.float64]:
        """What each hard row is violated by, in typical coupons, (n_rows,)."""
        rows, activity = self._repair.limit_rows, choice.activity
        missed = np.maximum(0.0, np.maximum(rows.lower - activity, activity - rows.upper))
        return np.asarray(missed * rows.weight)
