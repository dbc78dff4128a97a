"""The fewest coupons that a customer can miss of its minimums: HiGHS on one customer whose search was cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...kernels.set_layout import MANDATORY_WEIGHT
from ...utils.lazy_imports import sparse as sp
from ..cardinality_constraints import CardinalityConstraints
from ..highs import solve_programme
from ..problem import Problem
from ..programme import Programme
from ..row_tables.customer_rows import CustomerRowTable
from .sum_rows import SumRows

A_COUPON_MISSED = 3.0
"""Cost of a missed coupon, where all of a customer's values together come to 1: no choice makes up for one. A mandatory
candidate costs more than all coupons that others can miss."""


class LeastMissing:
    """What customers miss of their minimums and mandatory candidates, and choices that miss as little as can be.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem):
        self._problem = problem
        self._constraints = CardinalityConstraints.of(problem.shard, problem.rules)
        self._rows = CustomerRowTable.of(problem.rules, problem.shard.indptr)
        n = problem.customers
        self._lower = np.broadcast_to(problem.rules.lower, n).astype(np.int64)
        self._upper = np.broadcast_to(problem.rules.upper, n).astype(np.int64)
        self._weight = np.where(self._constraints.mandatory, MANDATORY_WEIGHT, 1)
        self._nothing = np.zeros(problem.candidates, bool)
        self._number = np.full(problem.candidates, -1)

    def missed(self, chosen: NDArray[np.uint8]) -> NDArray[np.int64]:
        """What each customer who is searched misses, as the kernels weigh it; 0 of all others.

        Parameters
        ----------
        chosen : ndarray of uint8, shape (n_candidates,)

        Returns
        -------
        ndarray of int64, shape (n_customers,)
        """
        problem, constraints, n = self._problem, self._constraints, self._problem.customers
        is_given = chosen.astype(bool)
        short = np.maximum(0, constraints.least - constraints.held(is_given)) * self._weight
        missed = np.bincount(constraints.customer, short, n).astype(np.int64)
        count = np.bincount(problem.customer_of()[is_given], minlength=n)
        missed += np.maximum(0, self._lower - count)
        is_searched = np.zeros(n, bool)
        is_searched[constraints.customer] = is_searched[self._rows.customer] = True
        return np.where(is_searched, missed, 0)

    def choice(
        self, customer: int, value: NDArray[np.float64], nodes: int, time_limit: float | None = None
    ) -> NDArray[np.uint8] | None:
        """Ask for a choice that misses as little as can be, and of those for one that is worth most.

        Parameters
        ----------
        customer : int
            Row number.
        value : ndarray of float64, shape (n_candidates_of_the_customer,)
        nodes : int
            Of HiGHS's search, at most.
        time_limit : float, optional
            Seconds; default: none.

        Returns
        -------
        ndarray of uint8, shape (n_candidates_of_the_customer,), or None
            None where HiGHS found nothing that keeps all rules.
        """
        found = solve_programme(self._programme(customer, value), time_limit, node_limit=nodes)
        if found.x is None:
            return None
        chosen = found.x[: len(value)] > 0.5
        first = self._problem.shard.indptr[customer]
        its, whole = slice(first, first + len(value)), self._nothing
        whole[its] = chosen
        is_kept = self._rows_of(customer).kept_by(whole).all()
        whole[its] = False
        return chosen.astype(np.uint8) if is_kept else None

    def _rows_of(self, customer: int) -> CustomerRowTable:
        """The rows of one customer."""
        rows = self._rows
        first, last = np.searchsorted(rows.customer, [customer, customer + 1])
        kept, entries = slice(first, last), slice(rows.ptr[first], rows.ptr[last])
        return replace(
            rows,
            customer=rows.customer[kept],
            begin=rows.begin[kept],
            rule=rows.rule[kept],
            counts_groups=rows.counts_groups[kept],
            low=rows.low[kept],
            high=rows.high[kept],
            ptr=rows.ptr[first : last + 1] - rows.ptr[first],
            member=rows.member[entries],
            weight=rows.weight[entries],
        )

    def _programme(self, customer: int, value: NDArray[np.float64]) -> Programme:
        """Variables: candidates, groups that are counted, what each minimum misses, and what their number misses."""
        constraints, number, n = self._constraints, self._number, len(value)
        first = int(self._problem.shard.indptr[customer])
        number[first : first + n] = np.arange(n)
        sums = SumRows.of(self._rows_of(customer), self._nothing, number, n)
        number[first : first + n] = -1
        mine = slice(*np.searchsorted(constraints.customer, [customer, customer + 1]).tolist())
        begin, end = np.searchsorted(constraints.member_of, [mine.start, mine.stop]).tolist()
        row, column = constraints.member_of[begin:end], constraints.member[begin:end]
        count = mine.stop - mine.start
        members = sp.csr_array(
            (np.ones(end - begin), (row - mine.start, column - first)), shape=(count, n)
        )
        counts = sp.vstack([members, np.ones((1, n))])
        least = np.append(constraints.least[mine], self._lower[customer])
        cap = np.append(constraints.cap[mine], self._upper[customer]).astype(float)
        asks = len(least)
        none = np.full(asks, np.inf)
        between, missing = sp.csr_array((asks, sums.groups)), sp.eye_array(asks)
        matrix = sp.vstack(
            [
                sp.hstack([sums.matrix(), sp.csr_array((len(sums.lower), asks))]),
                sp.hstack([counts, between, sp.csr_array((asks, asks))]),
                sp.hstack([counts, between, missing]),
            ],
            format="csr",
        )
        size = float(np.abs(value).sum()) or 1.0
        is_mandatory = np.append(constraints.mandatory[mine], False)
        weight = np.where(is_mandatory, 1.0 + least[~is_mandatory].sum(), 1.0)
        others = sums.groups + asks
        return Programme(
            np.concatenate([-value / size, np.zeros(sums.groups), A_COUPON_MISSED * weight]),
            sp.csr_array(matrix),
            np.concatenate([sums.lower, -none, least.astype(float)]),
            np.concatenate([sums.upper, cap, none]),
            np.concatenate([np.ones(n), np.full(others, np.inf)]),
            integrality=np.concatenate([np.ones(n), np.zeros(others)]),
        )
