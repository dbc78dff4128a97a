"""External sort of candidates: sorted runs, written as they come and merged a range of customers at a time.

Rows that come by customer make one run, which needs no merging.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, pairwise
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.arrays.array_store import ArrayStore
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.parallel import MAX_WORKERS, work_in_turns
from . import ids
from .candidate_rows import CandidateRows, Columns, merge_rows
from .ids import IdWriter

BLOCK_ROWS = 1 << 20
"""Rows that are sorted at a time while they come by customer."""

RUN_ROWS = 1 << 22
"""Rows that are sorted at a time when they do not come by customer."""

MERGED_ROWS = 1 << 20
"""Rows, about, that are merged at a time: few enough for memory to be used again for those that come next."""

RANGES_PER_RELEASE = 16
"""Ranges of customers that are merged before the pages of all runs are released."""


@dataclass(frozen=True)
class StoredRows:
    """Rows in an array store, of one run or of several one after the other.

    Attributes
    ----------
    customers : pyarrow.Array
        Ids, ascending within a run.
    id_arrays : list of ndarray
        The arrays that `customers` is made of.
    indptr : ndarray of int64, shape (len(customers) + 1,)
        Where each customer's rows begin, and where the last one's end.
    columns : dict of str to ndarray
    """

    customers: pa.Array
    id_arrays: list[NDArray[Any]]
    indptr: NDArray[np.int64]
    columns: Columns


class RowWriter:
    """Writes rows front to back into an array store.

    Parameters
    ----------
    store : ArrayStore
    dtypes : dict of str to numpy.dtype
        Of each column.
    customer_type : pyarrow.DataType
        Of the customers' ids: int64 or large_string.
    rows : int, optional
        How many there will be, where that is known.

    Attributes
    ----------
    customers, rows : int
        How many have been written.
    """

    def __init__(
        self,
        store: ArrayStore,
        dtypes: dict[str, np.dtype[Any]],
        customer_type: pa.DataType,
        rows: int | None = None,
    ):
        self._customers = IdWriter(store, "customer", customer_type)
        self._indptr = store.writer("indptr", np.int64)
        self._indptr.append(np.zeros(1, np.int64))
        self._columns = {
            name: store.writer(file, dtypes[name], rows)
            for name, file in file_names(dtypes).items()
        }
        self.customers = 0
        self.rows = 0

    def room(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Return memory for a column from one row to another: that where they go, if the store has it.

        Parameters
        ----------
        name : str
            Of the column.
        start, stop : int
            Rows start <= i < stop.

        Returns
        -------
        ndarray, shape (stop - start,)
            To be written to before these rows are appended.
        """
        return self._columns[name].room(start, stop)

    def append(self, rows: CandidateRows) -> None:
        """Write more rows.

        Parameters
        ----------
        rows : CandidateRows
            Behind those that were written before.
        """
        for write in self.claim(rows):
            write()

    def claim(self, rows: CandidateRows) -> list[Callable[[], None]]:
        """Take more rows, whose columns are written later.

        Parameters
        ----------
        rows : CandidateRows
            Behind those that were taken before.

        Returns
        -------
        list of callable
            Write them, in any thread.
        """
        self._customers.append(rows.customers)
        self._indptr.append(rows.indptr[1:] + self.rows)
        self.customers += len(rows.customers)
        self.rows += len(rows)
        return [writer.claim(rows.columns[name]) for name, writer in self._columns.items()]

    def finish(self) -> StoredRows:
        """Return all rows that were written.

        Returns
        -------
        StoredRows
            In the order in which they were written.
        """
        columns = {name: writer.finish() for name, writer in self._columns.items()}
        return StoredRows(*self._customers.finish(), self._indptr.finish(), columns)


def file_names(columns: Iterable[str]) -> dict[str, str]:
    """Name each column's array: numeric columns may be called anything, so theirs are numbered.

    Parameters
    ----------
    columns : iterable of str
        Names of the columns.

    Returns
    -------
    dict of str to str
        Name of each column's array.
    """
    columns = list(columns)
    numeric = [name for name in columns if name not in ("offer", "role", "mandatory")]
    return {name: f"column-{numeric.index(name)}" if name in numeric else name for name in columns}


