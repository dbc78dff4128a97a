"""Decides many late customers at once: one pass, and again those who would be given what there is no room for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...engines.local import LocalEngine
from ...engines.subset import customers_of
from ...kernels import Shard
from ...utils.arrays.ragged import ranges
from .batch import LateBatch, PackedBatch
from .charges import Charge, Charges
from .room import Room

PRICE_CELLS_OF_A_PASS = 1 << 22
"""Entries of the price table of a pass in which every customer has prices of its own: 16 MB."""

MOST_CUSTOMERS_OF_A_PASS = 1 << 16
"""Such customers are told apart in 16 bits."""

FREE_ROUNDS = 40
"""Rounds after which a customer who loses a coupon is given no other in its place."""


@dataclass(frozen=True, eq=False)
class Refusal:
    """Coupons that a limit had no room for.

    Attributes
    ----------
    row : int
        Of the limits.
    position : ndarray of int64, shape (n_refused,)
        Positions of the candidates.
    """

    row: int
    position: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Choice:
    """What late customers are given.

    Attributes
    ----------
    flags : ndarray of bool, shape (n_candidates,)
        Which candidates that is.
    charge : Charge
        What they use.
    refusals : list of Refusal
    """

    flags: NDArray[np.bool_]
    charge: Charge
    refusals: list[Refusal]

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """Positions of the candidates, ascending, shape (n_chosen,)."""
        return np.flatnonzero(self.flags)


class BulkDecision:
    """Decides a batch, at a room's expense.

    Parameters
    ----------
    packed : PackedBatch
    charges : Charges
    room : Room
    threads : int
    """

    def __init__(self, packed: PackedBatch, charges: Charges, room: Room, threads: int):
        self.packed, self._batch = packed, packed.batch
        batch = packed.batch
        self._charges, self._room, self._threads = charges, room, threads
        self._seed = batch.terms.prices.agreed.seed
        self._closed = [room.closed(kind) for kind in batch.kinds]
        self._refused: NDArray[np.bool_] | None = None
        self._refusals: list[Refusal] = []

    def run(self) -> Choice:
        """Decide, and use the room.

        Returns
        -------
        Choice
        """
        chosen, usage = self._pass()
        odd = self._odd_customers(chosen)
        if len(odd):
            theirs = _positions(self._batch, odd)
            usage -= self.packed.usage(theirs[chosen[theirs]])
            self._choose_again(chosen, odd, others=True)
            charge = self._charge_of(theirs[chosen[theirs]], usage)
        else:
            charge = self._charges.of_usage(self._batch.kinds, usage)
        rounds = 0
        while broken := self._room.take(charge):
            excess = self._room.excess(charge)
            if not excess:  # somebody gave room back in between
                continue
            rounds += 1
            affected = self._refuse(np.flatnonzero(chosen), excess)
            self._choose_again(chosen, affected, others=rounds < FREE_ROUNDS)
            charge = self._charge_of(np.flatnonzero(chosen))
        self._room.close_full([*charge, *broken])
        return Choice(chosen, charge, self._refusals)

    def _pass(self) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Everybody's best choice by what was packed, at prices that shut out what there is no room for."""
        price = self.packed.price
        if any(closed is not None for closed in self._closed):
            price = price.copy()
            for number, closed in enumerate(self._closed):
                if closed is not None:
                    # given for want of others alone, and then decided again without it
                    price[0, number, closed] = -1.0 - np.abs(price[0, number]).max()
                    price[1:, number, closed] = 0.0
        rules, backend = self._batch.rules, self._batch.terms.backend
        engine = LocalEngine(self.packed.shard, rules, backend, self._threads, self._seed)
        flags, usage = engine.choose(price)
        return flags.view(bool), usage

    def _odd_customers(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Whoever has candidates beyond what was packed, or is given what there is no room for."""
        odd = np.flatnonzero(self.packed.beyond)
        if any(closed is not None for closed in self._closed):
            given = np.flatnonzero(chosen)
            odd = np.concatenate([odd, given[~self._is_open(given)]])
        return np.unique(self.packed.customer_of(odd))

    def _is_open(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which candidates there is room for and were not refused; what is beyond may use less than any other."""
        is_open = np.ones(len(positions), bool)
        if any(closed is not None for closed in self._closed):
            kind, item = self.packed.kind_of(positions), self._batch.item[positions]
            for number, closed in enumerate(self._closed):
                if closed is not None:
                    is_open &= ~closed[item] | (kind != number)
            is_open |= self.packed.beyond[positions]
        if self._refused is not None:
            is_open &= ~self._refused[positions]
        return is_open

    def _choose_again(
        self, chosen: NDArray[np.bool_], customers: NDArray[np.int64], *, others: bool
    ) -> None:
        """Let some customers choose among what is left to them; where no `others`, among what they had."""

        def kept(positions: NDArray[np.int64]) -> NDArray[np.bool_]:
            is_open = self._is_open(positions)
            return is_open if others else is_open & chosen[positions]

        part, at = self._batch.part(customers, kept)
        chosen[_positions(self._batch, customers)] = False
        chosen[at] = choose_by_values(
            part.packed(self._threads, valued=True), self._seed, self._threads
        )

    def _charge_of(
        self, positions: NDArray[np.int64], others: NDArray[np.int64] | int = 0
    ) -> Charge:
        """What coupons use, beside the usage of other packed ones."""
        packed, batch = self.packed, self._batch
        given = positions[packed.beyond[positions]]
        usage = packed.usage(positions[~packed.beyond[positions]]) + others
        charge = self._charges.of_usage(batch.kinds, usage)
        if len(given):
            item, exact = batch.item[given].astype(np.int64), batch.exact(given)
            self._charges.add_all_given(charge, batch.kinds, packed.kind_of(given), item, exact)
        return charge

    def _refuse(
        self, positions: NDArray[np.int64], excess: dict[int, tuple[int, float]]
    ) -> NDArray[np.int64]:
        """Refuse what is worth least for what it uses of the rows that would break; whom it concerns.

        A row's coupons are refused in the order of their reduced value for each unit that they use, the later ones
        first where it is the same, until the row holds. Their customers are not given others of this row either that
        are worth no more.
        """
        batch = self._batch
        if self._refused is None:
            self._refused = np.zeros(len(batch.item), bool)
        gone, chosen = np.zeros((2, len(batch.item)), bool)
        chosen[positions] = True
        item = batch.item[positions].astype(np.int64)
        by_item = positions[np.argsort(item, kind="stable")]
        count_of = np.bincount(item, minlength=self.packed.price.shape[2])
        first_of = np.cumsum(count_of) - count_of
        concerned = []
        for row, (sign, amount) in sorted(excess.items()):
            items = self._charges.item[self._charges.pairs_of(row)]
            able = by_item[ranges(first_of[items], count_of[items])]
            uses = sign * self._uses(row, able)
            amount -= uses[gone[able]].sum()
            kept = (uses > 0) & ~gone[able]
            able, uses = able[kept], uses[kept]
            if amount <= 0 or len(able) == 0:
                continue
            rate = self._values(able) / uses
            order = np.lexsort([-able, rate])
            count = int(np.searchsorted(np.cumsum(uses[order]), amount)) + 1
            refused = able[order[:count]]
            worst = rate[order[min(count, len(order)) - 1]]
            self._refusals.append(Refusal(row, np.sort(refused)))
            gone[refused] = True
            customers = np.unique(self.packed.customer_of(refused))
            theirs = _positions(batch, customers)
            use = sign * self._uses(row, theirs)
            own = self._values(theirs)
            lesser = (use > 0) & (own <= worst * np.where(use > 0, use, 1.0))
            gone[theirs[lesser & ~chosen[theirs]]] = True
            concerned.append(customers)
        self._refused |= gone
        return np.unique(np.concatenate(concerned))

    def _uses(self, row: int, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """About how much candidates use of a row."""
        packed, batch, terms = self.packed, self._batch, self._batch.terms
        covers = np.array([terms.covers(kind)[row] for kind in batch.kinds])
        item = batch.item[positions].astype(np.int64)
        uses = self._charges.amounts_of(row, item, packed.shard.quantity[:, positions])
        given = np.flatnonzero(packed.beyond[positions])
        kinds = packed.kind_of(positions)
        exact = batch.exact(positions[given]).T.tolist()
        for at, values in zip(given.tolist(), exact, strict=True):
            charge: Charge = {}
            self._charges.add_given(charge, batch.kinds[kinds[at]], int(item[at]), values)
            uses[at] = self._charges.as_amount(row, charge.get(row, (0, 0))[0])
        return np.where(covers[kinds], uses, 0.0)

    def _values(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """Reduced values of candidates, as passes take them."""
        packed, batch = self.packed, self._batch
        cell = packed.kind_of(positions), batch.item[positions]
        value = packed.price[0][cell]
        for q, quantity in enumerate(packed.shard.quantity):
            value = value + packed.price[1 + q][cell] * quantity[positions].astype(np.float32)
        given = np.flatnonzero(packed.beyond[positions])
        if len(given):
            _, reduced = batch.terms.tables(batch.kinds)
            at = cell[0][given], cell[1][given]
            total = reduced[0][at]
            for a, exact in enumerate(batch.exact(positions[given])):
                total = total + reduced[1 + a][at] * exact
            value[given] = total
        return np.asarray(value, np.float64)


def choose_by_values(packed: PackedBatch, seed: int, threads: int) -> NDArray[np.bool_]:
    """List everybody's best choice at the reduced values of a batch, whatever was packed.

    Parameters
    ----------
    packed : PackedBatch
        With values.
    seed : int
        Breaks ties.
    threads : int

    Returns
    -------
    ndarray of bool, shape (n_candidates,)
    """
    batch, shard = packed.batch, packed.shard
    n, items = len(batch.indptr) - 1, packed.price.shape[2]
    size = max(1, min(MOST_CUSTOMERS_OF_A_PASS, PRICE_CELLS_OF_A_PASS // max(1, items)))
    chosen = np.zeros(len(batch.item), bool)
    for start in range(0, n, size):
        customers = np.arange(start, min(n, start + size))
        part = slice(int(batch.indptr[start]), int(batch.indptr[customers[-1] + 1]))
        some, rules = customers_of(shard, batch.rules, customers, batch.terms.backend, threads)
        own = Shard(
            0,
            some.indptr,
            some.item,
            np.empty((0, len(some.item)), np.uint16),
            (customers - start).astype(np.uint16),
            some.number,
        )
        price = np.zeros((1, len(customers), items), np.float32)
        price[0, np.repeat(customers - start, np.diff(some.indptr)), some.item] = packed.value[part]
        engine = LocalEngine(own, rules, batch.terms.backend, threads, seed)
        chosen[part] = engine.choose(price)[0].view(bool)
    return chosen


def _positions(batch: LateBatch, customers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of all candidates of some customers."""
    start = batch.indptr[customers]
    count = batch.indptr[customers + 1] - start
    return np.repeat(start - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
