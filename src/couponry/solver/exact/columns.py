"""Bundles: whole choices of single customers, listed with what they are worth and weigh.

Every choice of a customer that keeps its rules and whose reduced value is near enough to its best one's is listed, by
branch and bound over the customer's candidates, best first, for many customers at a time. Of choices that are worth
the same and weigh the same in every limit one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules
from ...kernels.contract import MUST
from ...kernels.hashing import scatter
from ...utils.lazy_imports import sparse as sp
from ..linear_terms import by_candidate
from ..problem import Problem
from ..set_table import SetTable

CELLS = 4_000_000  # of the dense table of a block of customers' sets, at most


@dataclass(frozen=True)
class Bundles:
    """m choices of n customers, by customer; within one by falling reduced value.

    customer: int64 (m), ascending. given: bool CSR (m, e), candidates. key: uint64 (m), the same for choices that are
    worth and weigh the same. worth: (m), of the objective. weight: CSR (m, L), in each row. regret: (m), how far their
    reduced value is below that of the customer's best choice.
    beyond: every choice that is not listed, nor as good as one that is, has at least this regret.
    """

    customer: NDArray[np.int64]
    given: sp.csr_array
    key: NDArray[np.uint64]
    worth: NDArray[np.float64]
    weight: sp.csr_array
    regret: NDArray[np.float64]
    beyond: float

    def nearest(self, most: int) -> Bundles:
        """The bundles of least regret: the best one of each customer, and `most` others."""
        others = np.flatnonzero(np.diff(self.customer, prepend=-1) == 0)
        if len(others) <= most:
            return self
        order = np.argsort(self.regret[others], kind="stable")
        left_out = others[order[most:]]
        kept = np.ones(len(self.customer), bool)
        kept[left_out] = False
        beyond = min(self.beyond, float(self.regret[left_out].min()))
        return self._only(np.flatnonzero(kept), self.regret, beyond)

    def joined(self, other: Bundles, prices: NDArray[np.float64]) -> Bundles:
        """These and others, with their regrets among each other at these prices (L)."""
        customer = np.concatenate([self.customer, other.customer])
        worth = np.concatenate([self.worth, other.worth])
        weight = sp.csr_array(sp.vstack([self.weight, other.weight], format="csr"))
        key = np.concatenate([self.key, other.key])
        value = worth - weight @ prices
        both = Bundles(
            customer,
            sp.csr_array(sp.vstack([self.given, other.given], format="csr")),
            key,
            worth,
            weight,
            value,
            min(self.beyond, other.beyond),
        )
        order = np.lexsort((key, -value, customer))
        kept = order[_first_of_each(customer[order], key[order])]
        best = value[kept][np.diff(customer[kept], prepend=-1) > 0]
        regret = np.zeros(len(value))
        regret[kept] = best[customer[kept]] - value[kept]
        return both._only(kept, regret, both.beyond)

    def _only(self, kept: NDArray[np.int64], regret: NDArray[np.float64], beyond: float) -> Bundles:
        return Bundles(
            self.customer[kept],
            sp.csr_array(self.given[kept]),
            self.key[kept],
            self.worth[kept],
            sp.csr_array(self.weight[kept]),
            regret[kept],
            beyond,
        )


def _first_of_each(customer: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Positions of the first of those that have the same customer and key, ascending."""
    order = np.lexsort((key, customer))
    changes = np.ones(len(order), bool)
    changes[1:] = np.diff(customer[order]) != 0
    changes[1:] |= key[order][1:] != key[order][:-1]
    return np.sort(order[changes])


def list_bundles(
    problem: Problem,
    reduced: NDArray[np.float64],
    best: NDArray[np.uint8],
    within: float,
    most: int,
) -> Bundles:
    """Choices whose regret is at most `within`; of each customer about `most` at most.

    reduced: (1 + C, S, K). best: uint8 (e), everybody's best choice under it.
    """
    worth, weight = by_candidate(problem)
    cell = problem.cells()
    flat = reduced.reshape(len(reduced), -1)
    value = flat[0, cell] + (flat[1:, cell] * problem.exact).sum(axis=0)
    alike = _alike(worth, weight)
    sets = _all_sets(problem)
    found = [
        _Block(problem, sets, value, alike, best, *block).bundles(within, most)
        for block in _blocks(problem, sets)
    ]
    customer = np.concatenate([block.customer for block in found])
    given = sp.csr_array(sp.vstack([block.given for block in found], format="csr"))
    regret = np.concatenate([block.regret for block in found])
    beyond = min((block.beyond for block in found), default=np.inf)
    key = np.concatenate([block.key for block in found])
    return Bundles(
        customer, given, key, given @ worth, sp.csr_array(given @ weight), regret, beyond
    )


