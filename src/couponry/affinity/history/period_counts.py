"""Transactions by period, counted while they go by: whether the last period is there as a whole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .periods import PERIODS_PER_WEEK

USUAL_PERIODS = 8
"""Weeks before the last, or days of the same weekday, that say how many transactions are usual."""

LEAST_SHARE = {"day": 0.5, "week": 0.75}
"""Share of the usual transactions below which a last period is taken to be incomplete, by unit: half a day, a week
without two days. Whole days differ more than whole weeks do."""

NOISE = 4.0
"""Standard deviations of a count that a last period must lie below the usual besides."""


class PartialPeriod(NamedTuple):
    """A last period that seems to be incomplete.

    Attributes
    ----------
    period : int
    rows, usual : int
        Transactions in it, and in the median of those before: weeks, or days of the same weekday.
    """

    period: int
    rows: int
    usual: int

    def note(self, unit: str, name: str) -> str:
        """Say that the period is left out.

        Parameters
        ----------
        unit : {"day", "week"}
        name : str
            Of the period.

        Returns
        -------
        str
        """
        usual = f"{self.usual:,} are usual{' on that day of the week' if unit == 'day' else ''}"
        return (
            f"{unit} {name} has {self.rows:,} transactions, where {usual}: it was taken to be incomplete and left "
            f"out; until = {name} in the targeting takes it as it is"
        )


class PeriodCounts:
    """Counts transactions by period, whatever their order.

    Parameters
    ----------
    unit : {"day", "week"}
        What a period is.
    """

    def __init__(self, unit: str):
        self._rows: dict[int, int] = {}
        self._week, self._least_share = PERIODS_PER_WEEK[unit], LEAST_SHARE[unit]

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at more rows, which have a column `period` of int32.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
        """
        self.take(self.look(batch))

    def look(self, batch: pa.RecordBatch) -> tuple[int, NDArray[np.int64]]:
        """Count the rows of a batch, in any thread.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            It need not last.

        Returns
        -------
        int and ndarray of int64
            The first period, and the rows of each from that on.
        """
        periods = batch["period"].to_numpy()
        if len(periods) and (periods[1:] >= periods[:-1]).all():  # as shops write them down
            first = int(periods[0])
            each = np.arange(int(periods[-1]) - first + 2, dtype=np.int32) + periods[0]
            return first, np.diff(np.searchsorted(periods, each))
        first = int(periods.min(initial=np.iinfo(np.int32).max))
        return first, np.bincount(periods - np.int32(first))

    def take(self, found: tuple[int, NDArray[np.int64]]) -> None:
        """Take the counts of a batch, in whichever order of the batches.

        Parameters
        ----------
        found : int and ndarray of int64
            See `look`.
        """
        first, count = found
        for place in np.flatnonzero(count).tolist():
            self._rows[first + place] = self._rows.get(first + place, 0) + int(count[place])

    @property
    def rows(self) -> dict[int, int]:
        """Transactions of each period so far."""
        return dict(self._rows)

    def partial_last(self) -> PartialPeriod | None:
        """Return the last period if it has far fewer rows than those before it; None if there are too few of them.

        Returns
        -------
        PartialPeriod or None
        """
        if not self._rows:
            return None
        last = max(self._rows)
        before = [
            self._rows.get(last - weeks * self._week, 0) for weeks in range(1, USUAL_PERIODS + 1)
        ]
        usual, rows = int(np.median(before)), self._rows[last]
        is_partial = rows < self._least_share * usual and usual - rows > NOISE * usual**0.5
        return PartialPeriod(last, rows, usual) if is_partial else None
