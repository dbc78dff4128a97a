"""Sorted runs of candidates: one where rows come by customer, else several, merged a range of customers at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.array_store import ArrayStore
from ..utils.mapped_arrays import release_pages
from ..utils.parallel import parallel_map
from . import ids
from .candidate_rows import Columns, Rows, joined
from .ids import IdWriter

BLOCK_ROWS = 1 << 20  # rows that are sorted at a time while they come by customer
RUN_ROWS = 1 << 22  # rows that are sorted at a time when they do not, and merged at a time
FORGET = 4  # ranges that are merged before their pages are let go of, all at once


@dataclass(frozen=True)
class Sorted:
    """Rows in a space: arrays as in `Rows`, of one run or of several behind one another.

    ids: the arrays that `customers` is made of.
    """

    customers: pa.Array
    ids: list[NDArray[Any]]
    ends: NDArray[np.int64]
    columns: Columns


class SortedWriter:
    """Writes rows front to back into a space."""

    def __init__(self, space: ArrayStore, dtypes: dict[str, np.dtype[Any]], kind: pa.DataType):
        self._customers = IdWriter(space, "customer", kind)
        self._ends = space.writer("indptr", np.int64)
        self._ends.append(np.zeros(1, np.int64))
        self._columns = {
            name: space.writer(file, dtypes[name]) for name, file in file_names(dtypes).items()
        }
        self.customers = 0
        self.rows = 0

    def append(self, rows: Rows) -> None:
        self._customers.append(rows.customers)
        self._ends.append(rows.ends[1:] + self.rows)
        for name, writer in self._columns.items():
            writer.append(rows.columns[name])
        self.customers += len(rows.customers)
        self.rows += len(rows)

    def finish(self) -> Sorted:
        columns = {name: writer.finish() for name, writer in self._columns.items()}
        return Sorted(*self._customers.finish(), self._ends.finish(), columns)


def file_names(columns: Any) -> dict[str, str]:
    """Name of each column's array: numeric columns may be called anything, so theirs are numbered."""
    numeric = [name for name in columns if name not in ("offer", "role", "mandatory")]
    return {name: f"column-{numeric.index(name)}" if name in numeric else name for name in columns}


class Runs:
    """Takes rows block by block; a block that does not go on where the one before it ended begins another run.

    The rows of the last customer so far wait for the next block, which may have more of them.
    """

    def __init__(
        self, space: ArrayStore, dtypes: dict[str, np.dtype[Any]], kind: pa.DataType, offers: int
    ):
        self._space, self._dtypes, self._kind, self._offers = space, dtypes, kind, offers
        self._writer = SortedWriter(space, dtypes, kind)
        self._starts = [0]  # the first customer of each run
        self._open: Rows | None = None

    def block_rows(self) -> int:
        """How many rows to sort at a time from now on."""
        return BLOCK_ROWS if len(self._starts) == 1 else max(RUN_ROWS, BLOCK_ROWS)

    def add(self, rows: Rows) -> None:
        """Take the rows of the next block. Raises Twice."""
        last = len(rows.customers) - 1
        if self._open is not None:
            customer, first = self._open.customers[0].as_py(), rows.customers[0].as_py()
            if first == customer:
                head = joined([self._open, rows.part(0, 1)], self._offers)
                if last == 0:
                    self._open = head
                    return
                self._writer.append(head)
                rows, last = rows.part(1, last + 1), last - 1
            else:
                self._writer.append(self._open)
                if ids.is_before(first, customer):
                    self._starts.append(self._writer.customers)
        self._writer.append(rows.part(0, last))
        self._open = rows.part(last, last + 1).copy()

    def finish(self, threads: int) -> Sorted | None:
        """All rows in canonical order; None: there are none. Raises Twice."""
        if self._open is None:
            return None
        self._writer.append(self._open)
        written = self._writer.finish()
        if len(self._starts) == 1:
            return written
        merge = _Merge(written, [*self._starts, len(written.customers)], self._offers)
        self._writer = SortedWriter(self._space, self._dtypes, self._kind)
        for number, rows in enumerate(parallel_map(merge.rows, merge.ranges(), threads)):
            self._writer.append(rows)
            if number % FORGET == 0:
                release_pages(written.ends, *written.ids, *written.columns.values())
        return self._writer.finish()


class _Merge:
    """Merges runs: the rows of one range of customers are few enough to be sorted at once."""

    def __init__(self, runs: Sorted, starts: list[int], offers: int):
        self._runs, self._offers = runs, offers
        self._bounds = list(pairwise(starts))

    def ranges(self) -> Iterator[list[tuple[int, int]]]:
        """For each range the customers start <= i < stop of every run."""
        splitters = self._splitters()
        below = [
            [start, *(start + ids.before(part, splitters)), stop]
            for start, stop in self._bounds
            for part in [self._runs.customers[start:stop]]
        ]
        for number in range(len(splitters) + 1):
            yield [(places[number], places[number + 1]) for places in below]

    def rows(self, parts: list[tuple[int, int]]) -> Rows:
        """The rows of one range. Raises Twice."""
        return joined([self._part(*part) for part in parts if part[0] < part[1]], self._offers)

    def _part(self, start: int, stop: int) -> Rows:
        ends = self._runs.ends[start : stop + 1]
        columns = {name: column[ends[0] : ends[-1]] for name, column in self._runs.columns.items()}
        return Rows(self._runs.customers[start:stop], ends - ends[0], columns)

    def _splitters(self) -> list[Any]:
        """Ids that begin new ranges, each of about RUN_ROWS rows at most but for what one customer has.

        From each run a customer every so many rows; between two neighbours among all of those, and thus between as
        many neighbours as there are runs, a run has no more rows than that on top.
        """
        runs, ends = len(self._bounds), self._runs.ends
        step = max(1, RUN_ROWS // (2 * runs))
        rows = np.concatenate([np.arange(ends[a], ends[b], step) for a, b in self._bounds])
        found = np.searchsorted(ends, rows, side="right") - 1
        sample = self._runs.customers.take(pa.array(found))
        sample = sample.take(pc.sort_indices(sample))[::runs]
        return pc.unique(sample)[1:].to_pylist()
