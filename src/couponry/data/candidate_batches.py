"""Candidates that are made a block of customers at a time, checked and written as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..utils.arrays.array_store import ArrayStore, FolderStore
from ..utils.errors import InvalidInput
from .candidate_checks import offer_dtype
from .candidate_rows import CandidateRows
from .candidates import Candidates
from .external_sort import RowWriter
from .ids import is_before
from .roles import ROLES


@dataclass(frozen=True)
class CandidateBlocks:
    """Makes candidates: blocks of customers in ascending order of their ids, each customer in one block.

    Attributes
    ----------
    offers : pyarrow.Array
        Ids, ascending.
    customer : pyarrow.DataType
        Type of the customers' ids: int64 or large_string.
    columns : dict of str to numpy.dtype
        The numeric columns: float32 or float64.
    blocks : callable
        Returns an iterator of the blocks. Its arguments are a number of threads, and a folder for what would take too
        much memory (None: there is none), which it leaves empty. Of a block, `offer` are places in `offers`, ascending
        for each customer, of type `offer_dtype`; `role` are codes (uint8, 0: none).
    roles : bool
        Whether blocks have a column `role`.
    source : dict, optional
        What the candidates are made from, as JSON has it, so that a store of the same can be used again; None where
        that cannot be told.
    notes : list of str
        What is to be known of the numbers, in a sentence each; making the blocks may add some.
    """

    offers: pa.Array
    customer: pa.DataType
    columns: dict[str, np.dtype[Any]]
    blocks: Callable[[int, Path | None], Iterator[CandidateRows]]
    roles: bool = True
    source: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)

    def collect(self, store: ArrayStore, threads: int) -> Candidates:
        """Make all candidates, and write them into an array store.

        Parameters
        ----------
        store : ArrayStore
            Where the arrays go.
        threads : int
            How many to work with.

        Returns
        -------
        Candidates
            In the store's arrays, with the notes.

        Raises
        ------
        InvalidInput
            Where blocks are not what they should be.
        """
        dtypes: dict[str, np.dtype[Any]] = {"offer": offer_dtype(len(self.offers))}
        if self.roles:
            dtypes["role"] = np.dtype(np.uint8)
        writer = RowWriter(store, {**dtypes, **self.columns}, self.customer)
        last: Any = None
        scratch = store.folder if isinstance(store, FolderStore) else None
        for rows in self.blocks(threads, scratch):
            if len(rows):
                last = self._check(rows, last)
                writer.append(rows)
        if writer.rows == 0:
            raise InvalidInput("candidates: expected at least one, got none")
        return replace(Candidates.of_rows(writer.finish()), notes=tuple(self.notes))

    def _check(self, rows: CandidateRows, last: Any) -> Any:
        """Refuse a block that is not as it should be; returns its last customer. last: that of the block before."""
        first = rows.customers[0].as_py()
        if last is not None and not is_before(last, first):
            raise InvalidInput(
                f"candidates: expected customers in ascending order, got {first!r} after {last!r}"
            )
        begins = np.zeros(len(rows), bool)
        begins[rows.indptr[:-1][np.diff(rows.indptr) > 0]] = True
        offer = rows.columns["offer"]
        if int(offer.max()) >= len(self.offers):
            raise InvalidInput(
                f"candidates: expected offers below {len(self.offers):,}, got {int(offer.max()):,}"
            )
        if not (begins[1:] | (offer[1:] > offer[:-1])).all():
            raise InvalidInput("candidates: expected each customer's offers in ascending order")
        if self.roles and int(rows.columns["role"].max()) > len(ROLES):
            raise InvalidInput(
                f"candidates: expected roles up to {len(ROLES)}, got {int(rows.columns['role'].max())}"
            )
        for name in self.columns:
            _check_column(rows.columns[name], name)
        return rows.customers[len(rows.customers) - 1].as_py()


def _check_column(values: NDArray[Any], name: str) -> None:
    """Refuse numbers that are not finite, and responses that are no probabilities."""
    low, high = float(values.min()), float(values.max())  # NaN where there is one
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InvalidInput(f"candidates, column {name!r}: expected finite numbers, got {low}")
    if name == "response" and (low < 0 or high > 1):
        outside = low if low < 0 else high
        raise InvalidInput(
            f"candidates, column 'response': expected probabilities from 0 to 1, got {outside}"
        )
