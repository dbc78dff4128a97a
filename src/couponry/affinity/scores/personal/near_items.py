"""NearItems: what the other items that a customer buys let expect of each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....kernels import load
from ....utils.fixed_order import inverse_in_order
from ....utils.lazy_imports import sparse as sp
from ...history.purchase_history import PurchaseHistory
from .pair_block import PairBlock

MOST_ITEMS = 2000
"""Items that take part: those of most buyers. With 4,000 the Complete Journey's lists gain nothing more."""

RIDGE = 300.0
"""Penalty on squared coefficients: a third or three times as much changes lists after week 20 by 0.0006."""

LEAST_LEFT = 0.05
"""Share of an error that is a customer's own doing at most is 1 less this: what is beyond is rounding."""


@dataclass(frozen=True)
class NearItems:
    """Linear predictions of how much a customer buys lately of an item, from all others that the customer buys (EASE).

    Of customers whom they were learned from, each purchase is predicted as if they had been learned from all others.

    Attributes
    ----------
    items : pyarrow.Array, shape (n_items,)
        Ids of the items that take part, ascending.
    coefficients : ndarray of float32, shape (n_items, n_items)
        From the item of the row to that of the column; 0 on the diagonal.
    spread : ndarray of float64, shape (n_items,)
        Diagonal of the inverse that they were taken from.
    customers : pyarrow.Array
        Ids of whom they were learned from, ascending.

    References
    ----------
    H. Steck: Embarrassingly Shallow Autoencoders for Sparse Data. WWW 2019, section 3.1. That each column is a ridge
    regression lets its errors be computed as if a row had been left out: D. Allen: The Relationship between Variable
    Selection and Data Augmentation and a Method for Prediction. Technometrics 16(1), 1974.
    """

    items: pa.Array
    coefficients: NDArray[np.float32]
    spread: NDArray[np.float64]
    customers: pa.Array

    @classmethod
    def learned(cls, history: PurchaseHistory, buyers: NDArray[np.floating]) -> NearItems:
        """Learn from a history.

        Parameters
        ----------
        history : PurchaseHistory
        buyers : ndarray of float, shape (n_items,)
            Of each of its items.

        Returns
        -------
        NearItems
        """
        most = np.sort(np.argsort(-buyers, kind="stable")[:MOST_ITEMS])
        column = np.full(len(history.items), -1)
        column[most] = np.arange(len(most))
        bought = _Bought.of(PairBlock(history, 0, len(history.customers)), column)
        matrix = sp.csr_array(
            (bought.weight.astype(np.float64), bought.column, bought.ptr),
            shape=(len(history.customers), len(most)),
        )
        gram = (matrix.T @ matrix).toarray()
        gram[np.diag_indices_from(gram)] += RIDGE
        inverse = inverse_in_order(gram)
        spread = np.diag(inverse).copy()
        coefficients = (inverse / -spread).astype(np.float32)
        np.fill_diagonal(coefficients, 0.0)
        return cls(history.items.take(pa.array(most)), coefficients, spread, history.customers)

    def among(self, history: PurchaseHistory) -> NearItemsOf:
        """Return what predicts the pairs of a history.

        Parameters
        ----------
        history : PurchaseHistory
            Of these customers or others.

        Returns
        -------
        NearItemsOf
            For ranges of customers.
        """
        seen = tables.positions(history.customers, self.customers) >= 0
        return NearItemsOf(self, tables.positions(history.items, self.items), seen)


@dataclass(frozen=True)
class NearItemsOf:
    """Predicts the pairs of ranges of a history's customers; made by `NearItems.among`.

    Attributes
    ----------
    known : NearItems
    column : ndarray of int64, shape (n_items,)
        Where the history's items are among those known, -1 for those that are not.
    seen : ndarray of bool, shape (n_customers,)
        Whom the predictions were learned from.
    """

    known: NearItems
    column: NDArray[np.int64]
    seen: NDArray[np.bool_]

    def of_pairs(self, pairs: PairBlock) -> NDArray[np.float64]:
        """Predict how much is bought lately of the items of some customers.

        Parameters
        ----------
        pairs : PairBlock
            Of the history.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
            log(1 + decayed purchases) as it is to be expected; 0 for items that take no part.
        """
        bought = _Bought.of(pairs, self.column)
        said = np.empty(len(bought.weight), np.float32)
        load().unchecked.own_neighbours(
            bought.ptr, bought.column, bought.weight, self.known.coefficients, said
        )
        weight = bought.weight.astype(np.float64)
        error = weight - said
        own = error * self.known.spread[bought.column]
        size, seen = pairs.stop - pairs.start, self.seen[pairs.start : pairs.stop]
        customer = np.repeat(np.arange(size), np.diff(bought.ptr))
        doing = np.bincount(customer, weight * own, minlength=size)[customer] - error * own
        left = np.where(seen[customer], np.maximum(1.0 - doing, LEAST_LEFT), 1.0)
        found = np.zeros(len(bought.takes_part))
        found[bought.takes_part] = weight - error / left
        return found


@dataclass(frozen=True)
class _Bought:
    """What customers bought lately of the items that take part, by customer."""

    ptr: NDArray[np.int64]
    column: NDArray[np.int32]
    weight: NDArray[np.float32]
    takes_part: NDArray[np.bool_]

    @classmethod
    def of(cls, pairs: PairBlock, column: NDArray[np.int64]) -> _Bought:
        of_pairs = column[pairs.item]
        takes_part = of_pairs >= 0
        ends = np.append(0, np.cumsum(pairs.count))
        ptr = np.append(0, np.cumsum(takes_part))[ends].astype(np.int64)
        return cls(ptr, of_pairs[takes_part].astype(np.int32), pairs.recent[takes_part], takes_part)
