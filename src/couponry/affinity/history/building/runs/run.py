"""A run: purchases by ranges of their customers' ids, in the smallest types that hold them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .....kernels.purchases_contract import (
    NARROW_ITEMS,
    NARROW_PERIODS,
    PurchaseColumns,
    PurchaseRows,
)
from ..packed_rows import narrowed, numbers_of, periods_of, widened
from .extents import Extent, Extents

RANGE_BITS = 11
"""Bits of the number of ranges of ids, at most: as many places to write to as caches have room for."""

FULLEST = 1 / 256
"""Share of a run that the fullest of several ids' ranges may hold; else rows are put into the order of single ids."""


SINGLE_RANGE = 63
"""Shift of ranges of which one holds all numbers that are not negative."""


class BlockPlace(NamedTuple):
    """Which block of `HeldRuns` rows are in, and where in it they begin."""

    block: int
    begin: int


class Run(NamedTuple):
    """Purchases by ranges of ids; see `couponry.kernels.purchases_contract.PurchaseRows`.

    Attributes
    ----------
    rows : PurchaseRows
        Customers and what was bought are uint32, and spend is int32, where these hold them; spend without entries where
        nothing was paid.
    shift : int
        Ranges are of 2 ** shift ids each.
    least : int
        The first range: ids of range r are those of which ``id >> shift`` is r.
    starts : ndarray of int64, or None
        Where each range begins, and where the last one ends. None: rows are by id.
    place : BlockPlace or None
        None: the rows are in arrays of their own.
    """

    rows: PurchaseRows
    shift: int
    least: int
    starts: NDArray[np.int64] | None
    place: BlockPlace | None = None

    def cut(self, bounds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find where rows of ids from each of some bounds on begin.

        Parameters
        ----------
        bounds : ndarray of int64
            Ascending multiples of 2 ** shift.

        Returns
        -------
        ndarray of int64
        """
        if self.starts is None:
            return np.searchsorted(self.rows.customer[:], bounds)
        ranges = np.arange(self.least, self.least + len(self.starts) - 1)
        found: NDArray[np.int64] = self.starts[np.searchsorted(ranges, bounds >> self.shift)]
        return found


class Holding(NamedTuple):
    """Types of what is kept of purchases; spend: None where nothing was paid."""

    customer: DTypeLike
    bought: DTypeLike
    spend: DTypeLike | None

    @classmethod
    def of(cls, parts: list[PurchaseColumns], extents: Extents) -> Holding:
        """Return the smallest types that hold purchases of some extents."""
        period, spend = extents.period, extents.spend
        narrow = period.least >= 0 and period.most < NARROW_PERIODS
        narrow = narrow and all(part.number.max() < NARROW_ITEMS for part in parts)
        return cls(
            _holding(extents.customer, np.uint32),
            np.uint32 if narrow else np.uint64,
            None if spend == Extent(0, 0) else _holding(spend, np.int32),
        )

    @property
    def bytes_per_row(self) -> int:
        """What a row takes up."""
        return sum(np.dtype(kind).itemsize for kind in self if kind is not None)

    def new(
        self, rows: int, empty: Callable[[int, DTypeLike], NDArray[Any]] = np.empty
    ) -> PurchaseRows:
        """Room for so many rows; nothing is in it yet."""
        paid: NDArray[Any] = np.empty(0, np.int32)
        if self.spend is not None:
            paid = empty(rows, self.spend)
        return PurchaseRows(empty(rows, self.customer), empty(rows, self.bought), paid)


Room = Callable[[Holding, int], tuple[PurchaseRows, BlockPlace | None]]
"""Finds room for so many rows."""


def new_room(holding: Holding, rows: int) -> tuple[PurchaseRows, None]:
    """Return arrays of their own for so many rows."""
    return holding.new(rows), None


def make_run(
    parts: list[PurchaseColumns], extents: Extents, kernels: ModuleType, room: Room = new_room
) -> Run:
    """Put purchases into a run.

    Parameters
    ----------
    parts : list of PurchaseColumns
        At least one row each, at least one of them.
    extents : Extents
        Of all of them.
    kernels : module
        Of any backend.
    room : callable
        Where the rows are put.

    Returns
    -------
    Run
    """
    customer = extents.customer
    shift = max((customer.most - customer.least).bit_length() - RANGE_BITS, 0)
    least = customer.least >> shift
    count = np.zeros((customer.most >> shift) - least + 1, np.int64)
    for part in parts:
        kernels.count_ranges(part.customer, shift, least, count)
    holding = Holding.of(parts, extents)
    if shift and count.max() > FULLEST * count.sum():
        return _by_id(parts, kernels, room(holding, int(count.sum())))
    return _placed(parts, shift, least, count, kernels, room(holding, int(count.sum())))


def _placed(
    parts: list[PurchaseColumns],
    shift: int,
    least: int,
    count: NDArray[np.int64],
    kernels: ModuleType,
    room: tuple[PurchaseRows, BlockPlace | None],
) -> Run:
    """Put purchases into ranges, of which the rows were counted."""
    rows, where = room
    starts = np.append(0, np.cumsum(count))
    place = starts[:-1].copy()
    for part in parts:
        kernels.place_purchases(part, shift, least, place, rows)
    return Run(rows, shift, least, starts, where)


def make_unplaced_run(
    parts: list[PurchaseColumns], extents: Extents, kernels: ModuleType, room: Room = new_room
) -> Run:
    """Put purchases into a run as they came, for `place_run`.

    Parameters
    ----------
    parts : list of PurchaseColumns
        Customers are numbers from 0 up to 2 ** 32.
    extents : Extents
        Of all of them.
    kernels : module
        Of any backend.
    room : callable
        Where the rows are put.

    Returns
    -------
    Run
        Of a single range.
    """
    count = np.array([sum(len(part.spend) for part in parts)])
    found = room(Holding.of(parts, extents), int(count[0]))
    return _placed(parts, SINGLE_RANGE, 0, count, kernels, found)


def place_run(run: Run, number: NDArray[np.int64], kernels: ModuleType) -> Run:
    """Put a run into ranges of other numbers of its customers.

    Parameters
    ----------
    run : Run
        Of `make_unplaced_run`.
    number : ndarray of int64
        Of each customer.
    kernels : module
        Of any backend.

    Returns
    -------
    Run
        Of as many bytes.
    """
    bought = widened(run.rows.bought[:])
    columns = PurchaseColumns(
        number[run.rows.customer[:]],
        numbers_of(bought),
        periods_of(bought),
        (bought & np.uint64(1)).astype(np.uint8),
        run.rows.spend[:].astype(np.int64)
        if len(run.rows.spend)
        else np.zeros(len(bought), np.int64),
    )
    return make_run([columns], Extents.of_columns(columns), kernels)


def _by_id(
    parts: list[PurchaseColumns], kernels: ModuleType, room: tuple[PurchaseRows, BlockPlace | None]
) -> Run:
    """Put purchases into the order of single ids."""
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    ordered = PurchaseRows.new(len(columns[0]))
    kernels.order_purchases(PurchaseColumns(*columns), ordered)
    rows, where = room
    rows.customer[:] = ordered.customer
    rows.bought[:] = narrowed(ordered.bought) if rows.bought.dtype == np.uint32 else ordered.bought
    if len(rows.spend):
        rows.spend[:] = ordered.spend
    return Run(rows, 0, 0, None, where)


def _holding(extent: Extent, dtype: DTypeLike) -> DTypeLike:
    """Return the type if it holds numbers of this extent, else int64."""
    holds = np.iinfo(dtype)
    return dtype if holds.min <= extent.least and extent.most <= holds.max else np.int64
