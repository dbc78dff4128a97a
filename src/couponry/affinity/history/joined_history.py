"""A history and what came after it as one history, in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...kernels.affinity_contract import Pairs
from ...utils.arrays.bits import shifted_up
from ...utils.arrays.ragged import union_of_ascending
from .decay import decay_factors
from .purchase_history import PurchaseHistory


def joined(history: PurchaseHistory, later: PurchaseHistory) -> PurchaseHistory:
    """Put a history and a later one together.

    Parameters
    ----------
    history, later : PurchaseHistory
        With the same unit, half-lives and types of ids; every purchase of the second after the first has ended.

    Returns
    -------
    PurchaseHistory
        What all purchases at once give, but for the last bits of decayed counts, which are added up in another order.
    """
    customers = tables.ranks(pa.concat_arrays([history.customers, later.customers]))[1]
    items = tables.ranks(pa.concat_arrays([history.items, later.items]))[1]
    age = later.until - history.start + 1
    factors = decay_factors(history.half_lives, history.unit, age)
    rows = [tables.positions(part.customers, customers) for part in (history, later)]
    keys = [_pair_keys(part, row, items) for part, row in zip((history, later), rows, strict=True)]
    pair_key, pairs = _joined_states((history.pairs, later.pairs), keys, factors)
    _, trips = _joined_states((history.trips, later.trips), rows, factors)
    owner = pair_key // max(len(items), 1)
    return PurchaseHistory(
        customers=customers,
        items=items,
        indptr=np.searchsorted(owner, np.arange(len(customers) + 1)).astype(np.int64),
        item=(pair_key - owner * max(len(items), 1)).astype(np.uint32),
        pairs=pairs,
        trips=trips,
        half_lives=history.half_lives,
        unit=history.unit,
        start=history.start,
        until=later.until,
        left_out=history.left_out + later.left_out,
        guests=history.guests + later.guests,
    )


def with_items(history: PurchaseHistory, items: pa.Array) -> PurchaseHistory:
    """Return a history whose items are its own and others, which nobody bought.

    Parameters
    ----------
    history : PurchaseHistory
    items : pyarrow.Array
        Ids, ascending.

    Returns
    -------
    PurchaseHistory
        The same one where it has all of the items.
    """
    if history.items.equals(items):
        return history
    both = tables.ranks(pa.concat_arrays([history.items, items]))[1]
    if both.equals(history.items):
        return history
    place = tables.positions(history.items, both).astype(np.uint32)
    return replace(history, items=both, item=place[history.item])


def _pair_keys(
    history: PurchaseHistory, row: NDArray[np.int64], items: pa.Array
) -> NDArray[np.int64]:
    """Return customer * n_items + item of each pair, ascending, by other customers and items."""
    place = tables.positions(history.items, items)
    key: NDArray[np.int64] = np.repeat(row, np.diff(history.indptr)) * max(len(items), 1)
    return key + place[history.item]


def _joined_states(
    states: tuple[Pairs, Pairs], keys: list[NDArray[np.int64]], factors: NDArray[np.float32]
) -> tuple[NDArray[np.int64], Pairs]:
    """Return the keys that are in either, and the state of each."""
    before, after = states
    key = union_of_ascending(*keys)
    old, new = (np.searchsorted(key, one) for one in keys)
    found = Pairs.new(len(key), before.decay.shape[1])
    for name in ("times", "discounted", "spend", "squared_gaps"):
        total = getattr(found, name)
        total[old] += getattr(before, name)
        total[new] += getattr(after, name)
    found.first[new], found.first[old] = after.first, before.first
    found.last[old], found.decay[old], found.recent[old] = before.last, before.decay, before.recent
    is_old = np.zeros(len(key), bool)
    is_old[old] = True
    is_old = is_old[new]
    between = np.where(is_old, after.first.astype(np.int64) - found.last[new], 0)
    found.squared_gaps[new] += between * between
    gap = np.where(is_old, after.last - found.last[new], 0)
    found.decay[new] = found.decay[new] * factors[gap] + after.decay
    found.recent[new] = shifted_up(found.recent[new], gap) | after.recent
    found.last[new] = after.last
    return key, found
