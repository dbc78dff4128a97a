"""Baskets of customers in the order of time, and lists of the best items by dense rows of scores: for next-basket
methods of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from benchmarks.instances.affinity_split import Scores, Split
from numpy.typing import NDArray

PLACES = 20
BLOCK = 128  # customers whose scores are dense at a time


@dataclass(frozen=True)
class Baskets:
    """What was in which basket.

    Attributes
    ----------
    customer, basket, item : ndarray of int64, shape (n_entries,)
        Of each item of a basket; a customer's baskets are counted from 0, the oldest.
    count : ndarray of int64, shape (n_customers,)
        Baskets of each customer.
    items : int
    """

    customer: NDArray[np.int64]
    basket: NDArray[np.int64]
    item: NDArray[np.int64]
    count: NDArray[np.int64]
    items: int

    @classmethod
    def before(cls, split: Split) -> Baskets:
        """Baskets of the history's customers up to its end: tickets where the data tells them, else days."""
        rows = split.level.purchases
        rows = rows[rows["week"] <= split.last]
        history = split.history
        columns = pd.DataFrame(
            {
                "customer": pd.Index(history.customers.to_pylist()).get_indexer(rows["customer"]),
                "item": pd.Index(history.items.to_pylist()).get_indexer(rows["item"]),
                "day": rows["day"].to_numpy(),
                "basket": rows["basket"].to_numpy(),
            }
        ).drop_duplicates()
        baskets = columns[["customer", "day", "basket"]].drop_duplicates()
        baskets = baskets.sort_values(["customer", "day", "basket"])
        baskets["number"] = baskets.groupby("customer").cumcount()
        found = columns.merge(baskets, on=["customer", "day", "basket"])
        count = np.bincount(baskets["customer"], minlength=len(history.customers))
        entries = (found[name].to_numpy(np.int64) for name in ("customer", "number", "item"))
        return cls(*entries, count, len(history.items))


def listed(split: Split, blocks: Iterator[NDArray[np.float32]]) -> Scores:
    """Each customer's best items, and the best of those not bought yet, of dense scores.

    Parameters
    ----------
    split : Split
    blocks : iterator of ndarray of float32, shape (<= BLOCK, n_items)
        Scores of the history's customers, some at a time; they are written over.
    """
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    indptr, start = split.history.indptr, 0
    for scores in blocks:
        stop = start + len(scores)
        found.append(_best(scores, start))
        owned = slice(int(indptr[start]), int(indptr[stop]))
        row = np.repeat(np.arange(stop - start), np.diff(indptr[start : stop + 1]))
        scores[row, split.history.item[owned]] = 0.0
        found.append(_best(scores, start))
        start = stop
    customer, item, score = (np.concatenate(columns) for columns in zip(*found, strict=True))
    kept = np.unique(customer * split.truth.items + item, return_index=True)[1]
    return split.truth.place[customer[kept]], item[kept], score[kept]


def _best(
    scores: NDArray[np.float32], start: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The best items of each row, with what they score."""
    places = min(PLACES, scores.shape[1])
    item = np.argpartition(-scores, places - 1, axis=1)[:, :places]
    customer = np.repeat(np.arange(start, start + len(scores)), places)
    return customer, item.ravel(), np.take_along_axis(scores, item, axis=1).ravel()
