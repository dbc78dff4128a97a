"""All customers' cardinality constraints as one table, read from the compiled rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard
from ..kernels.set_layout import SHORT, candidate_words, heads, words_of_each
from ..utils.arrays.ragged import within
from .row_tables.customer_rows import row_words


@dataclass(frozen=True)
class CardinalityConstraints:
    """Bounds on how many candidates of a set a customer may be given.

    Attributes
    ----------
    customer : ndarray of int64, shape (n_constraints,)
        Row number of the customer; one may have several.
    cap, least : ndarray of int64, shape (n_constraints,)
        At most and at least so many.
    mandatory : ndarray of bool, shape (n_constraints,)
        Whether the constraint's candidates are mandatory.
    member_of : ndarray of int64, shape (n_members,)
        Constraint of each member.
    member : ndarray of int64, shape (n_members,)
        Position of each member among all candidates.
    """

    customer: NDArray[np.int64]
    cap: NDArray[np.int64]
    least: NDArray[np.int64]
    mandatory: NDArray[np.bool_]
    member_of: NDArray[np.int64]
    member: NDArray[np.int64]

    @classmethod
    def of(cls, shard: Shard, rules: Rules) -> CardinalityConstraints:
        """List the explicit constraints of the customers who have any.

        Parameters
        ----------
        shard : Shard
        rules : Rules

        Returns
        -------
        CardinalityConstraints
        """
        if len(rules.constraint_ptr) == 1:
            nothing = np.zeros(0, np.int64)
            return cls(nothing, nothing, nothing, nothing.astype(bool), nothing, nothing)
        found = where_constraints_begin(rules, shard.indptr)
        customer, begin = found.customer, found.begin
        candidates = np.diff(shard.indptr)[customer]
        is_short = candidates <= SHORT
        head = heads(rules.constraints[begin], is_short)
        words = -(-candidates // 64)
        of_word = np.repeat(np.arange(len(customer)), words)
        number = within(words)
        word = candidate_words(rules, begin[of_word], number, is_short[of_word])
        bits = np.unpackbits(word.astype("<i8").view(np.uint8), bitorder="little").reshape(-1, 64)
        place, bit = np.nonzero(bits)
        first = shard.indptr[customer[of_word[place]]]
        member = first + 64 * number[place] + bit
        return cls(customer, head.cap, head.least, head.mandatory, of_word[place], member)

    def held(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count the members of each constraint that a choice contains.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_candidates,)

        Returns
        -------
        ndarray of int64, shape (n_constraints,)
        """
        return np.bincount(self.member_of[chosen[self.member]], minlength=len(self.customer))


@dataclass(frozen=True)
class ConstraintPlaces:
    """Where constraints stand in `Rules.constraints`.

    Attributes
    ----------
    customer : ndarray of int64, shape (n_constraints,)
        Row number of each constraint's customer.
    begin : ndarray of int64, shape (n_constraints,)
        Position of its first word.
    words : ndarray of int64, shape (n_customers,)
        How many words each of a customer's constraints takes.
    """

    customer: NDArray[np.int64]
    begin: NDArray[np.int64]
    words: NDArray[np.int64]


def where_constraints_begin(rules: Rules, indptr: NDArray[np.int64]) -> ConstraintPlaces:
    """Find where each constraint begins.

    Parameters
    ----------
    rules : Rules
        In which some customers have explicit constraints.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Where each customer's candidates begin.

    Returns
    -------
    ConstraintPlaces
    """
    words = words_of_each(np.diff(indptr))
    before = row_words(rules)
    constraints = (np.diff(rules.constraint_ptr) - before) // words
    customer = np.repeat(np.arange(len(constraints)), constraints)
    first = rules.constraint_ptr[:-1] + before
    begin = first[customer] + within(constraints) * words[customer]
    return ConstraintPlaces(customer, begin, words)
