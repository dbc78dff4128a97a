"""Branch and bound over the choices of single customers, a block of customers at a time.

The candidates of each customer are ranked by falling reduced value. Rank after rank, every partial choice goes on
without the candidate of that rank, and with it where rules allow; partial choices whose regret is certain to be too
large are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.set_layout import MANDATORY_WEIGHT
from ...utils.lazy_imports import sparse as sp
from ..cardinality_constraints import CardinalityConstraints
from ..problem import Problem
from ..row_tables.customer_rows import CustomerRowTable

REGRET_ROUNDING = 1e-12
"""Share of a customer's values, summed by size, that rounding may add to a regret."""


class SearchedProblem(NamedTuple):
    """What the search of every block reads.

    Attributes
    ----------
    problem : Problem
    constraints : CardinalityConstraints
        Cardinality constraints of all customers.
    rows : CustomerRowTable
        Rows of all customers.
    value : ndarray of float64, shape (n_candidates,)
        Reduced values.
    key : ndarray of uint64, shape (n_candidates,)
        The same for candidates that are worth and weigh the same; a choice's key is the sum of its candidates'.
    best : ndarray of uint8, shape (n_candidates,)
        Everybody's best choice.
    """

    problem: Problem
    constraints: CardinalityConstraints
    rows: CustomerRowTable
    value: NDArray[np.float64]
    key: NDArray[np.uint64]
    best: NDArray[np.uint8]


class FoundChoices(NamedTuple):
    """The choices that were found in a block; see `Columns`."""

    customer: NDArray[np.int64]
    candidates: sp.csr_array
    key: NDArray[np.uint64]
    regret: NDArray[np.float64]
    unlisted_regret: float


@dataclass(frozen=True)
class _Choices:
    """Choices of the block's customers, as far as ranks are decided.

    customer: within the block. coupons: how many. value: reduced value. held: members of each constraint, (n, sets).
    chosen: bool, by rank.
    """

    customer: NDArray[np.int64]
    coupons: NDArray[np.int64]
    value: NDArray[np.float64]
    held: NDArray[np.int16]
    chosen: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> _Choices:
        return _Choices(
            self.customer[kept],
            self.coupons[kept],
            self.value[kept],
            self.held[kept],
            self.chosen[kept],
        )


