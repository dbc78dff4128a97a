"""Amounts that customer rules sum, as whole numbers of a resolution, rounded to the side on which bounds are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....data import tables
from ....data.candidates import Candidates
from ....kernels.row_layout import MOST_COEFFICIENT, NO_BOUND
from ....utils.arrays.blocks import blocks
from ....utils.arrays.mapped_arrays import release_pages
from ....utils.errors import InvalidInput
from ...customers import Customers
from ...items import Items
from ...rules import CustomerRule
from ..coupon_columns import summable
from ..measures import default_parts, refuse_missing, summed_parts

WHOLE = 1e-9
"""Share by which an amount may be off a whole multiple of the resolution and counts as one: float64 has no cents."""


UNITS_BY_DEFAULT = 100.0
"""Units of a resolution that nobody chose which the largest amount must have, where amounts are rounded to them."""


@dataclass(frozen=True)
class RuleAmount:
    """What a rule sums.

    Attributes
    ----------
    rule : CustomerRule
        With a `sum`.
    parts : tuple of str
        Columns that it is made of.
    is_default : bool
        Whether it is the default cost or value, made of several columns.
    is_of_customers : bool
        Whether it is a column of customers: each coupon counts what its customer has.
    """

    rule: CustomerRule
    parts: tuple[str, ...]
    is_default: bool
    is_of_customers: bool = False

    @classmethod
    def of(
        cls, rule: CustomerRule, items: Items, candidates: Candidates, customers: Customers
    ) -> RuleAmount:
        """Find out what a rule's `sum` is made of.

        Parameters
        ----------
        rule : CustomerRule
        items : Items
        candidates : Candidates
        customers : Customers

        Returns
        -------
        RuleAmount

        Raises
        ------
        InvalidInput
            Where there is no such column.
        """
        name, of_offers = str(rule.sum), items.offers.column_names
        have, of_customers = {*candidates.columns, *of_offers}, summable(customers.columns)
        names = [*dict.fromkeys([*candidates.columns, *of_offers, *of_customers])]
        refuse_missing(name, f"{rule.label}: sum", {*have, *of_customers}, names)
        if name in have or name == "count":
            return cls(rule, (name,), False)
        if name in of_customers:
            return cls(rule, (name,), False, True)
        fixed, per_response = default_parts(name)
        return cls(rule, (*fixed, *per_response, "response"), True)

    def values(self, part: Callable[[str], Any]) -> Any:
        """Return the amounts.

        Parameters
        ----------
        part : callable
            Returns a column by its name.

        Returns
        -------
        ndarray of float64
        """
        if not self.is_default:
            return part(self.parts[0])
        return summed_parts(part, *default_parts(str(self.rule.sum)))

    def is_of_candidates(self, candidates: Candidates) -> bool:
        """Tell whether candidates of one item may differ in it.

        Parameters
        ----------
        candidates : Candidates

        Returns
        -------
        bool
        """
        return self.is_of_customers or any(part in candidates.columns for part in self.parts)

    def of_items(self, items: Items) -> NDArray[np.float64]:
        """Return the amount of each item, where candidates do not differ in it.

        Parameters
        ----------
        items : Items

        Returns
        -------
        ndarray of float64, shape (n_items,)
        """

        def part(name: str) -> Any:
            if name == "count":
                return np.ones(len(items))
            if name not in items.offers.column_names:
                return np.zeros(len(items))
            return tables.numbers(items.offers, "offers", name)[items.offer]

        return np.asarray(self.values(part), np.float64)

    def of_candidates(
        self, candidates: Candidates, items: Items, customers: Customers
    ) -> NDArray[np.float64]:
        """Return the amount of each candidate.

        Parameters
        ----------
        candidates : Candidates
        items : Items
        customers : Customers

        Returns
        -------
        ndarray of float64, shape (n_candidates,)
        """
        if self.is_of_customers:
            values = customers.numbers(self.parts[0], f"{self.rule.label}: sum")
            return np.repeat(values, np.diff(candidates.indptr))
        offers = items.offers
        of_offers = {
            name: tables.numbers(offers, "offers", name)
            for name in self.parts
            if name in offers.column_names and name not in candidates.columns
        }
        found = np.empty(len(candidates))
        for rows in blocks(len(candidates)):

            def part(name: str, rows: slice = rows) -> Any:
                if name in candidates.columns:
                    return candidates.columns[name][rows].astype(np.float64, copy=False)
                if name in of_offers:
                    return of_offers[name][candidates.offer[rows]]
                return 0.0

            found[rows] = self.values(part)
            release_pages(candidates.offer[rows])
            release_pages(*(column[rows] for column in candidates.columns.values()))
        return found

    def whole(self, amounts: NDArray[np.float64], up: bool, what: str) -> NDArray[np.int64]:
        """Count amounts in whole multiples of the rule's resolution.

        Parameters
        ----------
        amounts : ndarray of float64
        up : bool
            Whether what lies between two of them counts as the larger one.
        what : str
            Where they are from, for messages.

        Returns
        -------
        ndarray of int64, same shape

        Raises
        ------
        InvalidInput
            Where they are too large to be counted.
        """
        resolution = self.rule.resolution_of_sum
        units = amounts / resolution
        most = float(np.abs(units).max(initial=0.0))
        if not np.isfinite(most):
            raise InvalidInput(f"{self.rule.label}: sum: {what}: expected finite numbers")
        if most > MOST_COEFFICIENT:
            largest = float(np.abs(amounts).max())
            raise InvalidInput(
                f"{self.rule.label}: resolution: expected at least {largest / MOST_COEFFICIENT:.1g}, as {what} "
                f"has {largest:g}, got {resolution:g}"
            )
        return _rounded(units, up)

    def refuse_coarse(self, amounts: NDArray[np.float64], what: str) -> None:
        """Refuse a resolution that leaves little of the amounts.

        Parameters
        ----------
        amounts : ndarray of float64
        what : str
            Where they are from, for messages.

        Raises
        ------
        InvalidInput
            Where none is as large as one unit, or as so many that rounding does not matter if nobody chose the unit.
        """
        resolution = self.rule.resolution_of_sum
        least = 1.0 if self.rule.resolution is not None else UNITS_BY_DEFAULT
        units = np.abs(amounts) / resolution
        largest = float(units.max(initial=0.0))
        if not 0.0 < largest < least or (_rounded(units, True) == _rounded(units, False)).all():
            return
        fine = 10.0 ** np.floor(np.log10(largest * resolution)) / 1000.0
        raise InvalidInput(
            f"{self.rule.label}: resolution: expected one that tells amounts apart, such as {fine:.0e}, as {what} has "
            f"{largest * resolution:g} at most, got {resolution:g}"
        )

    def bounds(self, bound: NDArray[np.float64], up: bool) -> NDArray[np.int64]:
        """Count bounds likewise; infinite ones, and what is beyond all sums, are none.

        Parameters
        ----------
        bound : ndarray of float64
        up : bool
            As in `whole`.

        Returns
        -------
        ndarray of int64, same shape
        """
        units = np.clip(bound / self.rule.resolution_of_sum, -float(NO_BOUND), float(NO_BOUND))
        return _rounded(units, up)


def _rounded(units: NDArray[np.float64], up: bool) -> NDArray[np.int64]:
    """Whole numbers: the nearest where that is as good as equal, else the next one up or down."""
    nearest = np.rint(units)
    is_whole = np.abs(units - nearest) <= WHOLE * np.abs(units)
    return np.where(is_whole, nearest, np.ceil(units) if up else np.floor(units)).astype(np.int64)
