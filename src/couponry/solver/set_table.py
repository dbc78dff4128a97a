"""The sets that tell what customers may be given, as a table; see `kernels.Rules`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernels import SHORT, Rules, Shard
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
        if len(rules.ptr) == 1:
            nothing = np.zeros(0, np.int64)
            return cls(nothing, nothing, nothing, nothing.astype(bool), nothing, nothing)
        customer, at, _ = where_sets_begin(rules, shard.indptr)
        candidates = np.diff(shard.indptr)[customer]
        is_short = candidates <= SHORT
        head: NDArray[np.int64] = np.where(is_short, rules.sets[at] >> 32, rules.sets[at])
        bits_of_bound, largest = np.where(is_short, 6, 16), np.where(is_short, 0x3F, 0xFFFF)
        words = -(-candidates // 64)
        of_word = np.repeat(np.arange(len(customer)), words)
        number = within(words)
        word = rules.sets[at[of_word] + np.where(is_short[of_word], 0, 1 + number)]
        word[is_short[of_word]] &= 0xFFFFFFFF
        bits = np.unpackbits(word.astype("<i8").view(np.uint8), bitorder="little").reshape(-1, 64)
        place, bit = np.nonzero(bits)
        return cls(
            customer,
            head & largest,
            (head >> bits_of_bound) & largest,
            ((head >> np.where(is_short, 28, 48)) & 1).astype(bool),
            of_word[place],
            shard.indptr[customer[of_word[place]]] + 64 * number[place] + bit,
        )

    def held(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of each set a choice, bool (e), has (s)."""
        return np.bincount(self.set[chosen[self.candidate]], minlength=len(self.customer))


def where_sets_begin(
    rules: Rules, indptr: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Whose each set is and where in `rules.sets` it begins, and how many numbers tell a set of each customer (n)."""
    count = np.diff(indptr)
    numbers = np.where(count <= SHORT, 1, 1 + -(-count // 64))
    sets = np.diff(rules.ptr) // numbers
    customer = np.repeat(np.arange(len(sets)), sets)
    return customer, rules.ptr[customer] + within(sets) * numbers[customer], numbers
