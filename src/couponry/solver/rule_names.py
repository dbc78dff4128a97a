"""Which customer rules the compiled rules stand for, and the rules that are left once some are dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules
from ..kernels.row_layout import HEAD_WORDS, first_words
from ..kernels.set_layout import heads
from ..utils.arrays.ragged import ranges
from .cardinality_constraints import where_constraints_begin
from .row_tables.customer_rows import CustomerRowTable

UNLIMITED = np.iinfo(np.int32).max
"""An upper bound that is none."""


@dataclass(frozen=True)
class RuleNames:
    """Which customer rules the compiled rules stand for.

    Attributes
    ----------
    lower, upper : sequence of (str, ndarray of int32)
        Name of each rule that bounds a customer's number of coupons, with its bound, by customer or the same for all.
    groups : sequence of str
        The rule behind each row of `Rules.group`.
    constraints : sequence of str
        The rules that rows and cardinality constraints name by their number.
    """

    lower: Sequence[tuple[str, NDArray[np.int32]]] = ()
    upper: Sequence[tuple[str, NDArray[np.int32]]] = ()
    groups: Sequence[str] = ()
    constraints: Sequence[str] = ()

    def all_names(self) -> list[str]:
        """Names of all rules; one that is compiled in several ways occurs several times."""
        return [*(name for name, _ in (*self.lower, *self.upper)), *self.groups, *self.constraints]

    def for_customer(self, customer: int) -> RuleNames:
        """The names, with the bounds of one customer alone."""

        def alone(
            bounds: Sequence[tuple[str, NDArray[np.int32]]],
        ) -> Sequence[tuple[str, NDArray[np.int32]]]:
            return [(name, b if len(b) == 1 else b[[customer]]) for name, b in bounds]

        return replace(self, lower=alone(self.lower), upper=alone(self.upper))

    def kept(self, rules: Rules, names: Sequence[str], indptr: NDArray[np.int64]) -> Rules:
        """Drop all rules but those of some names.

        Parameters
        ----------
        rules : Rules
        names : sequence of str
        indptr : ndarray of int64, shape (n + 1,)
            Where each customer's candidates begin.

        Returns
        -------
        Rules
        """
        stays = np.array([group in names for group in self.groups], bool)
        if len(rules.constraints):
            are_kept = np.array([name in names for name in self.constraints], bool)
            rules = _kept_constraints(rules, are_kept, indptr)
        return rules._replace(
            lower=largest_lower_bound([bound for name, bound in self.lower if name in names]),
            upper=smallest_upper_bound([bound for name, bound in self.upper if name in names]),
            group=np.where(stays[:, None], rules.group, np.int32(-1)),
        )


def only_restrict(rules: Rules) -> bool:
    """Tell whether fewer of these rules allow all that they allow, and more.

    Minimums need not: who misses one for want of room under another rule must have what it asks for without that rule.

    Parameters
    ----------
    rules : Rules
    """
    return not rules.lower.any() and len(rules.constraint_ptr) <= 1


def _kept_constraints(rules: Rules, kept: NDArray[np.bool_], indptr: NDArray[np.int64]) -> Rules:
    """The rules with those rows and constraints alone whose rule is kept; who is left with none does with groups."""
    places = where_constraints_begin(rules, indptr)
    customer, words = places.customer, places.words
    stays = kept[heads(rules.constraints[places.begin], words[customer] == 1).rule]
    rows = CustomerRowTable.of(rules, indptr)
    rows_stay = kept[rows.rule]
    size = HEAD_WORDS + np.diff(rows.ptr)
    n = len(words)
    count = np.bincount(rows.customer[rows_stay], minlength=n)
    of_rows = np.bincount(rows.customer[rows_stay], size[rows_stay], n).astype(np.int64)
    of_rows += count > 0
    ptr = np.zeros(len(rules.constraint_ptr), np.int64)
    np.cumsum(of_rows + np.bincount(customer[stays], minlength=n) * words, out=ptr[1:])
    is_left = np.zeros(len(rules.constraints), bool)
    is_left[rules.constraint_ptr[:-1][count > 0]] = True  # the word before rows
    is_left[ranges(rows.begin[rows_stay], size[rows_stay])] = True
    is_left[ranges(places.begin[stays], words[customer[stays]])] = True
    constraints = rules.constraints[is_left]
    constraints[ptr[:-1][count > 0]] = first_words(count[count > 0], of_rows[count > 0])
    return rules._replace(constraint_ptr=ptr, constraints=constraints)


def largest_lower_bound(bounds: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Combine lower bounds on customers' numbers of coupons, each of length n or 1."""
    largest = np.zeros(1, np.int32)
    for bound in bounds:
        largest = np.maximum(largest, bound)
    return largest


def smallest_upper_bound(bounds: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Combine upper bounds on customers' numbers of coupons, each of length n or 1."""
    smallest = np.full(1, UNLIMITED, np.int32)
    for bound in bounds:
        smallest = np.minimum(smallest, bound)
    return smallest
