"""Numbers of items, given to them while products go by: each product counts as itself, or as what a catalogue says."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .....data import tables
from .....data.ids import TEXT
from .....kernels.purchases_contract import NO_ITEM
from .....utils.arrays.ragged import ranges
from .text_numbers import TextNumbers

SMALL_IDS = 1 << 22
"""Integers from 0 up to this are numbers themselves."""


class NumberedRows(NamedTuple):
    """The items of some rows.

    Attributes
    ----------
    number : ndarray of uint32, shape (m,)
        NO_ITEM: none.
    row : ndarray of int64, shape (m,), or None
        Which row each belongs to; None: there is one for each row.
    """

    number: NDArray[np.uint32]
    row: NDArray[np.int64] | None


class ItemNumbers(Protocol):
    """What gives numbers to items; several threads may ask at a time.

    Attributes
    ----------
    seen : ndarray of uint8, shape (products,)
        Products from 0 up to its length are numbers of items themselves; 1 for those that were there. Threads write
        the same there.
    """

    seen: NDArray[np.uint8]

    def of(self, products: pa.Array) -> NumberedRows:
        """Find the items of rows.

        Parameters
        ----------
        products : pyarrow.Array
            Of each row.

        Returns
        -------
        NumberedRows
        """

    def known(self) -> tuple[NDArray[np.int64], pa.Array]:
        """Return the numbers that were given, and the id of the item of each.

        Returns
        -------
        ndarray of int64, pyarrow.Array
            An item may have two numbers.
        """


class ProductNumbers:
    """Numbers of products that are items themselves.

    Parameters
    ----------
    kind : pyarrow.DataType
        Of their ids.
    """

    def __init__(self, kind: pa.DataType):
        self.seen = np.zeros(0 if kind == TEXT else SMALL_IDS, np.uint8)
        self._others, self._lock = pa.array([], kind), Lock()
        self._texts = TextNumbers() if kind == TEXT else None

    def of(self, products: pa.Array) -> NumberedRows:
        """Find the items of rows; see `ItemNumbers`.

        Parameters
        ----------
        products : pyarrow.Array

        Returns
        -------
        NumberedRows
        """
        if self._texts is not None:
            return NumberedRows(self._texts.of(products).astype(np.uint32), None)
        ids = products.to_numpy()
        if len(ids) == 0 or (ids.min() >= 0 and ids.max() < SMALL_IDS):
            self.seen[ids] = 1
            return NumberedRows(ids.astype(np.uint32), None)
        encoded = products.dictionary_encode()
        number = self._number_others(encoded.dictionary)
        return NumberedRows(number[encoded.indices.to_numpy()], None)

    def _number_others(self, distinct: pa.Array) -> NDArray[np.uint32]:
        """Return the numbers of ids, new ones where they have none."""
        with self._lock:
            number = tables.positions(distinct, self._others)
            is_new = number < 0
            number[is_new] = len(self._others) + np.arange(int(is_new.sum()))
            self._others = pa.concat_arrays([self._others, distinct.filter(pa.array(is_new))])
        return (number + SMALL_IDS).astype(np.uint32)

    def known(self) -> tuple[NDArray[np.int64], pa.Array]:
        """Return the numbers that were given, and the id of the item of each; see `ItemNumbers`.

        Returns
        -------
        ndarray of int64, pyarrow.Array
        """
        if self._texts is not None:
            return np.arange(len(self._texts)), self._texts.ids()
        small, others = np.flatnonzero(self.seen), self._others
        number = np.concatenate([small, SMALL_IDS + np.arange(len(others))])
        return number, pa.concat_arrays([pa.array(small), others])


class CatalogueNumbers:
    """Numbers of the items that products count as.

    Parameters
    ----------
    catalogue : pyarrow.Table
        Columns product and item, each row once.
    """

    def __init__(self, catalogue: pa.Table):
        place, self._products = tables.ranks(tables.ids(catalogue, "catalogue", "product"))
        number, self._items = tables.ranks(tables.ids(catalogue, "catalogue", "item"))
        self._number = number[np.argsort(place, kind="stable")].astype(np.uint32)
        self._count = np.bincount(place, minlength=len(self._products))
        self._start = np.cumsum(self._count) - self._count
        self._seen = np.zeros(len(self._items), np.bool_)
        self.seen = np.zeros(0, np.uint8)

    def of(self, products: pa.Array) -> NumberedRows:
        """Find the items of rows; see `ItemNumbers`.

        Parameters
        ----------
        products : pyarrow.Array

        Returns
        -------
        NumberedRows
        """
        encoded = products.dictionary_encode()
        of_distinct = tables.positions(encoded.dictionary, self._products)
        place = of_distinct[encoded.indices.to_numpy()]
        number = np.append(self._number, np.uint32(NO_ITEM))  # the last: of products that it lacks
        count = np.append(self._count, 1)[place]
        start = np.append(self._start, len(self._number))[place]
        found = number[ranges(start, count)]
        self._seen[found[found != NO_ITEM]] = True
        return NumberedRows(found, np.repeat(np.arange(len(place)), count))

    def known(self) -> tuple[NDArray[np.int64], pa.Array]:
        """Return the numbers that were given, and the id of the item of each; see `ItemNumbers`.

        Returns
        -------
        ndarray of int64, pyarrow.Array
        """
        number = np.flatnonzero(self._seen)
        return number, self._items.take(pa.array(number))
