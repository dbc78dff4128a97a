"""NearItems: what the other items that a customer buys let expect of each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....data.ids import positions_among
from ....kernels.scores_contract import ItemCoefficients
from ....utils.arrays.fixed_order import inverse_with_ridge
from ....utils.lazy_imports import sparse as sp
from ...history.purchase_history import PurchaseHistory
from ..item_neighbours import recent_half_life, recent_weights

MOST_ITEMS = 2000
"""Items that take part: those of most buyers. With 4,000 the Complete Journey's lists gain nothing more."""

RIDGE = 300.0
"""Penalty on squared coefficients: a third or three times as much changes lists after week 20 by 0.0006."""


@dataclass(frozen=True)
class NearItems:
    """Linear predictions of how much a customer buys lately of an item, from all others that the customer buys (EASE).

    Of customers whom they were learned from, each purchase is predicted as if they had been learned from all others.

    Attributes
    ----------
    items : pyarrow.Array, shape (n_items,)
        Ids of the items that take part, ascending.
    coefficients : ndarray of float32, shape (n_items, n_items)
        Of the item of the column, in the prediction of that of the row; 0 on the diagonal.
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
        of_pairs = column[history.item]
        takes_part = of_pairs >= 0
        weight = recent_weights(history, slice(0, len(history)))[takes_part].astype(np.float64)
        ptr = np.append(0, np.cumsum(takes_part))[history.indptr]
        matrix = sp.csr_array(
            (weight, of_pairs[takes_part], ptr), shape=(len(history.customers), len(most))
        )
        inverse = inverse_with_ridge((matrix.T @ matrix).toarray(), RIDGE)
        spread = np.diag(inverse).astype(np.float64)
        coefficients = (inverse / -spread[:, None]).astype(np.float32)  # it is symmetric
        np.fill_diagonal(coefficients, 0.0)
        return cls(history.items.take(pa.array(most)), coefficients, spread, history.customers)

    def among(self, history: PurchaseHistory) -> ItemCoefficients:
        """Return what the pairs of a history are predicted by, as the kernel takes it.

        Parameters
        ----------
        history : PurchaseHistory
            Of these customers or others.

        Returns
        -------
        ItemCoefficients
            Of its items and customers.
        """
        return ItemCoefficients(
            tables.positions(history.items, self.items).astype(np.int32),
            self.coefficients,
            self.spread,
            self.seen(history),
            recent_half_life(history.half_lives),
        )

    def seen(self, history: PurchaseHistory) -> NDArray[np.uint8]:
        """Tell which customers of a history they were learned from.

        Parameters
        ----------
        history : PurchaseHistory

        Returns
        -------
        ndarray of uint8, shape (n_customers,)
            0 or 1.
        """
        return (positions_among(history.customers, self.customers) >= 0).view(np.uint8)
