"""All customers' rows, linear constraints and counts of groups, as one table, read from the compiled rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules
from ...kernels.row_layout import HEAD_WORDS, NO_BOUND, NO_GROUP, read_first, read_heads
from ...utils.arrays.ragged import ranges


@dataclass(frozen=True)
class CustomerRowTable:
    """Bounds on what some candidates of a customer come to, wherever any of them is given.

    Attributes
    ----------
    customer : ndarray of int64, shape (n_rows,)
        Row number of the customer; one may have several.
    begin : ndarray of int64, shape (n_rows,)
        Where each row's words begin in `Rules.constraints`.
    rule : ndarray of int64, shape (n_rows,)
        Number of the customer rule.
    counts_groups : ndarray of bool, shape (n_rows,)
        Whether different groups are counted, rather than coefficients added up.
    low, high : ndarray of int64, shape (n_rows,)
        Bounds; `NO_BOUND` by size: none.
    ptr : ndarray of int64, shape (n_rows + 1,)
        Entries of each row.
    member : ndarray of int64, shape (n_entries,)
        Position of each candidate among all candidates.
    weight : ndarray of int64, shape (n_entries,)
        Its coefficient or group.
    """

    customer: NDArray[np.int64]
    begin: NDArray[np.int64]
    rule: NDArray[np.int64]
    counts_groups: NDArray[np.bool_]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    ptr: NDArray[np.int64]
    member: NDArray[np.int64]
    weight: NDArray[np.int64]

    @classmethod
    def of(cls, rules: Rules, indptr: NDArray[np.int64]) -> CustomerRowTable:
        """List the rows of the customers who have any.

        Parameters
        ----------
        rules : Rules
        indptr : ndarray of int64, shape (n_customers + 1,)
            Where each customer's candidates begin.

        Returns
        -------
        CustomerRowTable
        """
        customer, begin = _where_rows_begin(rules)
        head = read_heads(rules.constraints, begin)
        ptr = np.concatenate([[0], np.cumsum(head.entries)]).astype(np.int64)
        words = rules.constraints[ranges(begin + HEAD_WORDS, head.entries)]
        first = np.repeat(indptr[customer], head.entries)
        return cls(
            customer,
            begin,
            head.rule,
            head.counts_groups,
            head.low,
            head.high,
            ptr,
            first + (words & 0xFFFF),
            words >> 16,
        )

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def row(self) -> NDArray[np.int64]:
        """Row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.ptr))

    def come_to(self, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Add up a choice.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_candidates,)

        Returns
        -------
        some, total : ndarray of int64, shape (n_rows,)
            How many candidates of each row are chosen, and what they come to.
        """
        inside = np.flatnonzero(chosen[self.member])
        row, weight = self.row[inside], self.weight[inside]
        some = np.bincount(row, minlength=len(self))
        total = np.zeros(len(self), np.int64)
        linear = ~self.counts_groups[row]
        np.add.at(total, row[linear], weight[linear])
        counted = ~linear & (weight != NO_GROUP)
        pairs = np.unique(np.stack([row[counted], weight[counted]]), axis=1)
        total += np.bincount(pairs[0], minlength=len(self))
        return some, total

    def kept_by(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which rows a choice keeps.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_candidates,)

        Returns
        -------
        ndarray of bool, shape (n_rows,)
        """
        some, total = self.come_to(chosen)
        return np.asarray((some == 0) | ((self.low <= total) & (total <= self.high)))

    def bounded(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which rows have a least, and which have a most.

        Returns
        -------
        has_low, has_high : ndarray of bool, shape (n_rows,)
        """
        return self.low > -NO_BOUND, self.high < NO_BOUND


def row_words(rules: Rules) -> NDArray[np.int64]:
    """How many words each customer's rows take, before its cardinality constraints.

    Parameters
    ----------
    rules : Rules
        In which some customers have constraints.

    Returns
    -------
    ndarray of int64, shape (n_customers,)
        0 for those who have no rows.
    """
    words = np.zeros(len(rules.constraint_ptr) - 1, np.int64)
    some = np.flatnonzero(np.diff(rules.constraint_ptr))
    words[some] = read_first(rules.constraints[rules.constraint_ptr[some]]).words
    return words


def _where_rows_begin(rules: Rules) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The customer of each row, ascending, and where its words begin."""
    nothing = np.zeros(0, np.int64)
    if len(rules.constraint_ptr) == 1:
        return nothing, nothing
    some = np.flatnonzero(np.diff(rules.constraint_ptr))
    left = read_first(rules.constraints[rules.constraint_ptr[some]]).rows
    customers, begins = [nothing], [nothing]
    customer, at = some[left > 0], rules.constraint_ptr[some[left > 0]] + 1
    left = left[left > 0]
    while len(customer):  # the first rows of all customers, then the second ones, and so on
        customers.append(customer)
        begins.append(at)
        following = at + HEAD_WORDS + (rules.constraints[at] & 0xFFFF)
        more = left > 1
        customer, at, left = customer[more], following[more], left[more] - 1
    who, begin = np.concatenate(customers), np.concatenate(begins)
    order = np.argsort(begin)
    return who[order], begin[order]
