"""What coupons use of each row of the limits, in whole numbers, so that sums do not depend on the order of decisions.

What a packed coupon uses is linear in its quantities, and comes with a bound on what packing and rounding hide. Each
row counts in units of its own, a power of two: far below what any coupon weighs, and such that its bounds are no more
than `LARGEST_UNITS`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import MAX_QUANTITY
from ...kernels.late_contract import LARGEST_UNITS
from ...kernels.late_contract import Charges as KernelCharges
from ...solver.problem import ALIKE_STEPS
from ...utils.arrays.ragged import ranges
from ...utils.process.cached_property import cached_property
from .terms import Terms

UNIT_BITS = 36
"""Bits of the largest coupon of a row that has bounds: 2^24 of these may be counted."""

UNBOUNDED_UNIT_BITS = 28
"""The same of a row without any, of which more may be given."""

BOUND_BITS = 59
"""Bits of the largest bound of a row."""

ROUNDING = 1.0 + 2.0**-20
"""Allowance for rounding in what packing hides."""


LISTED_PAIRS = 1 << 22
"""Pairs of all kinds of customers that are listed together, and kept, about: 64 MB."""


class Use(NamedTuple):
    """What is used of each row, and how far that may be off, in its units.

    Attributes
    ----------
    used, error : ndarray of int64, shape (n_rows,)
    """

    used: NDArray[np.int64]
    error: NDArray[np.int64]


class ChargedRows:
    """What coupons use of the rows.

    Parameters
    ----------
    terms : Terms

    Attributes
    ----------
    item, row : ndarray of int64, shape (n_pairs,)
        Pairs of an item and a row in which it weighs something, by item.
    unit : ndarray of float64, shape (n_rows,)
        Units of one.
    up, down : ndarray of float64, shape (n_rows,)
        What late customers may add to a row, and take off it; inf where its limit is soft or has no such bound.
    of_coupon, error : ndarray of int64, shape (n_pairs,)
    of_quantity : ndarray of int64, shape (n_pairs, n_quantities)
    weight : ndarray of float64, shape (n_pairs, 1 + n_attributes)
        As `couponry.kernels.late_contract.Charges` has them.
    """

    def __init__(self, terms: Terms):
        limits = terms.limits
        hard = np.isinf(limits.penalty)
        self.up, self.down = (
            np.where(hard, np.maximum(0.0, left), np.inf)
            for left in (
                limits.upper - terms.activity - terms.error,
                terms.activity - terms.error - limits.lower,
            )
        )
        self._n_items, n_rows = len(terms.items), len(terms.price)
        self.item, self.row, self.weight = _pairs(terms)
        of_coupon, of_quantity, hidden = self._packed(terms)
        largest = np.zeros(n_rows)
        most = np.abs(of_coupon) + MAX_QUANTITY * np.abs(of_quantity).sum(axis=1)
        np.maximum.at(largest, self.row, most)
        self.unit = np.ldexp(1.0, self._shift(largest))
        unit = self.unit[self.row]
        scaled, slopes = of_coupon * unit, of_quantity * unit[:, None]
        self.of_coupon = np.rint(scaled).astype(np.int64)
        self.of_quantity = np.rint(slopes).astype(np.int64)
        rounded = np.abs(scaled - self.of_coupon)
        rounded += MAX_QUANTITY * np.abs(slopes - self.of_quantity).sum(axis=1)
        self.error = np.ceil(hidden * unit + rounded).astype(np.int64)

    def _packed(
        self, terms: Terms
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """What a packed coupon uses, what each unit of its quantities adds, and what packing hides of that."""
        of_coupon, hidden = self.weight[:, 0].copy(), np.zeros(len(self.item))
        of_quantity = np.zeros((len(self.item), terms.quantities))
        for a, q in enumerate(terms.packing.quantity_of.tolist()):
            step = terms.packing.step[a, self.item]
            of_coupon += self.weight[:, 1 + a] * terms.least[a, self.item]
            if q >= 0:
                of_quantity[:, q] += self.weight[:, 1 + a] * step
                hidden += np.abs(self.weight[:, 1 + a]) * (0.5 + ALIKE_STEPS) * step * ROUNDING
        return of_coupon, of_quantity, hidden

    def _shift(self, largest: NDArray[np.float64]) -> NDArray[np.int64]:
        """A row's unit is 2 to minus this power."""
        bounds = np.array([self.up, self.down])
        bound = np.where(np.isfinite(bounds), bounds, 0.0).max(axis=0, initial=0.0)
        is_bounded = np.isfinite(bounds).any(axis=0)
        bits = np.where(is_bounded, UNIT_BITS, UNBOUNDED_UNIT_BITS) - np.frexp(largest)[1]
        shift = np.minimum(bits, BOUND_BITS - np.frexp(bound)[1])
        return np.asarray(shift, np.int64)

    def of_items(
        self,
        item: NDArray[np.int64],
        pair: NDArray[np.int64],
        weight: NDArray[np.float64],
        n_items: int,
    ) -> ChargedRows:
        """Make the same of other items.

        Parameters
        ----------
        item : ndarray of int64, shape (n_pairs,)
            Ascending.
        pair : ndarray of int64, shape (n_pairs,)
            Of these, what it uses.
        weight : ndarray of float64, shape (n_own_pairs, 1 + n_attributes)
            What to have in place of `weight`.
        n_items : int

        Returns
        -------
        ChargedRows
        """
        made = ChargedRows.__new__(ChargedRows)
        made.up, made.down, made.unit, made._n_items = self.up, self.down, self.unit, n_items
        made.item, made.row, made.weight = item, self.row[pair], weight[pair]
        made.of_coupon, made.of_quantity = self.of_coupon[pair], self.of_quantity[pair]
        made.error = self.error[pair]
        return made

    def kernel_charges(self, covers: NDArray[np.bool_]) -> KernelCharges:
        """Make what the kernel charges by.

        Parameters
        ----------
        covers : ndarray of bool, shape (n_kinds, n_rows)
            Which rows are about each kind of customer.

        Returns
        -------
        couponry.kernels.late_contract.Charges
        """
        return KernelCharges(
            self._ptr, self._row, self.of_coupon, self.of_quantity, self.error, self.weight,
            self.unit, covers.astype(np.uint8),
        )  # fmt: skip

    @cached_property
    def _row(self) -> NDArray[np.int32]:
        """Rows as kernels take them."""
        return self.row.astype(np.int32)

    @cached_property
    def _ptr(self) -> NDArray[np.int64]:
        """Where the pairs of each item begin."""
        return np.searchsorted(self.item, np.arange(self._n_items + 1)).astype(np.int64)

    @cached_property
    def by_row(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs in the order of rows, then of items, and where each row's begin."""
        order = np.argsort(self.row, kind="stable")
        return order, np.searchsorted(self.row[order], np.arange(len(self.unit) + 1))

    def of_usage(self, pairs: CoveredPairs, usage: NDArray[np.int64]) -> Use:
        """Add up what packed coupons use.

        Parameters
        ----------
        pairs : CoveredPairs
        usage : ndarray of int64, shape (1 + n_quantities, n_kinds, n_items)
            Coupons, and sums of each quantity.

        Returns
        -------
        Use
        """
        total = self.nothing()
        for kind, pair in pairs.used(usage):
            count, *sums = usage[:, kind, self.item[pair]]
            used, about = self.of_coupon[pair] * count, self.of_coupon[pair] * count.astype(float)
            for q, each in enumerate(sums):
                used += self.of_quantity[pair, q] * each
                about += self.of_quantity[pair, q] * each.astype(float)
            self._add(total, self.row[pair], used, about)
            np.add.at(total.error, self.row[pair], self.error[pair] * count)
        return total

    def of_given(
        self,
        covers: NDArray[np.bool_],
        kind: NDArray[np.int64],
        item: NDArray[np.int64],
        exact: NDArray[np.float64],
    ) -> Use:
        """Add up what coupons use whose attributes are beyond what was packed.

        Parameters
        ----------
        covers : ndarray of bool, shape (n_kinds, n_rows)
        kind, item : ndarray of int64, shape (n,)
            Kind of each coupon's customer, and item.
        exact : ndarray of float64, shape (n_attributes, n)
            Attributes as given.

        Returns
        -------
        Use
        """
        count = self._ptr[item + 1] - self._ptr[item]
        pair, coupon = ranges(self._ptr[item], count), np.repeat(np.arange(len(item)), count)
        covered = covers[kind[coupon], self.row[pair]]
        pair, coupon = pair[covered], coupon[covered]
        amount = self.weight[pair, 0]
        for a, values in enumerate(exact):
            amount = amount + self.weight[pair, 1 + a] * values[coupon]
        row = self.row[pair]
        amount = np.clip(amount * self.unit[row], -float(LARGEST_UNITS), float(LARGEST_UNITS))
        whole, total = np.rint(amount), self.nothing()
        self._add(total, row, whole.astype(np.int64), whole)
        np.add.at(total.error, row, whole != amount)
        return total

    def nothing(self) -> Use:
        """Make a use of nothing."""
        used, error = np.zeros((2, len(self.unit)), np.int64)
        return Use(used, error)

    def least_units(self) -> NDArray[np.int64]:
        """Bound from below what a packed coupon uses, what is hidden included, for each pair."""
        least: NDArray[np.int64] = self._least + self.error
        return least

    def may_fall(self) -> NDArray[np.bool_]:
        """Tell which rows some packed coupon takes something off, shape (n_rows,)."""
        return np.bincount(self.row, self._least < 0, minlength=len(self.unit)) > 0

    @cached_property
    def _least(self) -> NDArray[np.int64]:
        """What a packed coupon uses at least, for each pair."""
        falling = np.minimum(0, self.of_quantity).sum(axis=1)
        return np.asarray(self.of_coupon + MAX_QUANTITY * falling)

    def _add(
        self,
        total: Use,
        row: NDArray[np.int64],
        used: NDArray[np.int64],
        about: NDArray[np.float64],
    ) -> None:
        """Add amounts (about: the same in float64) to a total; what is beyond the largest counts as that."""
        np.add.at(total.used, row, used)
        size = np.bincount(row, np.abs(about), minlength=len(total.used))
        large = size >= LARGEST_UNITS / 2
        if large.any():
            sums = np.bincount(row, about, minlength=len(total.used))
            most = np.clip(sums, -float(LARGEST_UNITS), float(LARGEST_UNITS)).astype(np.int64)
            total.used[large] = most[large]


class CoveredPairs:
    """The pairs of an item and a row that is about a kind of customer, by kind: each kind has few where there are many.

    Parameters
    ----------
    covers : ndarray of bool, shape (n_kinds, n_rows)
        Which rows are about each kind of customer.
    charges : ChargedRows
    """

    def __init__(self, covers: NDArray[np.bool_], charges: ChargedRows):
        self._covers, self._charges = covers, charges
        self._listed: list[tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Kinds, and the numbers of pairs that their customers are charged for, a piece at a time."""
        if self._listed is not None:
            return iter(self._listed)
        before = np.cumsum(self._covers @ np.diff(self._charges.by_row[1]))
        cuts = np.searchsorted(before, np.arange(LISTED_PAIRS, before[-1], LISTED_PAIRS))
        ends = np.unique([0, *cuts, len(before)])
        pieces = (self._piece(*piece) for piece in itertools.pairwise(ends.tolist()))
        if len(ends) > 2:
            return pieces
        self._listed = list(pieces)
        return iter(self._listed)

    def _piece(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order, ptr = self._charges.by_row
        kind, row = np.nonzero(self._covers[start:stop])
        count = ptr[row + 1] - ptr[row]
        return np.repeat(start + kind, count), order[ranges(ptr[row], count)]

    def used(
        self, usage: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """The same of the items that some coupons are of.

        Parameters
        ----------
        usage : ndarray of int64, shape (1 + n_quantities, n_kinds, n_items)

        Yields
        ------
        kind, pair : ndarray of int64, shape (n,)
        """
        for kind, pair in self:
            is_used = usage[0, kind, self._charges.item[pair]] > 0
            yield kind[is_used], pair[is_used]


def added(a: Use, b: Use) -> Use:
    """Add two uses; what is beyond the largest counts as that.

    Parameters
    ----------
    a, b : Use

    Returns
    -------
    Use
    """
    return Use(*(np.clip(x + y, -LARGEST_UNITS, LARGEST_UNITS) for x, y in zip(a, b, strict=True)))


def subtracted(a: Use, b: Use) -> Use:
    """Take a part off a use.

    Parameters
    ----------
    a, b : Use

    Returns
    -------
    Use
    """
    return Use(a.used - b.used, a.error - b.error)


def _pairs(
    terms: Terms,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Item and row of each pair, and what a coupon and its attributes weigh there."""
    n_rows = max(1, len(terms.price))
    entries = terms.limits.rows.tocoo()
    attribute, item = np.divmod(entries.coords[1].astype(np.int64), len(terms.items))
    key, pair = np.unique(item * n_rows + entries.coords[0].astype(np.int64), return_inverse=True)
    weight = np.zeros((len(key), 1 + len(terms.attributes)))
    weight[pair, attribute] = entries.data
    return key // n_rows, key % n_rows, weight
