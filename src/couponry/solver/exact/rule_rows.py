"""Customer rules as rows of a mixed-integer programme over undecided candidates.

Minimums that a customer cannot reach are asked for as far as it can. Where several minimums of a customer share a
shortfall, a variable for each says how much of it falls on that minimum, and a row keeps their sum to what it must be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.lazy_imports import sparse as sp
from ..cardinality_constraints import CardinalityConstraints
from ..problem import Problem
from ..row_tables.customer_rows import CustomerRowTable
from .sum_rows import SumRows


@dataclass(frozen=True)
class RuleRows:
    """Rows lower <= matrix @ x <= upper, where x are the undecided candidates, then variables of groups and shortfalls.

    Attributes
    ----------
    matrix : CSR array, shape (n_rows, n_variables + group_variables + shortfall_variables)
    lower, upper : ndarray of float64, shape (n_rows,)
    shortfall_variables : int
        Continuous variables from 0 up.
    shortfall : int
        Their sum in every choice that misses as little as can be, in coupons; it may not be more.
    group_variables : int
        Continuous variables from 0 to 1: whether something of a group is given, where groups are counted.
    """

    matrix: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    shortfall_variables: int = 0
    shortfall: int = 0
    group_variables: int = 0


def rule_rows(
    problem: Problem,
    fixed: NDArray[np.bool_],
    variables: NDArray[np.int64],
    least_shortfall: NDArray[np.uint8],
) -> RuleRows:
    """Write the customer rules as rows over undecided candidates.

    Parameters
    ----------
    problem : Problem
    fixed : ndarray of bool, shape (n_candidates,)
        Candidates that are allocated and no variables.
    variables : ndarray of int64, shape (n_variables,)
        Positions of the undecided candidates.
    least_shortfall : ndarray of uint8, shape (n_candidates,)
        A choice that misses as little as can be of each customer's minimums and mandatory candidates.

    Returns
    -------
    RuleRows
    """
    constraints = CardinalityConstraints.of(problem.shard, problem.rules)
    sums = CustomerRowTable.of(problem.rules, problem.shard.indptr)
    return _Builder(problem, fixed, variables, constraints, sums, least_shortfall).rows()


@dataclass(frozen=True)
class _Minimums:
    """What rules ask of each customer at least.

    coupons: int64 (n_customers,). members: float64, of each cardinality constraint, -inf for none. is_shared: bool
    (n_customers,), whether several minimums share a shortfall of `shortfall` coupons, int64 (n_customers,). least:
    int64, what each constraint asks for. None asks for more than its own maximum allows, which the history may have
    used up: that much is missed in any case.
    """

    coupons: NDArray[np.int64]
    members: NDArray[np.float64]
    is_shared: NDArray[np.bool_]
    shortfall: NDArray[np.int64]
    least: NDArray[np.int64]


def _reachable_minimums(
    problem: Problem, constraints: CardinalityConstraints, least_shortfall: NDArray[np.uint8]
) -> _Minimums:
    """Minimums as far as customers can have them, as told by a choice that misses least."""
    n = problem.customers
    allocated = least_shortfall.astype(bool)
    count = np.bincount(problem.customer_of()[allocated], minlength=n)
    lower = np.broadcast_to(np.minimum(problem.rules.lower, problem.rules.upper), n).astype(
        np.int64
    )
    held = constraints.held(allocated)
    owner, least = constraints.customer, np.minimum(constraints.least, constraints.cap)
    asking = (least > 0) & ~constraints.mandatory
    missing = np.where(asking, np.maximum(0, least - held), 0)
    shortfall = np.maximum(0, lower - count) + np.bincount(owner, missing, n).astype(np.int64)
    minimums = (lower > 0).astype(np.int64) + np.bincount(owner[asking], minlength=n)
    is_shared = (shortfall > 0) & (minimums > 1)
    as_reached = constraints.mandatory | ~is_shared[owner]
    members = np.where(as_reached, np.minimum(least, held), least)
    return _Minimums(
        np.where(is_shared, lower, np.minimum(lower, count)),
        np.where(least > 0, members, -np.inf),
        is_shared,
        shortfall,
        least,
    )


class _Builder:
    """The parts of the rows, one kind of rule after the other."""

    def __init__(
        self,
        problem: Problem,
        fixed: NDArray[np.bool_],
        variables: NDArray[np.int64],
        constraints: CardinalityConstraints,
        sums: CustomerRowTable,
        least_shortfall: NDArray[np.uint8],
    ):
        self._problem, self._fixed, self._variables = problem, fixed, variables
        self._constraints, self._sums = constraints, sums
        self._customer = problem.customer_of()
        self._minimums = _reachable_minimums(problem, constraints, least_shortfall)
        # customers who have undecided candidates, and whose each one is among them
        self._who, self._position = np.unique(self._customer[variables], return_inverse=True)

    def rows(self) -> RuleRows:
        """All rows: coupons by customer, groups, sums, cardinality constraints, shortfalls."""
        members, there = self._constraint_rows()
        sums = SumRows.of(self._sums, self._fixed, self._number(), len(self._variables))
        before, after = [self._coupon_rows(), *self._group_rows()], [members]
        counted = RuleRows(sums.matrix(), sums.lower, sums.upper)
        parts = [*before, counted, *after]
        matrices = [*_widened(before, sums.groups), counted.matrix, *_widened(after, sums.groups)]
        rows = RuleRows(
            sp.csr_array(sp.vstack(matrices, format="csr")),
            np.concatenate([part.lower for part in parts]),
            np.concatenate([part.upper for part in parts]),
            group_variables=sums.groups,
        )
        return self._with_shortfalls(rows, rows.matrix.shape[0] - len(there), there)

    def _number(self) -> NDArray[np.int64]:
        """Column of each undecided candidate, -1 for others."""
        number = np.full(self._problem.candidates, -1)
        number[self._variables] = np.arange(len(self._variables))
        return number

    def _coupon_rows(self) -> RuleRows:
        """At least and at most so many coupons of each customer."""
        n = self._problem.customers
        count = np.bincount(self._customer[self._fixed], minlength=n)
        upper = np.broadcast_to(self._problem.rules.upper, n)
        return RuleRows(
            _indicator(self._position, len(self._who)),
            (self._minimums.coupons - count)[self._who].astype(float),
            (upper.astype(np.int64) - count)[self._who].astype(float),
        )

    def _group_rows(self) -> list[RuleRows]:
        """At most so many of a group, for customers whose rules are laminar groups: rows of one rule each."""
        rules, customer = self._problem.rules, self._customer
        is_grouped = np.ones(self._problem.customers, bool)
        is_grouped[self._constraints.customer] = is_grouped[self._sums.customer] = False
        parts = []
        for rule, group in enumerate(rules.group):
            of_candidate = group[self._problem.shard.item].astype(np.int64)
            of_candidate[~is_grouped[customer]] = -1
            cap = np.broadcast_to(rules.cap[rule], self._problem.customers)
            key = np.where(of_candidate >= 0, customer * rules.groups + of_candidate, -1)
            inside = key[self._variables] >= 0
            cell, position = np.unique(key[self._variables][inside], return_inverse=True)
            count = np.zeros(len(cell), np.int64)
            taken = key[self._fixed]
            taken = taken[np.isin(taken, cell)]
            np.add.at(count, np.searchsorted(cell, taken), 1)
            row = np.full(len(self._variables), -1)
            row[inside] = position
            upper = cap[cell // rules.groups] - count.astype(float)
            parts.append(RuleRows(_indicator(row, len(cell)), np.full(len(cell), -np.inf), upper))
        return parts

    def _constraint_rows(self) -> tuple[RuleRows, NDArray[np.int64]]:
        """Bounds of the cardinality constraints that have undecided members, and which constraints these are."""
        constraints, variables, number = self._constraints, self._variables, self._number()
        inside = number[constraints.member] >= 0
        there, row = np.unique(constraints.member_of[inside], return_inverse=True)
        held = constraints.held(self._fixed)[there].astype(float)
        members = sp.csr_array(
            (np.ones(len(row)), (row, number[constraints.member[inside]])),
            shape=(len(there), len(variables)),
        )
        lower, upper = self._minimums.members[there] - held, constraints.cap[there] - held
        return RuleRows(members, lower, upper), there

    def _shortfall_left(self, there: NDArray[np.int64]) -> NDArray[np.int64]:
        """What is left of each customer's shortfall once constraints without undecided members have their part."""
        constraints = self._constraints
        is_decided = np.ones(len(constraints.customer), bool)
        is_decided[there] = False
        missing = np.maximum(0, self._minimums.least - constraints.held(self._fixed))
        decided = np.where(is_decided & ~constraints.mandatory, missing, 0)
        by_customer = np.bincount(constraints.customer, decided, self._problem.customers)
        return np.asarray(self._minimums.shortfall - by_customer.astype(np.int64))

    def _with_shortfalls(
        self, rows: RuleRows, first_constraint: int, there: NDArray[np.int64]
    ) -> RuleRows:
        """The rows with a variable for what each minimum of some customers misses, and a row for a customer's sum.

        first_constraint: number of the first row of a cardinality constraint. there: which constraints have rows.
        """
        constraints, is_shared = self._constraints, self._minimums.is_shared
        owner = constraints.customer[there]
        total = np.flatnonzero(is_shared[self._who])
        asking = (self._minimums.least[there] > 0) & ~constraints.mandatory[there]
        of_constraint = np.flatnonzero(is_shared[owner] & asking)
        row = np.concatenate([total, first_constraint + of_constraint])
        customer = np.concatenate([self._who[total], owner[of_constraint]])
        if len(row) == 0:
            return rows
        left = self._shortfall_left(there)
        ones, column = np.ones(len(row)), np.arange(len(row))
        spare = sp.csr_array((ones, (row, column)), shape=(rows.matrix.shape[0], len(row)))
        whom, position = np.unique(customer, return_inverse=True)
        together = sp.csr_array((ones, (position, column)), shape=(len(whom), len(row)))
        nothing = sp.csr_array((len(whom), rows.matrix.shape[1]))
        matrix = sp.vstack(
            [sp.hstack([rows.matrix, spare]), sp.hstack([nothing, together])], format="csr"
        )
        return RuleRows(
            sp.csr_array(matrix),
            np.concatenate([rows.lower, np.full(len(whom), -np.inf)]),
            np.concatenate([rows.upper, left[whom].astype(float)]),
            len(row),
            int(left[whom].sum()),
            rows.group_variables,
        )


def _indicator(row: NDArray[np.int64], rows: int) -> sp.csr_array:
    """1 where a variable (column) is in a row; -1: in none."""
    inside = np.flatnonzero(row >= 0)
    return sp.csr_array((np.ones(len(inside)), (row[inside], inside)), shape=(rows, len(row)))


def _widened(parts: list[RuleRows], columns: int) -> list[sp.csr_array]:
    """The rows of some parts, with so many columns more that are in none of them."""
    return [
        sp.csr_array(sp.hstack([part.matrix, sp.csr_array((len(part.lower), columns))]))
        for part in parts
    ]