class ExternalSort:
    """Takes rows block by block; a block that does not go on where the one before it ended begins another run.

    The rows of the last customer so far wait for the next block, which may have more of them.

    Parameters
    ----------
    store : ArrayStore
    dtypes : dict of str to numpy.dtype
        Of each column.
    customer_type : pyarrow.DataType
    kernels : module
        Of any backend.
    rows : int or None
        How many there will be, where that is known.
    threads : int
        How many blocks are made with.

    Attributes
    ----------
    room : callable
        `RowWriter.room` of what comes in, row by row of the input.
    """

    def __init__(
        self,
        store: ArrayStore,
        dtypes: dict[str, np.dtype[Any]],
        customer_type: pa.DataType,
        kernels: ModuleType,
        rows: int | None,
        threads: int,
    ):
        self._kernels, self._threads = kernels, threads
        self._new_writer = partial(RowWriter, store, dtypes, customer_type)
        self._writer = self._new_writer(rows)
        self.room = self._writer.room
        self._starts = [0]  # the first customer of each run
        self._waiting: CandidateRows | None = None

    def block_rows(self) -> int:
        """Tell how many rows to sort at a time from now on.

        Returns
        -------
        int
            Rows.
        """
        if len(self._starts) == 1:
            return BLOCK_ROWS
        in_memory = RUN_ROWS * MAX_WORKERS  # with however many threads
        return max(BLOCK_ROWS, min(RUN_ROWS, in_memory // self._threads))

    def add(self, rows: CandidateRows) -> Callable[[], None]:
        """Take the rows of the next block.

        Parameters
        ----------
        rows : CandidateRows
            The rows of a block.

        Returns
        -------
        callable
            Writes them, in any thread.

        Raises
        ------
        DuplicatePair
        """
        writes: list[Callable[[], None]] = []
        last = len(rows.customers) - 1
        if self._waiting is not None:
            customer, first = self._waiting.customers[0].as_py(), rows.customers[0].as_py()
            if first == customer:
                head = merge_rows([self._waiting, rows.customer_range(0, 1)], self._kernels)
                if last == 0:
                    self._waiting = head
                    return partial(_call_all, writes)
                writes += self._writer.claim(head)
                rows, last = rows.customer_range(1, last + 1), last - 1
            else:
                writes += self._writer.claim(self._waiting)
                if ids.is_before(first, customer):
                    self._starts.append(self._writer.customers)
        writes += self._writer.claim(rows.customer_range(0, last))
        self._waiting = rows.customer_range(last, last + 1).copy()
        return partial(_call_all, writes)

    def finish(self) -> StoredRows | None:
        """Return all rows in canonical order, or None where there are none.

        Returns
        -------
        StoredRows or None
            Sorted.

        Raises
        ------
        DuplicatePair
        """
        if self._waiting is None:
            return None
        self._writer.append(self._waiting)
        runs = self._writer.finish()
        if len(self._starts) == 1:
            return runs
        merge = _Merge(runs, [*self._starts, len(runs.customers)], self._kernels)
        self._writer = self._new_writer(int(runs.indptr[-1]))
        number = count()

        def take(rows: CandidateRows) -> Callable[[], None]:
            if next(number) % RANGES_PER_RELEASE == 0:
                release_pages(runs.indptr, *runs.id_arrays, *runs.columns.values())
            return partial(_call_all, self._writer.claim(rows))

        work_in_turns(merge.rows, take, merge.ranges(), self._threads)
        return self._writer.finish()


def _call_all(writes: list[Callable[[], None]]) -> None:
    """Write parts of columns."""
    for write in writes:
        write()


class _Merge:
    """Merges runs: the rows of one range of customers are few enough to be sorted at once."""

    def __init__(self, runs: StoredRows, starts: list[int], kernels: ModuleType):
        self._runs, self._kernels = runs, kernels
        self._bounds = list(pairwise(starts))

    def ranges(self) -> Iterator[list[tuple[int, int]]]:
        """For each range the customers start <= i < stop of every run."""
        splitters = self._splitters()
        below = [
            [start, *(start + ids.count_before(part, splitters)), stop]
            for start, stop in self._bounds
            for part in [self._runs.customers[start:stop]]
        ]
        for number in range(len(splitters) + 1):
            yield [(places[number], places[number + 1]) for places in below]

    def rows(self, parts: list[tuple[int, int]]) -> CandidateRows:
        """The rows of one range. Raises DuplicatePair."""
        return merge_rows([self._part(*part) for part in parts if part[0] < part[1]], self._kernels)

    def _part(self, start: int, stop: int) -> CandidateRows:
        """The rows of the customers start <= i < stop of all runs one after the other."""
        indptr = self._runs.indptr[start : stop + 1]
        first, last = indptr[0], indptr[-1]
        columns = {name: column[first:last] for name, column in self._runs.columns.items()}
        return CandidateRows(self._runs.customers[start:stop], indptr - first, columns)

    def _splitters(self) -> list[Any]:
        """Ids that begin new ranges, each of about MERGED_ROWS rows at most but for what one customer has.

        From each run a customer every so many rows; between two neighbours among all of those, and thus between as
        many neighbours as there are runs, a run has no more rows than that on top.
        """
        runs, indptr = len(self._bounds), self._runs.indptr
        step = max(1, MERGED_ROWS // (2 * runs))
        rows = np.concatenate([np.arange(indptr[a], indptr[b], step) for a, b in self._bounds])
        found = np.searchsorted(indptr, rows, side="right") - 1
        sample = self._runs.customers.take(pa.array(found))
        sample = sample.take(pc.sort_indices(sample))[::runs]
        splitters: list[Any] = pc.unique(sample)[1:].to_pylist()
        return splitters
