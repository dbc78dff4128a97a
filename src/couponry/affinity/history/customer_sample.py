"""A sample of customers with all of their rows, taken while the rows of all customers go by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.ids import TEXT, text_buffers
from ...kernels import load

MAX_ROWS = 1 << 20
"""Rows of a sample: a few tens of thousands of customers, for most retailers."""

FEW_CUSTOMERS = 4096
"""Up to so many customers may have twice as many rows: for trees, half of 2,500 are too few."""


MOST_ROWS_OF_STATISTICS = 1 << 26
"""Purchases that items' statistics are added up of, at most, about: where there are more, those of a share of the
customers. What one customer in a thousand bought has thousands of buyers among them all the same, and to add up all
purchases takes as long as to decode them."""

_Seen = tuple[pa.Table, NDArray[np.uint64]]
"""Rows, and the hashes of their customers."""


class CustomerSample:
    """Keeps the rows of those customers whose hash is below a threshold, halved whenever they are too many.

    So the sample is the same for any order of the rows: that of the largest threshold 2 ** -k with at most `max_rows`
    rows, or twice as many of at most `few_customers` customers.

    Parameters
    ----------
    max_rows : int, optional
        Default: MAX_ROWS.
    few_customers : int
    """

    def __init__(self, max_rows: int | None = None, few_customers: int = FEW_CUSTOMERS):
        self._max_rows = MAX_ROWS if max_rows is None else max_rows
        self._few_customers = few_customers
        self._customers = np.zeros(0, np.uint64)  # hashes of those whose rows are kept
        self._parts: list[pa.Table] = []
        self._hashes: list[NDArray[np.uint64]] = []
        self._halvings = 0
        self._count = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at more rows, which have a column `customer`, int64 or large_string.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        """
        self.take(self.look(batch))

    def look(self, batch: pa.RecordBatch) -> _Seen:
        """Find the rows of a batch that may be in the sample, in any thread.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            It need not last.

        Returns
        -------
        rows and hashes
            Those that are below the threshold of now, which only gets lower.
        """
        hashed = hash_ids(batch["customer"])
        kept = (
            np.flatnonzero(hashed < self._threshold) if self._halvings else np.arange(len(hashed))
        )
        return pa.table(batch).take(pa.array(kept)), hashed[kept]

    def take(self, found: _Seen) -> None:
        """Take the rows of a batch, in whichever order of the batches.

        Parameters
        ----------
        found : rows and hashes
            See `look`.
        """
        self._keep(*found)
        while self._is_too_large() and self._halvings < 64:
            self._halvings += 1
            self._customers = self._customers[self._customers < self._threshold]
            parts, hashes = self._parts, self._hashes
            self._parts, self._hashes, self._count = [], [], 0
            for part, hashed in zip(parts, hashes, strict=True):
                self._keep(part, hashed)

    def table(self) -> pa.Table | None:
        """Return the rows of the sample; None if no rows came by.

        Returns
        -------
        pyarrow.Table, optional
        """
        return pa.concat_tables(self._parts) if self._parts else None

    def _keep(self, rows: pa.Table, hashed: NDArray[np.uint64]) -> None:
        """Keep those of the rows whose hash is below the threshold."""
        if self._halvings:
            kept = np.flatnonzero(hashed < self._threshold)
            if len(kept) < len(hashed):
                rows, hashed = rows.take(pa.array(kept)), hashed[kept]
        self._parts.append(rows)
        self._hashes.append(hashed)
        self._count += len(rows)
        if len(self._customers) <= self._few_customers:  # else they are too many, whoever comes
            self._customers = np.union1d(self._customers, hashed)

    def _is_too_large(self) -> bool:
        few = len(self._customers) <= self._few_customers
        return self._count > self._max_rows * (2 if few else 1)

    @property
    def _threshold(self) -> np.uint64:
        return np.uint64((1 << 64) >> self._halvings)


class ShareOfCustomers(NamedTuple):
    """Those customers whose hash is below 2 ** (64 - halvings): of the statistics of items, where there are many.

    Attributes
    ----------
    halvings : int
        0: all customers.
    """

    halvings: int

    @classmethod
    def for_statistics(cls, rows: int) -> ShareOfCustomers:
        """Return the share that items' statistics are added up of.

        Parameters
        ----------
        rows : int
            Purchases of all customers.

        Returns
        -------
        ShareOfCustomers
            With about `MOST_ROWS_OF_STATISTICS` of them, at most.
        """
        return cls((-(-rows // MOST_ROWS_OF_STATISTICS) - 1).bit_length() if rows else 0)

    def holds(self, hashed: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell which customers belong to it.

        Parameters
        ----------
        hashed : ndarray of uint64, shape (n,)
            As from `hash_ids`.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        if self.halvings == 0:
            return np.ones(len(hashed), np.bool_)
        return hashed < np.uint64((1 << 64) >> self.halvings)


def hash_ids(ids: pa.Array) -> NDArray[np.uint64]:
    """Hash ids to 64 bits each.

    Parameters
    ----------
    ids : pyarrow.Array of int64 or large_string, shape (n,)

    Returns
    -------
    ndarray of uint64, shape (n,)
    """
    hashed, kernels = np.empty(len(ids), np.uint64), load().unchecked
    if ids.type == TEXT:
        kernels.hash_texts(*text_buffers(ids), hashed)
    else:
        kernels.hash_numbers(ids.to_numpy(), hashed)
    return hashed
