"""The sets that tell what customers may be given, as a table; see `kernels.Rules`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard
from ..kernels.set_layout import SHORT, candidate_words, heads, words_of_each
from ..utils.ragged import within


@dataclass(frozen=True)
class SetTable:
    """The sets of all customers who have any, s of them, and their p members.

    customer, cap, least: int64 (s). must: bool (s), whether its candidates are mandatory. set, candidate: int64 (p),
    which set and which candidate each member is.
    """

    customer: NDArray[np.int64]
    cap: NDArray[np.int64]
    least: NDArray[np.int64]
    must: NDArray[np.bool_]
    set: NDArray[np.int64]
    candidate: NDArray[np.int64]

    @classmethod
    def of(cls, shard: Shard, rules: Rules) -> SetTable:
        if len(rules.constraint_ptr) == 1:
            nothing = np.zeros(0, np.int64)
            return cls(nothing, nothing, nothing, nothing.astype(bool), nothing, nothing)
        customer, at, _ = where_sets_begin(rules, shard.indptr)
        candidates = np.diff(shard.indptr)[customer]
        is_short = candidates <= SHORT
        head = heads(rules.constraints[at], is_short)
        words = -(-candidates // 64)
        of_word = np.repeat(np.arange(len(customer)), words)
        number = within(words)
        word = candidate_words(rules, at[of_word], number, is_short[of_word])
        bits = np.unpackbits(word.astype("<i8").view(np.uint8), bitorder="little").reshape(-1, 64)
        place, bit = np.nonzero(bits)
        return cls(
            customer,
            head.cap,
            head.least,
            head.mandatory,
            of_word[place],
            shard.indptr[customer[of_word[place]]] + 64 * number[place] + bit,
        )

    def held(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of each set a choice, bool (e), has (s)."""
        return np.bincount(self.set[chosen[self.candidate]], minlength=len(self.customer))


def where_sets_begin(
    rules: Rules, indptr: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Whose each set is, where in `rules.constraints` it begins, and how many words each takes, by customer (n)."""
    numbers = words_of_each(np.diff(indptr))
    sets = np.diff(rules.constraint_ptr) // numbers
    customer = np.repeat(np.arange(len(sets)), sets)
    return customer, rules.constraint_ptr[customer] + within(sets) * numbers[customer], numbers