def _alike(worth: NDArray[np.float64], weight: sp.csr_array) -> NDArray[np.uint64]:
    """A number of each candidate (e): the same for those that are worth and weigh the same."""
    at = np.repeat(np.arange(len(worth)), np.diff(weight.indptr))
    bits = scatter(weight.data.astype(np.float64).view(np.uint64)) ^ scatter(
        weight.indices.astype(np.uint64) + np.uint64(1)
    )
    total = scatter(worth.view(np.uint64))
    np.add.at(total, at[weight.data != 0], scatter(bits)[weight.data != 0])
    return total


def _all_sets(problem: Problem) -> SetTable:
    """The sets of the customers who have any, and the groups that can bind of the others, as sets of theirs."""
    rules: Rules = problem.rules
    sets = SetTable.of(problem.shard, rules)
    customer = problem.customer_of()
    grouped = np.ones(problem.customers, bool)
    grouped[sets.customer] = False
    parts = [sets]
    for rule, group in enumerate(rules.group):
        of_candidate = group[problem.shard.item].astype(np.int64)
        inside = np.flatnonzero((of_candidate >= 0) & grouped[customer])
        key = customer[inside] * rules.groups + of_candidate[inside]
        cell, row, size = np.unique(key, return_inverse=True, return_counts=True)
        cap = np.broadcast_to(rules.cap[rule], problem.customers)[cell // rules.groups]
        binds = size > cap
        number = np.cumsum(binds) - 1
        kept = binds[row]
        nothing = np.zeros(int(binds.sum()), np.int64)
        parts.append(
            SetTable(
                (cell // rules.groups)[binds],
                cap[binds].astype(np.int64),
                nothing,
                nothing.astype(bool),
                number[row[kept]],
                inside[kept],
            )
        )
    before = np.cumsum([0] + [len(part.customer) for part in parts])
    return SetTable(
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.cap for part in parts]),
        np.concatenate([part.least for part in parts]),
        np.concatenate([part.must for part in parts]),
        np.concatenate([part.set + first for part, first in zip(parts, before, strict=False)]),
        np.concatenate([part.candidate for part in parts]),
    )


