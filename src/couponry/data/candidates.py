"""The candidates of a campaign in canonical order: by customer, then by offer, whatever the order of the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.arrays.array_store import Arrays, ArrayStore
from ..utils.arrays.derived_arrays import DerivedArrays, SharedArrays
from ..utils.errors import InvalidInput
from ..utils.parallel import work_in_turns
from . import tables
from .candidate_checks import CODED, TABLE, CandidateChecks, NumberedPart
from .candidate_rows import DuplicatePair
from .external_sort import ExternalSort, StoredRows
from .formats.parquet_rows import Part
from .streams import Stream

BY_OFFER = "offer"
"""Says of arrays that are derived that their entries are those of offers, in the order of offers."""


def source_of(column: str) -> str:
    """Say that values are those of a column of candidates, in keys of arrays that are derived.

    Parameters
    ----------
    column : str
        Its name.

    Returns
    -------
    str
    """
    return f"column {column}"


@dataclass(frozen=True)
class Candidates:
    """The eligible pairs of customer and offer. Arrays are in memory or memory-mapped, and read only.

    Attributes
    ----------
    customers : pyarrow.Array, shape (n_customers,)
        Distinct ids in ascending order.
    indptr : ndarray of int64, shape (n_customers + 1,)
        Where each customer's candidates begin, and where the last one's end.
    offer : ndarray of uint16, or uint32 with more than 65,536 offers, shape (n_candidates,)
        Row of the sorted offers.
    role : ndarray of uint8, shape (n_candidates,), or None
        Role codes.
    mandatory : ndarray of uint8, shape (n_candidates,), or None
        1 for those that must be given.
    columns : dict of str to ndarray, shape (n_candidates,) each
        The numeric columns that the campaign uses, as the user gave them: float32 where they were that, else float64.
    derived : DerivedArrays
        Where arrays go that are made of these.
    notes : tuple of str
        What is to be known of the numbers, as whoever made them says.
    """

    customers: pa.Array
    indptr: NDArray[np.int64]
    offer: NDArray[np.uint16] | NDArray[np.uint32]
    role: NDArray[np.uint8] | None
    mandatory: NDArray[np.uint8] | None
    columns: dict[str, NDArray[Any]]
    derived: DerivedArrays = field(default_factory=SharedArrays)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offer)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Candidates in a store are pickled as the name of the store, others by content."""
        reopen = getattr(self.derived, "reopen", None)
        return super().__reduce_ex__(protocol) if reopen is None else (reopen, ())

    def customer_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find whose candidates are at some positions.

        Parameters
        ----------
        positions : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n,)
            Numbers of customers.
        """
        return np.searchsorted(self.indptr, positions, side="right") - 1

    @classmethod
    def of_rows(cls, rows: StoredRows) -> Candidates:
        """Make candidates of rows in canonical order.

        Parameters
        ----------
        rows : StoredRows
            Sorted.

        Returns
        -------
        Candidates
            Over the same arrays.
        """
        columns = dict(rows.columns)
        offer, role = columns.pop("offer"), columns.pop("role", None)
        mandatory = columns.pop("mandatory", None)
        return cls(rows.customers, rows.indptr, offer, role, mandatory, columns)


def build_candidates(
    stream: Stream, offers: pa.Array, store: ArrayStore, threads: int
) -> Candidates:
    """Check the candidates table and put it into canonical order, a block at a time.

    Where the rows come by customer they are read and written once. Where they do not, sorted runs of them are written
    first and then merged.

    Parameters
    ----------
    stream : Stream
        The columns customer and offer, role and mandatory or not, and the numeric columns to keep.
    offers : pyarrow.Array
        Ids of the offers, ascending.
    store : ArrayStore
        Where the arrays go.
    threads : int

    Returns
    -------
    Candidates
        In the store's arrays.

    Raises
    ------
    InvalidInput
    """
    checks = CandidateChecks(stream.schema, offers)
    kinds = checks.dtypes, checks.customer_type
    sort = ExternalSort(store, *kinds, checks.kernels, stream.rows, threads)
    checks.room = sort.room
    try:
        parts = _numbered(stream.parts(sort.block_rows, CODED))
        work_in_turns(checks.checked_rows, sort.add, parts, threads)
        whole = sort.finish()
    except DuplicatePair as pair:
        raise InvalidInput(_describe(pair, stream, offers)) from None
    if whole is None:
        raise InvalidInput("table candidates: expected at least one row, got none")
    found = Candidates.of_rows(whole)
    for name, span in checks.spans.items():
        low, high = span + 0.0  # a zero has one sign, in whatever order rows came
        _remember_span(found.derived, name, {"low": low, "high": high})
    return found


def _remember_span(derived: DerivedArrays, column: str, span: Arrays) -> None:
    """Keep the least and largest value of a column for each offer, so that nobody has to look for them."""
    derived.get_or_make("span", [BY_OFFER, source_of(column)], lambda store: span)


def _numbered(parts: Iterator[Part]) -> Iterator[NumberedPart]:
    """Parts with the numbers of their first rows."""
    first_row = 0
    for part in parts:
        yield NumberedPart(part, first_row)
        first_row += part.rows


def _describe(duplicate: DuplicatePair, stream: Stream, offers: pa.Array) -> str:
    """Which pair is there twice, with the row of its second time where rows can be read again."""
    offer = offers[duplicate.offer].as_py()
    pair = f"the pair of customer {duplicate.customer!r} and offer {offer!r} is there twice"
    times, first_row = 0, 0
    for table in stream.batches() if stream.repeatable else ():
        same = pc.and_(
            pc.equal(tables.ids(table, TABLE, "customer"), duplicate.customer),
            pc.equal(tables.ids(table, TABLE, "offer"), offer),
        )
        found = np.flatnonzero(same.to_numpy(zero_copy_only=False))
        if times + len(found) >= 2:
            return f"table candidates, row {first_row + int(found[1 - times])}: {pair}"
        times, first_row = times + len(found), first_row + len(table)
    return f"table candidates: {pair}"
