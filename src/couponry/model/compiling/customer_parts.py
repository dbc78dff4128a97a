"""Parts of the customers that limits tell apart, and the segments that all limits together do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.where.filters import Where
from ...utils.errors import Unsupported
from ..customers import Customers
from ..limit_bounds import combined

MAX_SEGMENTS = 65_536
"""Segments are numbered in 16 bits."""

MOST_COUNTED_SPLITS = 1 << 22
"""Combinations of a segment and a part up to which they are counted in an array; more of them are sorted."""

MOST_LOOKED_UP = 1 << 16
"""Numbers up to which a place is looked up in an array that stays in a processor's caches; larger ones are bisected."""


@dataclass(frozen=True)
class CustomerParts:
    """Customers who fulfil conditions, parted by the values of some of their columns.

    Attributes
    ----------
    where : mapping
        Conditions on columns of customers.
    columns : tuple of str
        Columns of customers; without any, all who fulfil the conditions are one part.
    distinct : tuple of list
        Values of each column.
    key : ndarray of int64, shape (n_parts,)
        Combination of values of each part, as `combined` numbers them, ascending.
    label : str
        The limit that asks, for messages.
    """

    where: Where
    columns: tuple[str, ...]
    distinct: tuple[list[Any], ...]
    key: NDArray[np.int64]
    label: str

    def __len__(self) -> int:
        return len(self.key)

    @property
    def are_all_alike(self) -> bool:
        """Whether every customer is of one part."""
        return not self.where and not self.columns

    def is_same_as(self, other: CustomerParts) -> bool:
        """Tell whether both part customers alike."""
        return (
            self.where == other.where
            and self.columns == other.columns
            and self.distinct == other.distinct
            and np.array_equal(self.key, other.key)
        )

    def of(self, customers: Customers) -> NDArray[np.int64]:
        """Number the part of each customer who has candidates.

        Parameters
        ----------
        customers : Customers

        Returns
        -------
        ndarray of int64, shape (n_customers,)
            -1: in none.

        Raises
        ------
        InvalidInput
            Where the table customers has no such column, or a condition makes no sense.
        """
        rows = customers.rows(self.label)
        return self.of_table(customers)[rows]

    def of_table(self, customers: Customers) -> NDArray[np.int64]:
        """Number the part of each row of the table customers.

        Parameters
        ----------
        customers : Customers

        Returns
        -------
        ndarray of int64, shape (n_rows,)
            -1: in none.
        """
        inside = customers.fulfil(self.where, self.label)
        code = np.zeros((len(inside), 0), np.int64)
        if self.columns:
            found = [
                customers.codes(name, values, self.label)
                for name, values in zip(self.columns, self.distinct, strict=True)
            ]
            code = np.stack(found, axis=1)
        return np.where(inside, places(combined(code, self.distinct), self.key), -1)


def places(wanted: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find numbers among others.

    Parameters
    ----------
    wanted : ndarray of int64, shape (n,)
    among : ndarray of int64, shape (m,)
        Ascending.

    Returns
    -------
    ndarray of int64, shape (n,)
        Where each is; -1: nowhere.
    """
    if len(among) == 0:
        return np.full(len(wanted), -1)
    if among[0] >= 0 and among[-1] < min(len(wanted), MOST_LOOKED_UP):
        place = np.full(int(among[-1]) + 2, -1)  # the last one is of numbers beyond
        place[among] = np.arange(len(among))
        return place[np.where(wanted < 0, len(place) - 1, np.minimum(wanted, len(place) - 1))]
    at = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    return np.where(among[at] == wanted, at, -1)


class Segments:
    """Customers divided by everything that limits ask of them.

    Parameters
    ----------
    customers : Customers

    Attributes
    ----------
    kinds : ndarray of int64, shape (n_segments, n_parted)
        Part that each segment is in, of each thing that customers were parted by; -1: in none.
    """

    def __init__(self, customers: Customers):
        self._customers = customers
        self._segment: NDArray[np.int64] = np.zeros(1, np.int64)
        self._parted: list[CustomerParts] = []
        self.kinds: NDArray[np.int64] = np.zeros((1, 0), np.int64)

    @property
    def count(self) -> int:
        """How many segments there are."""
        return len(self.kinds)

    @property
    def segment(self) -> NDArray[np.uint16]:
        """Segment of each customer, shape (n_customers,), or (1,) where limits tell no customers apart."""
        return self._segment.astype(np.uint16)

    def tell_apart(self, parts: CustomerParts) -> None:
        """Tell parts of the customers apart.

        Parameters
        ----------
        parts : CustomerParts

        Raises
        ------
        InvalidInput
            Where what is asked of customers makes no sense.
        Unsupported
            Where there are too many segments.
        """
        if parts.are_all_alike or self._place(parts) is not None:
            return
        part = parts.of(self._customers)
        self._segment, self.kinds = _split(self._segment, self.kinds, part, len(parts))
        self._parted.append(parts)
        if self.count > MAX_SEGMENTS:
            raise Unsupported(
                f"limits: they tell more than {MAX_SEGMENTS:,} segments of customers apart"
            )

    def part_of_each(self, parts: CustomerParts) -> NDArray[np.int64]:
        """Return the part of each segment, once all are told apart.

        Parameters
        ----------
        parts : CustomerParts
            Told apart.

        Returns
        -------
        ndarray of int64, shape (n_segments,)
            -1: in none.
        """
        place = self._place(parts)
        return np.zeros(self.count, np.int64) if place is None else self.kinds[:, place]

    def _place(self, parts: CustomerParts) -> int | None:
        """Where the same parts were told apart before."""
        for place, known in enumerate(self._parted):
            if known is parts or known.is_same_as(parts):
                return place
        return None


def _split(
    segment: NDArray[np.int64], kinds: NDArray[np.int64], part: NDArray[np.int64], n_parts: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tell segments apart that a part splits, in the order of what they are in; `kinds`: parts of each segment."""
    split = (1 + n_parts) * segment + 1 + part
    size = (1 + n_parts) * len(kinds)
    if size <= MOST_COUNTED_SPLITS:
        present = np.bincount(split, minlength=size) > 0
        segment, number = (np.cumsum(present) - 1)[split], np.flatnonzero(present)
    else:
        number, segment = np.unique(split, return_inverse=True)
        segment = segment.reshape(-1)
    known, added = np.divmod(number, 1 + n_parts)
    return segment, np.column_stack([kinds[known], added - 1])
