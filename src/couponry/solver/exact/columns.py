"""Columns: whole choices of single customers, listed with what they are worth and weigh.

Every choice of a customer that keeps its rules, and whose reduced value is near enough to its best one's, is listed.
Of choices that are worth the same and weigh the same in every limit one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...kernels.hashing import scatter
from ...utils.lazy_imports import sparse as sp
from ..linear_terms import terms_by_candidate
from ..options import ColumnOptions
from ..problem import Problem
from ..row_tables.customer_rows import CustomerRowTable
from .choice_search import ChoiceSearch, SearchedProblem, blocks_of_customers, first_of_each
from .rule_constraints import constraints_of_everybody


@dataclass(frozen=True)
class Columns:
    """Choices of customers, ordered by customer, then by falling reduced value.

    Attributes
    ----------
    customer : ndarray of int64, shape (n_columns,)
        Row number of the customer, ascending.
    candidates : CSR array of 0 and 1, shape (n_columns, n_candidates)
        Candidates that the choice contains.
    key : ndarray of uint64, shape (n_columns,)
        The same for choices that are worth and weigh the same.
    worth : ndarray of float64, shape (n_columns,)
        Objective of the choice.
    weight : CSR array of float64, shape (n_columns, n_rows)
        Weight of the choice in each row.
    regret : ndarray of float64, shape (n_columns,)
        How far its reduced value is below that of the customer's best choice.
    unlisted_regret : float
        Every choice that is not listed, nor as good as one that is, has at least this regret.
    """

    customer: NDArray[np.int64]
    candidates: sp.csr_array
    key: NDArray[np.uint64]
    worth: NDArray[np.float64]
    weight: sp.csr_array
    regret: NDArray[np.float64]
    unlisted_regret: float

    def of_least_regret(self, most: int) -> Columns:
        """Keep the best column of each customer, and others of least regret.

        Parameters
        ----------
        most : int
            Others, at most.

        Returns
        -------
        Columns
        """
        others = np.flatnonzero(np.diff(self.customer, prepend=-1) == 0)
        if len(others) <= most:
            return self
        order = np.argsort(self.regret[others], kind="stable")
        left_out = others[order[most:]]
        kept = np.ones(len(self.customer), bool)
        kept[left_out] = False
        unlisted = min(self.unlisted_regret, float(self.regret[left_out].min()))
        return self._only(np.flatnonzero(kept), self.regret, unlisted)

    def joined(self, other: Columns, prices: NDArray[np.float64]) -> Columns:
        """Put these and other columns together, with regrets among each other.

        Parameters
        ----------
        other : Columns
        prices : ndarray of float64, shape (n_rows,)
            Prices that regrets are taken at.

        Returns
        -------
        Columns
        """
        customer = np.concatenate([self.customer, other.customer])
        worth = np.concatenate([self.worth, other.worth])
        weight = sp.csr_array(sp.vstack([self.weight, other.weight], format="csr"))
        key = np.concatenate([self.key, other.key])
        value = worth - weight @ prices
        both = Columns(
            customer,
            sp.csr_array(sp.vstack([self.candidates, other.candidates], format="csr")),
            key,
            worth,
            weight,
            value,
            min(self.unlisted_regret, other.unlisted_regret),
        )
        order = np.lexsort((key, -value, customer))
        kept = order[first_of_each(customer[order], key[order])]
        best = value[kept][np.diff(customer[kept], prepend=-1) > 0]
        regret = np.zeros(len(value))
        regret[kept] = best[customer[kept]] - value[kept]
        return both._only(kept, regret, both.unlisted_regret)

    def _only(
        self, kept: NDArray[np.int64], regret: NDArray[np.float64], unlisted_regret: float
    ) -> Columns:
        return Columns(
            self.customer[kept],
            sp.csr_array(self.candidates[kept]),
            self.key[kept],
            self.worth[kept],
            sp.csr_array(self.weight[kept]),
            regret[kept],
            unlisted_regret,
        )


def list_columns(
    problem: Problem,
    reduced: NDArray[np.float64],
    best: NDArray[np.uint8],
    largest_regret: float,
    options: ColumnOptions,
) -> Columns:
    """List the choices whose regret is small.

    Parameters
    ----------
    problem : Problem
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        What usage is worth at the prices.
    best : ndarray of uint8, shape (n_candidates,)
        Everybody's best choice under it.
    largest_regret : float
        Regret up to which choices are listed.
    options : ColumnOptions
        Its `per_customer` choices of one customer are listed, at most about.

    Returns
    -------
    Columns
    """
    worth, weight = terms_by_candidate(problem)
    value = problem.values_at(reduced)
    rows = CustomerRowTable.of(problem.rules, problem.shard.indptr)
    key = _key_by_candidate(worth, weight)
    searched = SearchedProblem(problem, constraints_of_everybody(problem), rows, value, key, best)
    found = [
        ChoiceSearch(searched, *block).search(largest_regret, options.per_customer)
        for block in blocks_of_customers(searched, options.table_cells)
    ]
    customer = np.concatenate([block.customer for block in found])
    candidates = sp.csr_array(sp.vstack([block.candidates for block in found], format="csr"))
    regret = np.concatenate([block.regret for block in found])
    unlisted = min((block.unlisted_regret for block in found), default=np.inf)
    key = np.concatenate([block.key for block in found])
    return Columns(
        customer,
        candidates,
        key,
        candidates @ worth,
        sp.csr_array(candidates @ weight),
        regret,
        unlisted,
    )


def _key_by_candidate(worth: NDArray[np.float64], weight: sp.csr_array) -> NDArray[np.uint64]:
    """A number for each candidate: the same for those that are worth and weigh the same."""
    at = np.repeat(np.arange(len(worth)), np.diff(weight.indptr))
    bits = scatter(weight.data.astype(np.float64).view(np.uint64)) ^ scatter(
        weight.indices.astype(np.uint64) + np.uint64(1)
    )
    total = scatter(worth.view(np.uint64))
    np.add.at(total, at[weight.data != 0], scatter(bits)[weight.data != 0])
    return total
