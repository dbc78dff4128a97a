"""ItemFactors: a few directions in which customers' purchases vary, as vectors of items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data import tables
from ....utils.lazy_imports import sparse as sp
from ...history.purchase_history import PurchaseHistory

FACTORS = 32
"""Directions that are kept: as many as ranked best after weeks 16 and 20 of the Complete Journey."""

MOST_ITEMS = 4096
"""Items with the most buyers that have factors."""

ROUNDS = 6
"""Of subspace iteration, after which scores change no more in three digits."""

HALF_LIFE = 16.0
"""In weeks: what is factored are logarithms of purchases that decay so fast, or at the nearest half-life there is."""


@dataclass(frozen=True)
class ItemFactors:
    """Orthonormal directions of what customers buy; a customer's purchases are drawn to them for scores.

    Attributes
    ----------
    items : pyarrow.Array, shape (n_taking_part,)
        Ids of the items that have factors, ascending.
    vectors : ndarray of float32, shape (n_taking_part, n_factors)
    """

    items: pa.Array
    vectors: NDArray[np.float32]

    @classmethod
    def learned(cls, history: PurchaseHistory) -> ItemFactors:
        """Learn from what the customers of a history bought.

        Parameters
        ----------
        history : PurchaseHistory

        Returns
        -------
        ItemFactors

        Notes
        -----
        They are the leading right singular vectors of customers x items by subspace iteration [1]_ from directions that
        hang on places among the items alone. All sums are in a fixed order, so the bits depend on no number of threads.

        References
        ----------
        .. [1] N. Halko, P. Martinsson, J. Tropp: Finding Structure with Randomness. SIAM Review 53 (2011), section 4.5.
        """
        matrix = purchase_weights(history)
        buyers = np.bincount(history.item, minlength=len(history.items))
        part = np.sort(np.argsort(-buyers, kind="stable")[:MOST_ITEMS])
        matrix = matrix[:, part]
        transposed = matrix.T.tocsr()
        size = min(FACTORS, *matrix.shape)
        vectors = np.random.default_rng(0).standard_normal((len(part), size))
        for _ in range(ROUNDS):
            vectors = _orthonormal(transposed @ (matrix @ _orthonormal(vectors)))
        return cls(history.items.take(pa.array(part)), vectors.astype(np.float32))

    def among(self, items: pa.Array) -> NDArray[np.float32]:
        """Return the vectors of other items.

        Parameters
        ----------
        items : pyarrow.Array, shape (n_items,)
            Ids, ascending.

        Returns
        -------
        ndarray of float32, shape (n_items, n_factors)
            0 for those that have none.
        """
        if items.equals(self.items):
            return self.vectors
        place = tables.positions(items, self.items)
        found = np.zeros((len(items), self.vectors.shape[1]), np.float32)
        found[place >= 0] = self.vectors[place[place >= 0]]
        return found


def purchase_weights(
    history: PurchaseHistory, start: int = 0, stop: int | None = None
) -> sp.csr_array:
    """Return logarithms of decayed purchases of some customers.

    Parameters
    ----------
    history : PurchaseHistory
    start : int
        First customer.
    stop : int, optional
        The one after the last. Default: all.

    Returns
    -------
    csr_array of float32, shape (n_customers, n_items)
    """
    ends = history.indptr[start : len(history.customers) + 1 if stop is None else stop + 1]
    pairs = slice(int(ends[0]), int(ends[-1]))
    if history.half_lives:
        away = np.abs(np.log(np.array(history.half_lives) / HALF_LIFE))
        bought = history.decay(pairs)[:, int(away.argmin())]
    else:
        bought = history.pairs.times[pairs].astype(np.float32)
    entries = np.log1p(bought), history.item[pairs].astype(np.int64), ends - ends[0]
    return sp.csr_array(entries, shape=(len(ends) - 1, len(history.items)))


def factor_scores(
    history: PurchaseHistory, vectors: NDArray[np.float32], start: int, stop: int
) -> NDArray[np.float32]:
    """Compute what a customer's purchases, drawn to the factors, come to for each item that the customer bought.

    Parameters
    ----------
    history : PurchaseHistory
    vectors : ndarray of float32, shape (n_items, n_factors)
        Of the history's items.
    start, stop : int
        Range of customers.

    Returns
    -------
    ndarray of float32, shape (n_pairs,)
        The same bits for a customer whoever else is in the range.
    """
    bought = purchase_weights(history, start, stop)
    of_customer = bought @ vectors
    customer = np.repeat(np.arange(stop - start), np.diff(bought.indptr))
    found: NDArray[np.float32] = np.einsum(
        "ij,ij->i", of_customer[customer], vectors[bought.indices]
    )
    return found


def _orthonormal(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return orthonormal columns of the same span, by Gram and Schmidt, twice; columns that depend on others are 0."""
    columns = vectors.T.copy()
    for j in range(len(columns)):
        column = columns[j]
        before = np.sqrt(np.einsum("i,i->", column, column))
        for _ in range(2):  # a matrix product would add in an order that depends on BLAS's threads
            shares = np.einsum("ki,i->k", columns[:j], column)
            column -= np.einsum("ki,k->i", columns[:j], shares)
        size = np.sqrt(np.einsum("i,i->", column, column))
        column /= size if size > 1e-9 * before else np.inf
    return columns.T.copy()