def _blocks(problem: Problem, sets: SetTable) -> list[tuple[int, int]]:
    """Consecutive customers whose sets make a table that is not too large."""
    n = problem.customers
    widest = int(np.diff(problem.shard.indptr).max(initial=1))
    most_sets = int(np.bincount(sets.customer, minlength=1).max(initial=1))
    step = max(1, CELLS // (widest * max(1, most_sets)))
    return [(start, min(n, start + step)) for start in range(0, n, step)]


@dataclass(frozen=True)
class _Found:
    customer: NDArray[np.int64]
    given: sp.csr_array
    key: NDArray[np.uint64]
    regret: NDArray[np.float64]
    beyond: float


class _Block:
    """Customers start <= i < stop; their candidates in columns by falling reduced value. n of them, width columns."""

    def __init__(
        self,
        problem: Problem,
        sets: SetTable,
        value: NDArray[np.float64],
        alike: NDArray[np.uint64],
        best: NDArray[np.uint8],
        start: int,
        stop: int,
    ):
        indptr = problem.shard.indptr
        begin, end = int(indptr[start]), int(indptr[stop])
        n = stop - start
        self.start, self.n, self.candidates = start, n, problem.candidates
        self.size = np.diff(indptr[start : stop + 1])
        width = int(self.size.max(initial=0))
        who = np.repeat(np.arange(n), self.size)
        order = np.lexsort((-value[begin:end], who))
        column = np.empty(end - begin, np.int64)
        column[order] = np.arange(end - begin) - (indptr[start:stop] - begin)[who]
        self.place = np.zeros((n, width), np.int64)
        self.place[who, column] = np.arange(begin, end)
        self.value = np.zeros((n, width))
        self.value[who, column] = value[begin:end]
        self.alike = np.zeros((n, width), np.uint64)
        self.alike[who, column] = alike[begin:end]
        self.before = np.zeros((n, width + 1))
        np.cumsum(self.value, axis=1, out=self.before[:, 1:])
        self.gains = (self.value > 0).sum(axis=1)
        rules = problem.rules
        self.upper = np.broadcast_to(rules.upper, problem.customers)[start:stop].astype(np.int64)
        lower = np.broadcast_to(rules.lower, problem.customers)[start:stop].astype(np.int64)
        self.lower = lower
        mine = np.flatnonzero((sets.customer >= start) & (sets.customer < stop))
        mine = mine[np.argsort(sets.customer[mine], kind="stable")]
        owner = sets.customer[mine] - start
        nth = np.arange(len(mine)) - np.searchsorted(owner, owner, side="left")
        most_sets = int(nth.max(initial=-1)) + 1
        self.cap = np.full((n, most_sets), np.iinfo(np.int16).max, np.int16)
        self.cap[owner, nth] = np.minimum(sets.cap[mine], np.iinfo(np.int16).max)
        self.least = np.zeros((n, most_sets), np.int64)
        self.least[owner, nth] = sets.least[mine]
        self.must = np.zeros((n, most_sets), bool)
        self.must[owner, nth] = sets.must[mine]
        number = np.full(len(sets.customer), -1)
        number[mine] = np.arange(len(mine))
        inside = number[sets.set] >= 0
        of, at = number[sets.set[inside]], sets.candidate[inside] - begin
        self.member = np.zeros((n, width, most_sets), np.int16)
        self.member[owner[of], column[at], nth[of]] = 1
        chosen = best[begin:end].astype(bool)
        self.best = np.bincount(who[chosen], value[begin:end][chosen], n)
        self.given = np.zeros((n, width), bool)
        self.given[who[chosen], column[chosen]] = True
        count = np.bincount(who[chosen], minlength=n)
        held = np.zeros((n, most_sets), np.int64)
        np.add.at(held, who[chosen], self.member[who[chosen], column[chosen]])
        self.missed = self._missed(np.arange(n), count, held)
        self.need = np.maximum(0, lower - np.where(self.missed >= MUST, 0, self.missed))

    def _missed(
        self, who: NDArray[np.int64], count: NDArray[np.int64], held: NDArray[np.integer]
    ) -> NDArray[np.int64]:
        """What choices miss of minimums and mandatory candidates, as the kernels weigh it."""
        short = np.maximum(0, self.least[who] - held)
        of_sets = np.where(self.must[who], MUST * short, short).sum(axis=1)
        return np.asarray(of_sets + np.maximum(0, self.lower[who] - count))

    def bundles(self, within: float, most: int) -> _Found:
        n, width = self.value.shape
        who = np.arange(n)
        count = np.zeros(n, np.int64)
        value = np.zeros(n)
        held = np.zeros((n, self.cap.shape[1]), np.int16)
        given = np.zeros((n, width), bool)
        beyond = np.inf
        scale = 1e-12 * (1.0 + np.abs(self.value).sum(axis=1))
        for t in range(width):
            fits = (t < self.size[who]) & (count < self.upper[who])
            fits &= (held + self.member[who, t] <= self.cap[who]).all(axis=1)
            more = np.flatnonzero(fits)
            who = np.concatenate([who, who[more]])
            count = np.concatenate([count, count[more] + 1])
            value = np.concatenate([value, value[more] + self.value[who[len(fits) :], t]])
            held = np.concatenate([held, held[more] + self.member[who[len(fits) :], t]])
            given = np.concatenate([given, given[more]])
            given[len(fits) :, t] = True
            at_best = value + self._rest(who, count, t + 1)
            regret = self.best[who] - at_best
            kept = regret <= within + scale[who]
            crowd = np.bincount(who[kept], minlength=n)
            if crowd.max(initial=0) > most:
                index = np.flatnonzero(kept)
                order = index[np.lexsort((regret[index], who[index]))]
                nth = np.arange(len(order)) - np.searchsorted(who[order], who[order], side="left")
                dropped = order[nth >= most]
                beyond = min(beyond, float(regret[dropped].min()))
                kept[dropped] = False
            who, count, value = who[kept], count[kept], value[kept]
            held, given = held[kept], given[kept]
        kept = self._missed(who, count, held) <= self.missed[who]
        # the best choice itself, though it was crowded out
        who = np.concatenate([who[kept], np.arange(n)])
        value = np.concatenate([value[kept], self.best])
        given = np.concatenate([given[kept], self.given])
        key = (given * self.alike[who]).sum(axis=1, dtype=np.uint64)
        regret = self.best[who] - value
        order = np.lexsort((key, regret, who))
        order = order[_first_of_each(who[order], key[order])]
        who, given, key = who[order], given[order], key[order]
        regret = np.maximum(0.0, regret[order])
        row, column = np.nonzero(given)
        place = self.place[who[row], column]
        matrix = sp.csr_array((np.ones(len(row)), (row, place)), shape=(len(who), self.candidates))
        return _Found(self.start + who, matrix, key, regret, min(beyond, within))

    def _rest(
        self, who: NDArray[np.int64], count: NDArray[np.int64], t: int
    ) -> NDArray[np.float64]:
        """The most that candidates from column t on can add."""
        slots = self.upper[who] - count
        left = np.maximum(0, self.size[who] - t)
        take = np.minimum(np.maximum(self.gains[who] - t, 0), slots)
        take = np.maximum(take, np.minimum(np.maximum(0, self.need[who] - count), left))
        first = np.minimum(t, self.size[who])
        return np.asarray(self.before[who, first + take] - self.before[who, first])
