"""Features of what a customer bought of an item's group, such as its category or brand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....utils.arrays.falling_order import falling_order
from .pair_block import Named, PairBlock

MOST_CELLS = 16
"""Cells of customers and groups for each pair up to which sums are kept for all of them."""


MOST_PLACES = 1 << 31
"""Cells that `falling_order` takes."""


def group_features(pairs: PairBlock, name: str, group: NDArray[np.integer]) -> Named:
    """Compute features of one grouping.

    Parameters
    ----------
    pairs : PairBlock
    name : str
        Of the grouping.
    group : ndarray of int, shape (n_items,)
        Group of each of the history's items.

    Returns
    -------
    dict of str to ndarray of float, shape (n_pairs,)
        The customer's purchases in the item's group and the item's share of them, weeks since the last against their
        gap, how many items of it the customer knows, and how many of these were bought later.
    """
    found: Named = {}
    half_lives, all_pairs = pairs.half_life_names, pairs.whole
    size = int(group.max(initial=0)) + 1
    every = all_pairs.customer * size + group[all_pairs.item].astype(np.int64)
    if size * (pairs.stop - pairs.start) > MOST_PLACES:
        every = np.unique(every, return_inverse=True)[1]
    order = falling_order(every, -all_pairs.since.astype(np.float32))  # the latest first
    if size * (pairs.stop - pairs.start) > MOST_CELLS * len(every):  # few of them are taken
        every = _numbered(every, order)
    place = every if pairs.asked is None else every[pairs.asked]
    for h in sorted({len(half_lives) // 3, pairs.middle}) if half_lives else ():
        decay, total = pairs.decayed(h), np.bincount(every, all_pairs.decayed(h))[place]
        found[f"{name}_{half_lives[h]}"] = np.log(total + 0.05)
        found[f"{name}_share_{half_lives[h]}"] = np.log((decay + 0.02) / (total + 0.05))
    cells = int(every.max(initial=-1)) + 1
    latest, first = np.full(cells, np.inf), np.zeros(cells)
    np.minimum.at(latest, every, all_pairs.since)
    np.maximum.at(first, every, all_pairs.since + all_pairs.span)
    times = np.bincount(every, all_pairs.times, minlength=cells)
    gap = ((first - latest) / np.maximum(times - 1.0, 1.0))[place]
    gap = np.where(times[place] > 1, gap, pairs.gap)
    since = latest[place]
    found[f"{name}_since"] = np.log(since + 0.5)
    found[f"{name}_items"] = np.log(np.bincount(every)[place])
    found[f"{name}_gap"] = np.log(gap + 0.3)
    found[f"{name}_overdue"] = np.log((since + 0.3) / (gap + 0.3))
    found[f"{name}_times"] = np.log(times[place])
    found[f"{name}_own_times"] = np.log(pairs.times / times[place])
    newer = _bought_later(every, all_pairs.since, order)
    found[f"{name}_newer"] = np.log1p(newer if pairs.asked is None else newer[pairs.asked])
    return found


def _numbered(place: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number places from 0, in their order."""
    ordered = place[order]
    found = np.empty(len(place), np.int64)
    found[order] = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
    return found


def _bought_later(
    place: NDArray[np.int64], since: NDArray[np.floating], order: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many pairs in the same place were bought later than each; the order is by place and time."""
    place, since = place[order], since[order]
    rank = np.arange(len(order))
    begins = np.flatnonzero(np.diff(place, prepend=-1))
    same = np.append(True, (np.diff(place) != 0) | (np.diff(since) != 0))[: len(order)]
    first = np.maximum.accumulate(np.where(same, rank, 0))  # of those bought at the same time
    later = np.empty(len(order), np.int64)
    later[order] = first - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return later
