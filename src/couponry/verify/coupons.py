"""Checks allocated coupons: each is a candidate, allocated once, and its columns are right."""

from __future__ import annotations

import numpy as np

from .allocation import GivenCoupons
from .block import Block
from .claims import COUNT, Claims, Tally
from .inputs import Inputs
from .rounding import ROUNDING, Integers

SOURCES = {
    "value": ("value", "response"),
    "response": ("response",),
    "cost": ("cost", "issue_cost", "face_value"),
}
"""Columns of the allocation, and the columns of the campaign that each is equal to or follows from."""


class CouponChecks:
    """Looks the coupons of an allocation up among the candidates, a block of customers at a time.

    Parameters
    ----------
    allocation : GivenCoupons
    inputs : Inputs
    claims : Claims
        Receives problems with the columns.
    complete : bool
        Whether the allocation must have every column that the campaign format says.
    """

    def __init__(self, allocation: GivenCoupons, inputs: Inputs, claims: Claims, *, complete: bool):
        self._allocation = allocation
        self._columns = []
        claims.check("allocated", len(allocation))
        for name in inputs.unit_columns if complete else ():
            if name not in allocation.names:
                claims.note(f"allocation: expected a column {name!r}")
        for name in inputs.claimed:
            there = any(map(inputs.has, SOURCES.get(name, (name,))))
            if complete and there != (name in allocation.names):
                expected = "expected" if there else "did not expect"
                claims.note(f"allocation: {expected} a column {name!r}")
            if there and allocation.is_usable(name):
                self._columns.append(name)

    def check(self, block: Block, tally: Tally) -> Integers:
        """Check the coupons of a block.

        Parameters
        ----------
        block : Block
            The candidates of some customers.
        tally : Tally
            Receives coupons that are wrong.

        Returns
        -------
        ndarray of int64, shape (n_allocated,)
            Rows of the block, ascending; a coupon that is given twice is there twice, one that is no candidate is not.
        """
        span = self._allocation.span(block)
        found = block.rows_of_keys(self._allocation.keys[span])
        self._allocation.count_foreign(span.start + np.flatnonzero(found < 0), tally)
        kept = np.flatnonzero(found >= 0)
        rows, at = found[kept], span.start + kept
        again = at[np.diff(rows, prepend=-1) == 0]
        first = self._allocation.first_of(again)
        tally.add(f"allocation: {COUNT} coupons are given twice, first", len(again), *first)
        for name in self._columns:
            self._check_column(name, block, rows, at, tally)
        self._allocation.release(span)
        return rows

    def _check_column(
        self, name: str, block: Block, rows: Integers, at: Integers, tally: Tally
    ) -> None:
        """Compare a column of the allocation, at some of its places, with what candidates in `rows` say."""
        claimed = self._allocation.columns[name][at]
        true, size = block.amounts(name, rows, "allocation")
        wrong = np.flatnonzero(~(np.abs(claimed - true) <= ROUNDING * size))
        first, row = self._allocation.first_of(at[wrong])
        if len(wrong):
            one = wrong[np.argmin(self._allocation.rows(at[wrong]))]
            first += f": expected {true[one]}, got {claimed[one]}"
        tally.add(
            f"allocation: column {name!r} is wrong in {COUNT} rows, first", len(wrong), first, row
        )
