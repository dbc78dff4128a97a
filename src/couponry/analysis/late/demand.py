"""What late customers ask for at some prices, all at once: one pass, and what it comes to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.local import LocalEngine
from ...engines.subset import positions_of
from ...kernels import Rules, Shard
from ...kernels.row_layout import read_first
from ...solver.dual.lagrangian import LARGEST_PRICE
from .batch import LateBatch, PackedBatch
from .charges import ChargedRows, CoveredPairs, Use, added, subtracted
from .room import Room


class Priced(NamedTuple):
    """Candidates at some prices.

    Attributes
    ----------
    shard : Shard
        Packed; of those beyond what was packed values are given, which go by the prices.
    price : ndarray of float32, shape (1 + n_quantities, n_kinds, n_items)
    reduced : ndarray of float64, shape (1 + n_attributes, n_kinds, n_items)
        As `Terms.tables` has them.
    """

    shard: Shard
    price: NDArray[np.float32]
    reduced: NDArray[np.float64]


class Demand(NamedTuple):
    """Everybody's best choice.

    Attributes
    ----------
    flags : ndarray of bool, shape (n_candidates,)
        Which candidates that is.
    use : Use
        What they use.
    coupons : ndarray of int64, shape (n_kinds, n_items)
        How many of each item they are, but for those beyond what was packed.
    undecided : ndarray of int64, shape (n_undecided,)
        Customers, ascending, whose minimums ask for what some row is full for, and whose other coupons may not come
        without it: `flags` and `use` have nothing of theirs.
    """

    flags: NDArray[np.bool_]
    use: Use
    coupons: NDArray[np.int64]
    undecided: NDArray[np.int64]


class LateMarket:
    """Late customers, what prices have to be raised to, and what is left of the limits.

    Parameters
    ----------
    batch : LateBatch
    packed : PackedBatch
        Its candidates, packed.
    charges : ChargedRows
    room : Room
    threads : int
    """

    def __init__(
        self, batch: LateBatch, packed: PackedBatch, charges: ChargedRows, room: Room, threads: int
    ):
        self.batch, self.charges = batch, charges
        self.shard, self._beyond = packed
        self.room, self.threads = room, threads
        self.pairs = CoveredPairs(batch.covers, charges)

    def priced(self, raised: NDArray[np.float64] | None = None) -> Priced:
        """Price the candidates.

        Parameters
        ----------
        raised : ndarray of float64, shape (n_rows,), optional
            By how much prices are raised. Default: not at all.

        Returns
        -------
        Priced
        """
        batch, given = self.batch, self.shard.given_at
        if raised is None:
            return Priced(self.shard, *batch.tables)
        price, reduced = batch.terms.tables(batch.kinds, raised)
        cell = batch.kinds_at(given), batch.item[given]
        value = reduced[0][cell]
        for a, exact in enumerate(self._beyond):
            value = value + reduced[1 + a][cell] * exact
        value = value.clip(-LARGEST_PRICE, LARGEST_PRICE).astype(np.float32)
        return Priced(self.shard._replace(given_value=value), price, reduced)

    def demand(self, priced: Priced) -> Demand:
        """Find everybody's best choice of what no row is full for.

        Parameters
        ----------
        priced : Priced

        Returns
        -------
        Demand
        """
        batch, charges, given = self.batch, self.charges, self.shard.given_at
        full = self.full_cells()
        chosen, usage = self.engine(priced).choose(floored(priced.price, full))
        flags = chosen.view(bool)
        beyond, given = self._beyond[:, flags[given]], given[flags[given]]
        undecided = np.zeros(0, np.int64)
        kind, item = batch.kinds_at(given), batch.item[given].astype(np.int64)
        np.subtract.at(usage[0], (kind, item), 1)
        if usage[0][full].any():
            taken = np.flatnonzero(flags)
            taken = taken[full[batch.kinds_at(taken), batch.item[taken]]]
            undecided = _with_rows(batch.rules, np.unique(batch.customer_of(taken)))
            flags[taken] = False
            flags[given] = True
            usage[:, full] = 0
        use = charges.of_usage(self.pairs, usage)
        if len(given):
            use = added(use, charges.of_given(batch.covers, kind, item, beyond))
        if len(undecided):
            theirs = positions_of(batch.indptr, undecided)
            theirs = theirs[flags[theirs]]
            use, flags[theirs] = subtracted(use, self.use_of(theirs)), False
        return Demand(flags, use, usage[0], undecided)

    def engine(self, priced: Priced) -> LocalEngine:
        """Make the engine of a pass."""
        terms = self.batch.terms
        seed = terms.prices.agreed.seed
        return LocalEngine(priced.shard, self.batch.rules, terms.backend, self.threads, seed)

    def full_cells(self) -> NDArray[np.bool_]:
        """Tell which items some row has no room for, shape (n_kinds, n_items)."""
        return self.cells_of(self.room.full_pairs(self.charges))

    def cells_of(self, pairs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which items have any of some pairs whose row is about the kind of customer, shape (n_kinds, n_items)."""
        cells = np.zeros((len(self.batch.kinds), self.batch.terms.n_items), bool)
        if pairs.any():
            for kind, pair in self.pairs:
                is_one = pairs[pair]
                cells[kind[is_one], self.charges.item[pair[is_one]]] = True
        return cells

    def use_of(self, positions: NDArray[np.int64]) -> Use:
        """Add up what the candidates at some positions use."""
        batch, charges, shard = self.batch, self.charges, self.shard
        is_given = np.zeros(len(batch.item), bool)
        is_given[shard.given_at] = True
        given, packed = positions[is_given[positions]], positions[~is_given[positions]]
        shape = len(shard.quantity) + 1, len(batch.covers), batch.terms.n_items
        cell = batch.kinds_at(packed) * shape[2] + batch.item[packed]
        parts = [None, *(quantity[packed] for quantity in shard.quantity)]  # exact below 2^53
        sums = [np.bincount(cell, part, minlength=shape[1] * shape[2]) for part in parts]
        usage = np.array(sums).astype(np.int64).reshape(shape)
        kind, item = batch.kinds_at(given), batch.item[given].astype(np.int64)
        beyond = charges.of_given(batch.covers, kind, item, batch.exact(given))
        return added(charges.of_usage(self.pairs, usage), beyond)

    def values(self, priced: Priced, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Say what the candidates at some positions, ascending, are worth as passes take them."""
        shard, price = priced.shard, priced.price
        cell = self.batch.kinds_at(positions), self.batch.item[positions]
        value: NDArray[np.float32] = price[0][cell]
        for q, quantity in enumerate(shard.quantity):
            value = value + price[1 + q][cell] * quantity[positions].astype(np.float32)
        at = np.searchsorted(positions, shard.given_at)
        found = at < len(positions)
        found[found] = positions[at[found]] == shard.given_at[found]
        value[at[found]] = shard.given_value[found]
        return value


def _with_rows(rules: Rules, customers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of some customers who have rows, which may let a coupon come with others alone."""
    if len(rules.constraint_ptr) == 1:
        return customers[:0]
    some = customers[rules.constraint_ptr[customers] < rules.constraint_ptr[customers + 1]]
    return some[read_first(rules.constraints[rules.constraint_ptr[some]]).rows > 0]


def floored(price: NDArray[np.float32], full: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Price items that a row is full for so that they are given for want of others alone, and can be taken back then.

    Parameters
    ----------
    price : ndarray of float32, shape (1 + n_quantities, n_kinds, n_items)
    full : ndarray of bool, shape (n_kinds, n_items)

    Returns
    -------
    ndarray of float32, same shape as `price`
    """
    if not full.any():
        return price
    price = price.copy()
    price[0][full], price[1:, full] = -1.0 - np.abs(price[0]).max(), 0.0
    return price
