"""Customers' rows, sums and numbers of groups, as rows of a mixed-integer programme over undecided candidates.

A row binds wherever a candidate of it is given. Where nothing is within its bounds that makes no difference. Where it
is not, each undecided candidate asks for the bound by itself: ``sum >= low * x`` for every one of them. Of a row that
counts groups each group has a variable: whether something of it is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...kernels.row_layout import NO_BOUND, NO_GROUP
from ...utils.lazy_imports import sparse as sp
from ..row_tables.customer_rows import CustomerRowTable

Terms = list[tuple[int, float]]
"""Columns and coefficients of a row."""


@dataclass
class SumRows:
    """Rows lower <= matrix @ x <= upper, where x are undecided candidates, then variables of groups, from 0 to 1.

    Attributes
    ----------
    candidates : int
        Columns of undecided candidates.
    groups : int
        Columns of groups.
    """

    candidates: int
    groups: int = 0
    _rows: list[Terms] = field(default_factory=list)
    _lower: list[float] = field(default_factory=list)
    _upper: list[float] = field(default_factory=list)

    @classmethod
    def of(
        cls, table: CustomerRowTable, fixed: NDArray[np.bool_], number: NDArray[np.int64], n: int
    ) -> SumRows:
        """Write the rows that have undecided candidates.

        Parameters
        ----------
        table : CustomerRowTable
        fixed : ndarray of bool, shape (n_candidates,)
            Candidates that are allocated and no variables.
        number : ndarray of int64, shape (n_candidates,)
            Column of each undecided candidate, -1 for others.
        n : int
            How many are undecided.

        Returns
        -------
        SumRows
        """
        rows = cls(n)
        some, held = table.come_to(fixed)
        for r in range(len(table)):
            theirs = slice(table.ptr[r], table.ptr[r + 1])
            column, weight = number[table.member[theirs]], table.weight[theirs]
            undecided = column >= 0
            if not undecided.any():
                continue
            low, high = int(table.low[r]), int(table.high[r])
            if table.counts_groups[r]:
                had = weight[fixed[table.member[theirs]]]
                fresh = undecided & ~np.isin(weight, had) & (weight != NO_GROUP)
                terms = rows._count_groups(column, weight, fresh)
                members = column[undecided].tolist()
            else:
                terms = list(
                    zip(column[undecided].tolist(), weight[undecided].tolist(), strict=True)
                )
                members = [at for at, _ in terms]
            rows._bind(terms, members, low, high, int(held[r]), bool(some[r]))
        return rows

    def _add(self, terms: Terms, low: float, high: float) -> None:
        self._rows.append(terms)
        self._lower.append(low)
        self._upper.append(high)

    def _count_groups(
        self, column: NDArray[np.int64], group: NDArray[np.int64], fresh: NDArray[np.bool_]
    ) -> Terms:
        """A variable for each group of candidates: 1 if and only if one of them is given."""
        terms: Terms = []
        for g in np.unique(group[fresh]).tolist():
            of_group = column[fresh & (group == g)].tolist()
            at = self.candidates + self.groups
            self.groups += 1
            terms.append((at, 1.0))
            self._add([(at, 1.0)], 0.0, 1.0)
            self._add([(at, 1.0), *((t, -1.0) for t in of_group)], -math.inf, 0.0)
            for t in of_group:
                self._add([(at, 1.0), (t, -1.0)], 0.0, math.inf)
        return terms

    def _bind(
        self, terms: Terms, members: list[int], low: int, high: int, held: int, binds: bool
    ) -> None:
        """Bounds on the sum of some terms and what is held: wherever one of the members is given, or in any case."""
        unit = math.gcd(*(int(weight) for _, weight in terms)) or 1
        terms = [(at, weight / unit) for at, weight in terms if weight]
        for bound, sign in ((low, 1), (high, -1)):
            if abs(bound) >= NO_BOUND:
                if bound * sign > 0:  # no sum reaches it
                    for t in members:
                        self._add([(t, 1.0)], 0.0, 0.0)
                continue
            # sign * sum >= sign * (bound - held), in whole units of all weights: rounded up
            asked = -((-sign * (bound - held)) // unit)
            signed = [(at, sign * weight) for at, weight in terms]
            if binds or asked <= 0:
                self._add(signed, float(asked), math.inf)
                continue
            for t in members:
                self._add([*signed, (t, -float(asked))], 0.0, math.inf)

    def matrix(self) -> sp.csr_array:
        """The coefficients; entries of one column in a row are added up.

        Returns
        -------
        CSR array, shape (n_rows, candidates + groups)
        """
        row = np.repeat(np.arange(len(self._rows)), [len(terms) for terms in self._rows])
        terms = [term for terms in self._rows for term in terms]
        column = np.array([at for at, _ in terms], np.int64)
        weight = np.array([weight for _, weight in terms], float)
        shape = len(self._rows), self.candidates + self.groups
        return sp.csr_array((weight, (row, column)), shape=shape)

    @property
    def lower(self) -> NDArray[np.float64]:
        """Lower bounds, shape (n_rows,)."""
        return np.array(self._lower, float)

    @property
    def upper(self) -> NDArray[np.float64]:
        """Upper bounds, shape (n_rows,)."""
        return np.array(self._upper, float)
