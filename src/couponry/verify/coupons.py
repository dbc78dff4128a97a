"""Checks allocated coupons: each is a candidate, allocated once, and its columns are right."""

from __future__ import annotations

import numpy as np

from .allocation import CLAIMED, GivenCoupons
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
    tally : Tally
        Receives coupons that are wrong.
    complete : bool
        Whether the allocation must have every column that the campaign format says.
    """

    def __init__(
        self,
        allocation: GivenCoupons,
        inputs: Inputs,
        claims: Claims,
        tally: Tally,
        *,
        complete: bool,
    ):
        self._allocation, self._inputs, self._tally = allocation, inputs, tally
        self._columns = []
        claims.check("allocated", len(allocation))
        for name in CLAIMED:
            there = any(map(inputs.has, SOURCES[name]))
            if complete and there != (name in allocation.names):
                expected = "expected" if there else "did not expect"
                claims.note(f"allocation: {expected} a column {name!r}")
            if there and allocation.is_usable(name):
                self._columns.append(name)

    def check(self, block: Block) -> Integers:
        """Check the coupons of a block.

        Parameters
        ----------
        block : Block
            The candidates of some customers.

        Returns
        -------
        ndarray of int64, shape (n_allocated,)
            Rows of the block, ascending; a coupon that is given twice is there twice, one that is no candidate is not.
        """
        given = self._allocation.coupons(block)
        rows = block.rows_of_keys(self._allocation.keys(given))
        foreign = given[rows < 0]
        self._allocation.add_foreign(len(foreign), self._first(foreign))
        at, rows = given[rows >= 0], rows[rows >= 0]
        again = at[np.flatnonzero(np.diff(rows, prepend=-1) == 0)]
        self._tally.add(
            f"allocation: {COUNT} coupons are given twice, first", len(again), self._first(again)
        )
        for name in self._columns:
            self._check_column(name, block, at, rows)
        return rows

    def _first(self, at: Integers) -> str:
        """The first of some rows of the allocation."""
        return self._allocation.described(int(at.min())) if len(at) else ""

    def _check_column(self, name: str, block: Block, at: Integers, rows: Integers) -> None:
        """Compare a column of the allocation, at some of its rows, with what candidates in `rows` say."""
        claimed = self._allocation.columns[name][at]
        true = block.column(name, rows, "allocation")
        size = block.size(name, rows, "allocation")
        wrong = np.flatnonzero(~(np.abs(claimed - true) <= ROUNDING * size))
        first = ""
        if len(wrong):
            values = f": expected {true[wrong[0]]}, got {claimed[wrong[0]]}"
            first = self._first(at[wrong[:1]]) + values
        self._tally.add(
            f"allocation: column {name!r} is wrong in {COUNT} rows, first", len(wrong), first
        )
