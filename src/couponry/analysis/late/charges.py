"""What coupons use of each row of the limits, in whole numbers, so that sums do not depend on the order of decisions.

The charge of a packed coupon is linear in its quantities, and comes with a bound on what packing hides. Each row counts
in units of its own, a power of two, far below what any coupon weighs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import MAX_QUANTITY
from ...solver.problem import ALIKE_STEPS
from ...utils.arrays.ragged import ranges
from .terms import Kind, Terms

UNIT_BITS = 60
"""Bits of the largest coefficient of a row, in the row's units."""

ROUNDING = 1.0 + 2.0**-20
"""Room for rounding in what packing hides."""

Charge = dict[int, tuple[int, int]]
"""By row: what is used, and how far that may be off, in the row's units."""


class PackedCharge(NamedTuple):
    """What a packed coupon of an item uses of one row.

    Attributes
    ----------
    row : int
    of_coupon : int
    of_quantity : tuple of int, or None
        For each unit of each quantity; None where that is nothing.
    error : int
        What packing hides, at most.
    """

    row: int
    of_coupon: int
    of_quantity: tuple[int, ...] | None
    error: int


class Charges:
    """What coupons use of the rows.

    Parameters
    ----------
    terms : Terms

    Attributes
    ----------
    item, row : ndarray of int64, shape (n_pairs,)
        Pairs of an item and a row in which it weighs something, by item.
    weight : ndarray of float64, shape (n_pairs, 1 + n_attributes)
        Of a coupon, and of a unit of each attribute as given.
    of_coupon, error : ndarray of float64, shape (n_pairs,)
    of_quantity : ndarray of float64, shape (n_pairs, n_quantities)
        As `PackedCharge` has them.
    shift : ndarray of int64, shape (n_rows,)
        A row's unit is 2 to minus this power.
    """

    def __init__(self, terms: Terms):
        self._terms = terms
        n_items, n_rows = len(terms.items), len(terms.price)
        entries = terms.limits.rows.tocoo()
        attribute, item = np.divmod(entries.coords[1].astype(np.int64), n_items)
        key, pair = np.unique(
            item * max(1, n_rows) + entries.coords[0].astype(np.int64), return_inverse=True
        )
        self.item, self.row = key // max(1, n_rows), key % max(1, n_rows)
        self.weight = np.zeros((len(key), 1 + len(terms.attributes)))
        self.weight[pair, attribute] = entries.data
        self.of_coupon = self.weight[:, 0].copy()
        self.of_quantity = np.zeros((len(key), terms.quantities))
        self.error = np.zeros(len(key))
        for a, q in enumerate(terms.packing.quantity_of.tolist()):
            step = terms.packing.step[a, self.item]
            self.of_coupon += self.weight[:, 1 + a] * terms.least[a, self.item]
            if q >= 0:
                self.of_quantity[:, q] += self.weight[:, 1 + a] * step
                self.error += np.abs(self.weight[:, 1 + a]) * (0.5 + ALIKE_STEPS) * step * ROUNDING
        largest = np.zeros(n_rows)
        np.maximum.at(largest, self.row, np.abs(self.of_coupon))
        most = MAX_QUANTITY * np.abs(self.of_quantity).sum(axis=1)
        np.maximum.at(largest, self.row, most)
        self.shift = UNIT_BITS - np.frexp(largest)[1].astype(np.int64)
        self._ptr = np.searchsorted(self.item, np.arange(n_items + 1))
        self._known: dict[tuple[Kind, int], list[PackedCharge]] = {}

    def in_units(self, row: int, amount: float) -> int:
        """Turn an amount into units of a row, the nearest whole number.

        Parameters
        ----------
        row : int
        amount : float

        Returns
        -------
        int
        """
        return round(math.ldexp(amount, int(self.shift[row])))

    def as_amount(self, row: int, units: int) -> float:
        """Turn units of a row into an amount.

        Parameters
        ----------
        row, units : int

        Returns
        -------
        float
        """
        return math.ldexp(units, -int(self.shift[row]))

    @cached_property
    def _whole(self) -> list[PackedCharge]:
        """The pairs' charges in whole numbers."""
        rows = self.row.tolist()
        return [
            PackedCharge(
                row,
                self.in_units(row, of_coupon),
                tuple(self.in_units(row, amount) for amount in of_quantity)
                if any(of_quantity)
                else None,
                math.ceil(math.ldexp(error, int(self.shift[row]))),
            )
            for row, of_coupon, of_quantity, error in zip(
                rows,
                self.of_coupon.tolist(),
                self.of_quantity.tolist(),
                self.error.tolist(),
                strict=True,
            )
        ]

    def of_item(self, kind: Kind, item: int) -> list[PackedCharge]:
        """List what a packed coupon of an item uses.

        Parameters
        ----------
        kind : Kind
            Of its customer.
        item : int

        Returns
        -------
        list of PackedCharge
        """
        found = self._known.get((kind, item))
        if found is None:
            covers = self._terms.covers(kind)
            pairs = range(int(self._ptr[item]), int(self._ptr[item + 1]))
            found = [self._whole[pair] for pair in pairs if covers[self.row[pair]]]
            self._known[kind, item] = found
        return found

    def add_given(self, charge: Charge, kind: Kind, item: int, exact: Iterable[float]) -> None:
        """Add what a coupon uses whose attributes are beyond what was packed.

        Parameters
        ----------
        charge : Charge
            IN/OUT.
        kind : Kind
            Of its customer.
        item : int
        exact : iterable of float
            Its attributes as given.
        """
        covers = self._terms.covers(kind)
        values = list(exact)
        for pair in range(int(self._ptr[item]), int(self._ptr[item + 1])):
            row = int(self.row[pair])
            if covers[row]:
                weight = self.weight[pair].tolist()
                total = weight[0]
                for slope, value in zip(weight[1:], values, strict=True):
                    total += slope * value
                used, error = charge.get(row, (0, 0))
                charge[row] = used + self.in_units(row, total), error

    def add_all_given(
        self,
        charge: Charge,
        kinds: list[Kind],
        kind: NDArray[np.int64],
        item: NDArray[np.int64],
        exact: NDArray[np.float64],
    ) -> None:
        """Add what many coupons use whose attributes are beyond what was packed.

        Parameters
        ----------
        charge : Charge
            IN/OUT.
        kinds : list of Kind
        kind : ndarray of int64, shape (n,)
            Number of the kind of each coupon's customer.
        item : ndarray of int64, shape (n,)
        exact : ndarray of float64, shape (n_attributes, n)
            Attributes as given.
        """
        count = self._ptr[item + 1] - self._ptr[item]
        pair, coupon = ranges(self._ptr[item], count), np.repeat(np.arange(len(item)), count)
        covers = np.stack([self._terms.covers(each) for each in kinds])
        covered = covers[kind[coupon], self.row[pair]]
        pair, coupon = pair[covered], coupon[covered]
        total = self.weight[pair, 0]
        for a, values in enumerate(exact):
            total = total + self.weight[pair, 1 + a] * values[coupon]
        row = self.row[pair]
        units = np.rint(np.ldexp(total, self.shift[row]))
        for each, amount in zip(row.tolist(), units.tolist(), strict=True):
            used, error = charge.get(each, (0, 0))
            charge[each] = used + int(amount), error

    def of_usage(self, kinds: list[Kind], usage: NDArray[np.int64]) -> Charge:
        """Add up what packed coupons use.

        Parameters
        ----------
        kinds : list of Kind
        usage : ndarray of int64, shape (1 + n_quantities, n_kinds, n_items)
            Coupons, and sums of each quantity.

        Returns
        -------
        Charge
        """
        covers = np.stack([self._terms.covers(kind) for kind in kinds])
        charge: Charge = {}
        together: dict[bytes, NDArray[np.int64]] = {}
        for pair in np.flatnonzero(usage[0].any(axis=0)[self.item]).tolist():
            row, of_coupon, of_quantity, error = self._whole[pair]
            key = covers[:, row].tobytes()
            if key not in together:
                together[key] = usage[:, covers[:, row]].sum(axis=1)
            count, *sums = together[key][:, self.item[pair]].tolist()
            if count:
                used, off = charge.get(row, (0, 0))
                used += of_coupon * count
                for each, total in zip(of_quantity or (), sums, strict=False):
                    used += each * total
                charge[row] = used, off + error * count
        return charge

    def pairs_of(self, row: int) -> NDArray[np.int64]:
        """List the pairs of a row.

        Parameters
        ----------
        row : int

        Returns
        -------
        ndarray of int64
        """
        order, ptr = self._by_row
        return order[ptr[row] : ptr[row + 1]]

    @cached_property
    def _by_row(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pairs by row, and where each row's begin."""
        order = np.argsort(self.row, kind="stable")
        return order, np.searchsorted(self.row[order], np.arange(len(self.shift) + 1))

    def amounts_of(
        self, row: int, item: NDArray[np.int64], quantity: NDArray[np.uint16]
    ) -> NDArray[np.float64]:
        """Say about how much packed coupons use of a row, what packing hides included.

        Parameters
        ----------
        row : int
        item : ndarray of int64, shape (n,)
        quantity : ndarray of uint16, shape (n_quantities, n)

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        of_row = self.pairs_of(row)
        pair_of = np.full(len(self._terms.items), -1)
        pair_of[self.item[of_row]] = of_row
        pair = pair_of[item]
        amount = self.of_coupon[pair] + self.error[pair]
        for q, each in enumerate(quantity):
            amount += self.of_quantity[pair, q] * each
        return np.where(pair >= 0, amount, 0.0)

    def least_amounts(self) -> NDArray[np.float64]:
        """Bound from below what a packed coupon uses, what packing hides included, for each pair.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
        """
        falling = np.minimum(0.0, self.of_quantity).sum(axis=1)
        least: NDArray[np.float64] = self.of_coupon + MAX_QUANTITY * falling + self.error
        return least