def blocks_of_customers(searched: SearchedProblem, table_cells: int) -> list[tuple[int, int]]:
    """Cut the customers into blocks whose tables are not too large.

    Parameters
    ----------
    searched : SearchedProblem
    table_cells : int
        Cells of a block's table of constraints' members, at most.

    Returns
    -------
    list of (int, int)
        Customers start <= i < stop of each block.
    """
    n = searched.problem.customers
    widest = int(np.diff(searched.problem.shard.indptr).max(initial=1))
    most_sets = int(np.bincount(searched.constraints.customer, minlength=1).max(initial=1))
    step = max(1, table_cells // (widest * max(1, most_sets)))
    return [(start, min(n, start + step)) for start in range(0, n, step)]


def first_of_each(customer: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Find the first of all entries that have the same customer and key.

    Parameters
    ----------
    customer, key : ndarray, shape (n,)

    Returns
    -------
    ndarray of int64
        Positions, ascending.
    """
    order = np.lexsort((key, customer))
    changes = np.ones(len(order), bool)
    changes[1:] = np.diff(customer[order]) != 0
    changes[1:] |= key[order][1:] != key[order][:-1]
    return np.sort(order[changes])


class ChoiceSearch:
    """The search over the customers start <= i < stop.

    Parameters
    ----------
    searched : SearchedProblem
    start, stop : int
    """

    def __init__(self, searched: SearchedProblem, start: int, stop: int):
        problem = searched.problem
        self._start, self._n, self._candidates = start, stop - start, problem.candidates
        rules, customers = problem.rules, problem.customers
        self._upper = np.broadcast_to(rules.upper, customers)[start:stop].astype(np.int64)
        self._lower = np.broadcast_to(rules.lower, customers)[start:stop].astype(np.int64)
        self._rank_candidates(searched, start, stop)
        self._lay_out_constraints(searched.constraints, start, stop)
        self._rows = searched.rows
        self._lay_out_best_choice(searched.best)

    def _rank_candidates(self, searched: SearchedProblem, start: int, stop: int) -> None:
        """Tables by customer and rank: position, value, key, and what the ranks before come to."""
        indptr, n = searched.problem.shard.indptr, self._n
        begin, end = int(indptr[start]), int(indptr[stop])
        self._begin, self._end = begin, end
        self._size = np.diff(indptr[start : stop + 1])
        width = int(self._size.max(initial=0))
        who = np.repeat(np.arange(n), self._size)
        order = np.lexsort((-searched.value[begin:end], who))
        rank = np.empty(end - begin, np.int64)
        rank[order] = np.arange(end - begin) - (indptr[start:stop] - begin)[who]
        self._who, self._rank = who, rank  # by candidate of the block
        self._position = np.zeros((n, width), np.int64)
        self._position[who, rank] = np.arange(begin, end)
        self._value = np.zeros((n, width))
        self._value[who, rank] = searched.value[begin:end]
        self._key = np.zeros((n, width), np.uint64)
        self._key[who, rank] = searched.key[begin:end]
        self._before = np.zeros((n, width + 1))
        np.cumsum(self._value, axis=1, out=self._before[:, 1:])
        self._gains = (self._value > 0).sum(axis=1)

    def _lay_out_constraints(
        self, constraints: CardinalityConstraints, start: int, stop: int
    ) -> None:
        """Tables by customer and number of the constraint: bounds, and members by rank."""
        n, largest = self._n, np.iinfo(np.int16).max
        mine = np.flatnonzero((constraints.customer >= start) & (constraints.customer < stop))
        mine = mine[np.argsort(constraints.customer[mine], kind="stable")]
        owner = constraints.customer[mine] - start
        nth = _place_in_run(owner)
        most = int(nth.max(initial=-1)) + 1
        self._cap = np.full((n, most), largest, np.int16)
        self._cap[owner, nth] = np.minimum(constraints.cap[mine], largest)
        self._least = np.zeros((n, most), np.int64)
        self._least[owner, nth] = constraints.least[mine]
        self._mandatory = np.zeros((n, most), bool)
        self._mandatory[owner, nth] = constraints.mandatory[mine]
        number = np.full(len(constraints.customer), -1)
        number[mine] = np.arange(len(mine))
        inside = number[constraints.member_of] >= 0
        of, at = number[constraints.member_of[inside]], constraints.member[inside] - self._begin
        self._member = np.zeros((n, self._value.shape[1], most), np.int16)
        self._member[owner[of], self._rank[at], nth[of]] = 1

    def _lay_out_best_choice(self, best: NDArray[np.uint8]) -> None:
        """Everybody's best choice by rank, its value, and the shortfall that no choice can do without."""
        chosen = best[self._begin : self._end].astype(bool)
        who, rank = self._who[chosen], self._rank[chosen]
        self._best_value = np.bincount(who, self._value[who, rank], self._n)
        self._best_chosen = np.zeros(self._value.shape, bool)
        self._best_chosen[who, rank] = True
        count = np.bincount(who, minlength=self._n)
        held = np.zeros(self._cap.shape, np.int64)
        np.add.at(held, who, self._member[who, rank])
        self._least_shortfall = self._shortfall(np.arange(self._n), count, held)
        # coupons that minimums miss, beside mandatory ones, may all be of the customer's least number of coupons
        self._need = np.maximum(0, self._lower - self._least_shortfall % MANDATORY_WEIGHT)

    def search(self, largest_regret: float, most: int) -> FoundChoices:
        """List the choices of small regret.

        Parameters
        ----------
        largest_regret : float
        most : int
            Partial choices of one customer that are followed, at most; those of least regret are.

        Returns
        -------
        FoundChoices
        """
        width = self._value.shape[1]
        choices = _Choices(
            np.arange(self._n),
            np.zeros(self._n, np.int64),
            np.zeros(self._n),
            np.zeros(self._cap.shape, np.int16),
            np.zeros((self._n, width), bool),
        )
        unlisted = np.inf
        rounding = REGRET_ROUNDING * (1.0 + np.abs(self._value).sum(axis=1))
        for rank in range(width):
            choices = self._decide(choices, rank)
            at_best = choices.value + self._most_to_add(choices, rank + 1)
            regret = self._best_value[choices.customer] - at_best
            kept = regret <= largest_regret + rounding[choices.customer]
            unlisted = min(unlisted, self._drop_crowd(choices.customer, regret, kept, most))
            choices = choices.only(kept)
        shortfall = self._shortfall(choices.customer, choices.coupons, choices.held)
        kept = shortfall <= self._least_shortfall[choices.customer]
        choices = choices.only(kept & self._keeps_rows(choices))
        return self._found(choices, min(unlisted, largest_regret))

    def _decide(self, choices: _Choices, rank: int) -> _Choices:
        """All choices without the candidate of a rank, then those with it that rules allow."""
        who, count, value = choices.customer, choices.coupons, choices.value
        held, chosen = choices.held, choices.chosen
        fits = (rank < self._size[who]) & (count < self._upper[who])
        fits &= (held + self._member[who, rank] <= self._cap[who]).all(axis=1)
        more = np.flatnonzero(fits)
        with_it = chosen[more]
        with_it[:, rank] = True
        return _Choices(
            np.concatenate([who, who[more]]),
            np.concatenate([count, count[more] + 1]),
            np.concatenate([value, value[more] + self._value[who[more], rank]]),
            np.concatenate([held, held[more] + self._member[who[more], rank]]),
            np.concatenate([chosen, with_it]),
        )

    def _most_to_add(self, choices: _Choices, rank: int) -> NDArray[np.float64]:
        """The most that candidates from a rank on can add to each choice."""
        who, count = choices.customer, choices.coupons
        slots = self._upper[who] - count
        left = np.maximum(0, self._size[who] - rank)
        take = np.minimum(np.maximum(self._gains[who] - rank, 0), slots)
        take = np.maximum(take, np.minimum(np.maximum(0, self._need[who] - count), left))
        first = np.minimum(rank, self._size[who])
        return np.asarray(self._before[who, first + take] - self._before[who, first])

    def _drop_crowd(
        self,
        who: NDArray[np.int64],
        regret: NDArray[np.float64],
        kept: NDArray[np.bool_],
        most: int,
    ) -> float:
        """Keep the `most` choices of least regret of each customer (`kept` is IN/OUT); the least regret dropped."""
        crowd = np.bincount(who[kept], minlength=self._n)
        if crowd.max(initial=0) <= most:
            return np.inf
        index = np.flatnonzero(kept)
        order = index[np.lexsort((regret[index], who[index]))]
        dropped = order[_place_in_run(who[order]) >= most]
        kept[dropped] = False
        return float(regret[dropped].min())

    def _shortfall(
        self, who: NDArray[np.int64], count: NDArray[np.int64], held: NDArray[np.integer]
    ) -> NDArray[np.int64]:
        """What choices miss of minimums and mandatory candidates, as the kernels weigh it."""
        short = np.maximum(0, self._least[who] - held)
        of_constraints = np.where(self._mandatory[who], MANDATORY_WEIGHT * short, short).sum(axis=1)
        return np.asarray(of_constraints + np.maximum(0, self._lower[who] - count))

    def _keeps_rows(self, choices: _Choices) -> NDArray[np.bool_]:
        """Which choices keep their customers' rows."""
        kept = np.ones(len(choices.customer), bool)
        rows, ptr = self._rows, self._rows.ptr
        first, last = np.searchsorted(rows.customer, [self._start, self._start + self._n])
        for r in range(first, last):
            of = np.flatnonzero(choices.customer == rows.customer[r] - self._start)
            rank = self._rank[rows.member[ptr[r] : ptr[r + 1]] - self._begin]
            inside, weight = choices.chosen[np.ix_(of, rank)], rows.weight[ptr[r] : ptr[r + 1]]
            if rows.counts_groups[r]:
                groups = [
                    inside[:, weight == g].any(axis=1) for g in np.unique(weight[weight >= 0])
                ]
                total = np.sum(groups, axis=0, dtype=np.int64)
            else:
                total = inside @ weight
            within = (rows.low[r] <= total) & (total <= rows.high[r])
            kept[of] &= within | ~inside.any(axis=1)
        return kept

    def _found(self, choices: _Choices, unlisted_regret: float) -> FoundChoices:
        """The choices by customer and regret, one of each key, with everybody's best one, though it was crowded out."""
        who = np.concatenate([choices.customer, np.arange(self._n)])
        value = np.concatenate([choices.value, self._best_value])
        chosen = np.concatenate([choices.chosen, self._best_chosen])
        key = (chosen * self._key[who]).sum(axis=1, dtype=np.uint64)
        regret = self._best_value[who] - value
        order = np.lexsort((key, regret, who))
        order = order[first_of_each(who[order], key[order])]
        who, chosen, key = who[order], chosen[order], key[order]
        regret = np.maximum(0.0, regret[order])
        row, rank = np.nonzero(chosen)
        position = self._position[who[row], rank]
        candidates = sp.csr_array(
            (np.ones(len(row)), (row, position)), shape=(len(who), self._candidates)
        )
        return FoundChoices(self._start + who, candidates, key, regret, unlisted_regret)


def _place_in_run(ascending: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the entries of each run of equal values from 0."""
    return np.arange(len(ascending)) - np.searchsorted(ascending, ascending, side="left")
