"""The exact core: HiGHS decides the candidates that good prices leave undecided.

Forcing one candidate the other way costs at least its regret. Where that takes the bound below an allocation already
known, the candidate's decision is fixed (reduced-cost variable fixing; Nemhauser and Wolsey 1988, II.5.2), and only the
rest goes into a mixed-integer programme. Solved to the end, it gives the campaign's true optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.lazy_imports import sparse as sp
from ..dual.lagrangian import SUMMATION_ERROR
from ..highs import INFEASIBLE, OPTIMAL, Outcome, solve_programme
from ..linear_terms import usage_by_candidate
from ..options import CoreOptions
from ..problem import Problem
from ..programme import Programme
from ..row_tables.customer_rows import CustomerRowTable
from .rule_rows import RuleRows, rule_rows


@dataclass(frozen=True)
class Core:
    """A problem some of whose candidates are decided.

    Attributes
    ----------
    problem : Problem
    chosen : ndarray of uint8, shape (n_candidates,)
        A choice, of which candidates that are not free stay as they are.
    free : ndarray of bool, shape (n_candidates,)
        Candidates left to decide.
    least_shortfall : ndarray of uint8, shape (n_candidates,)
        A choice that misses as little as can be of each customer's minimums and mandatory candidates, which tells how
        much that is.
    """

    problem: Problem
    chosen: NDArray[np.uint8]
    free: NDArray[np.bool_]
    least_shortfall: NDArray[np.uint8]


@dataclass(frozen=True)
class CoreLimits:
    """How far HiGHS need go.

    Attributes
    ----------
    tolerance : float
        Distance from the best objective at which it may stop.
    expected : float
        The whole campaign's best objective, about; the tolerance is made relative by it.
    time_limit : float
        Seconds.
    nodes : int
        Nodes of its search, at most: a limit on work, so that every run ends alike.
    """

    tolerance: float
    expected: float
    time_limit: float
    nodes: int


@dataclass(frozen=True)
class CoreSolution:
    """What HiGHS made of a core.

    Attributes
    ----------
    chosen : ndarray of uint8, shape (n_candidates,), or None
        None where HiGHS found nothing within its limits.
    bound : float
        No choice that differs in free candidates only is worth more.
    infeasible : bool
        True if no such choice keeps all hard rows.
    is_best : bool
        True if HiGHS searched to the end: the bound is above the choice by tolerances alone.
    """

    chosen: NDArray[np.uint8] | None
    bound: float
    infeasible: bool
    is_best: bool = False


def solve_core(core: Core, limits: CoreLimits, options: CoreOptions) -> CoreSolution:
    """Find the best choice that differs from the given one in free candidates only.

    Parameters
    ----------
    core : Core
    limits : CoreLimits
    options : CoreOptions

    Returns
    -------
    CoreSolution
    """
    programme = _CoreProgramme(core, options)
    if programme.is_empty:
        return programme.decided()
    found = programme.solve(limits)
    if found.status == INFEASIBLE:
        return CoreSolution(None, -np.inf, True)
    bound = programme.bound(found)  # infinite where HiGHS is not sure
    if found.x is None:
        return CoreSolution(None, bound, False)
    chosen = core.chosen.copy()
    chosen[programme.variables] = found.x[: len(programme.variables)] > 0.5
    sums = CustomerRowTable.of(core.problem.rules, core.problem.shard.indptr)
    if not sums.kept_by(chosen.astype(bool)).all():  # HiGHS keeps large sums to its tolerance alone
        return CoreSolution(None, bound, False)
    return CoreSolution(chosen, bound, False, found.status == OPTIMAL and limits.tolerance == 0)


class _CoreProgramme:
    """The mixed-integer programme of a core.

    Its variables are the free candidates, groups that are counted, the shortfalls of minimums, and for each soft row
    what it is violated by below and above.
    """

    def __init__(self, core: Core, options: CoreOptions):
        problem = core.problem
        self._core = core
        self.variables = np.flatnonzero(core.free)
        is_fixed = core.chosen.astype(bool) & ~core.free
        usage = problem.usage(np.flatnonzero(is_fixed))
        self._activity = problem.rows @ usage.ravel()  # of fixed candidates
        self._fixed_worth = float((problem.objective * usage).sum())
        size = problem.usage_size(np.flatnonzero(is_fixed))
        self._activity_rounding = problem.activity_rounding(size)
        self._rounding = problem.objective_rounding(size)
        terms = usage_by_candidate(problem, self.variables)
        objective = problem.objective.reshape(1, -1) @ terms
        self._soft = np.flatnonzero(~problem.hard)
        self._rules = rule_rows(problem, is_fixed, self.variables, core.least_shortfall)
        mean_worth = float(np.abs(objective).mean()) if objective.any() else 1.0
        shortfall_cost = options.shortfall_cost * mean_worth
        self._cost_of_shortfall = shortfall_cost * self._rules.shortfall
        penalty = problem.penalty[self._soft]
        shortfalls = np.full(self._rules.shortfall_variables, shortfall_cost)
        groups = np.zeros(self._rules.group_variables)
        self._cost = np.concatenate([-objective.ravel(), groups, shortfalls, penalty, penalty])
        self._matrix = self._rows(sp.csr_array(problem.rows @ terms), self._rules)

    def _rows(self, weights: sp.csr_array, rules: RuleRows) -> sp.csr_array:
        """The limits' rows, then the customer rules'."""
        soft, rows = self._soft, weights.shape[0]
        violation = sp.csr_array(
            (np.ones(len(soft)), (soft, np.arange(len(soft)))), shape=(rows, len(soft))
        )
        nothing = sp.csr_array((rows, rules.group_variables + rules.shortfall_variables))
        limits = sp.hstack([weights, nothing])
        sides = sp.hstack([violation, -violation])
        no_rules = sp.csr_array((rules.matrix.shape[0], 2 * len(soft)))
        return sp.csr_array(
            sp.hstack(
                [sp.vstack([limits, rules.matrix]), sp.vstack([sides, no_rules])], format="csr"
            )
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to decide."""
        return len(self.variables) + len(self._soft) == 0

    def decided(self) -> CoreSolution:
        """The solution where there is nothing to decide."""
        problem, chosen = self._core.problem, self._core.chosen
        violated = bool(problem.violation(self._activity)[problem.hard].any())
        return CoreSolution(None if violated else chosen.copy(), self._fixed_worth, violated)

    def solve(self, limits: CoreLimits) -> Outcome:
        """What HiGHS says."""
        problem, rules = self._core.problem, self._rules
        size = abs(limits.expected - self._fixed_worth - self._cost_of_shortfall)
        lower = problem.lower - self._activity - self._activity_rounding
        upper = problem.upper - self._activity + self._activity_rounding
        binary, continuous = len(self.variables), len(self._cost) - len(self.variables)
        programme = Programme(
            self._cost,
            self._matrix,
            np.concatenate([lower, rules.lower]),
            np.concatenate([upper, rules.upper]),
            np.concatenate([np.ones(binary), np.full(continuous, np.inf)]),
            integrality=np.concatenate([np.ones(binary), np.zeros(continuous)]),
        )
        return solve_programme(
            programme,
            limits.time_limit,
            mip_rel_gap=min(0.5, limits.tolerance / max(size, 1e-300)),
            **({} if limits.tolerance > 0 else {"mip_abs_gap": 0.0}),
            node_limit=limits.nodes,
        )

    def bound(self, found: Outcome) -> float:
        """HiGHS's bound on the objective, raised by what sums may be off; infinite where it has none."""
        if found.bound is None:
            return np.inf
        shortfall = self._cost_of_shortfall
        worth = self._fixed_worth + shortfall - found.bound
        sizes = abs(self._fixed_worth) + shortfall + abs(found.bound)
        return float(worth + self._rounding + SUMMATION_ERROR * sizes)
