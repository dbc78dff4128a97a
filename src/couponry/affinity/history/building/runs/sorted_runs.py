"""Runs of purchases, in memory and beyond it in a file; read a range of customers at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock, local
from types import ModuleType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .....kernels.purchases_contract import PurchaseRows
from .....utils.errors import first_line
from .....utils.files.places import read_at, write_at
from .....utils.memory import return_freed_memory
from .....utils.parallel import parallel_map
from ..packed_rows import widened
from .held_runs import HeldRuns
from .run import BlockPlace, Holding, Run, new_room, place_run

SAMPLED_ROWS = 1 << 10
"""One of so many rows of a run is kept in mind, to tell where ranges of customers begin."""


MOST_ROWS = 1 << 22
"""Rows of a range of customers that are read at once, at most: a single customer may have more of them."""


class SortedRuns:
    """Keeps runs in memory, and those that there is no room for in a file that is gone with this object.

    Parameters
    ----------
    memory : int
        Bytes that runs may take.
    scratch : pathlib.Path, optional
        Where the file is made; None: the system's place for temporary files.
    purpose : str
        What runs are kept for, such as "grouping the transactions": for errors.
    kernels : module
        Of any backend.

    Attributes
    ----------
    held_bytes : int
        What runs in memory take up.
    """

    def __init__(self, memory: int, scratch: Path | None, purpose: str, kernels: ModuleType):
        self._memory, self._scratch, self._purpose = memory, scratch, purpose
        self._kernels, self._lock = kernels, Lock()
        self.held_bytes = 0
        self._file: IO[bytes] | None = None
        self._runs: list[Run] = []
        self._samples: list[NDArray[np.int64]] = []
        self._cuts: list[NDArray[np.int64]] = []
        self._filed: list[tuple[Run, NDArray[np.int64]]] = []
        self._held = HeldRuns(kernels)
        self._room = _RowRoom()

    def close(self) -> None:
        """Forget all runs, and let the system have their memory."""
        for held in self._runs, self._cuts, self._filed, self._held:
            held.clear()
        return_freed_memory()
        if self._file is not None:
            self._file.close()

    def room(
        self, holding: Holding, rows: int, taken: int = 0
    ) -> tuple[PurchaseRows, BlockPlace | None]:
        """Find room for the rows of a run; several threads may ask at a time.

        Parameters
        ----------
        holding : Holding
            Their types.
        rows : int
        taken : int
            Bytes of the memory that something else takes up.

        Returns
        -------
        PurchaseRows
            Nothing is in it yet.
        BlockPlace or None
            None: these go to disk.
        """
        size = rows * holding.bytes_per_row
        with self._lock:
            fits = size + taken <= self._memory
            self._memory -= size if fits else 0
        return self._held.take(holding, rows) if fits else new_room(holding, rows)

    def add(self, run: Run) -> None:
        """Keep a run.

        Parameters
        ----------
        run : Run
            Made in room of this object.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        self._samples.append(_sample(run))
        if run.place is None:
            run = run._replace(rows=self._written(run.rows))
        else:
            self.held_bytes += sum(column.nbytes for column in run.rows)
            self._held.add(len(self._runs), run.place)
        self._runs.append(run)

    def _written(self, rows: PurchaseRows) -> PurchaseRows:
        """Write rows to the file, and return them as they are there."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(  # noqa: SIM115 - closed by `close`
                    prefix="couponry-", dir=self._scratch, buffering=0
                )
            columns: list[Any] = [_ArrayInFile(self._file, column) for column in rows]
            return PurchaseRows(*columns)
        except OSError as error:
            raise OSError(f"{self._purpose}: {first_line(error)}") from error

    def place(self, number: NDArray[np.int64], threads: int) -> None:
        """Put all runs, which were kept as they came, into ranges of other numbers of their customers.

        Parameters
        ----------
        number : ndarray of int64
            Of each customer.
        threads : int
        """
        placed = parallel_map(
            lambda k: place_run(self._runs[k], number, self._kernels),
            range(len(self._runs)),
            threads,
        )
        for k, run in enumerate(placed):
            self._samples[k] = _sample(run)
            rows = self._runs[k].rows
            for old, new in zip(rows, run.rows, strict=True):
                old[:] = new
            self._runs[k] = run._replace(rows=rows, place=self._runs[k].place)
            del run, rows

    def cut(self, rows: int, others: NDArray[np.int64]) -> NDArray[np.int64]:
        """Cut all runs into ranges of customers.

        Parameters
        ----------
        rows : int
            About so many are in a range.
        others : ndarray of int64
            Customers near whom ranges begin, too.

        Returns
        -------
        ndarray of int64
            The first customer of each range but the first one, ascending.
        """
        samples = np.sort(np.concatenate([np.zeros(0, np.int64), *self._samples]))
        step = max(rows // SAMPLED_ROWS, 1)
        shift = max((run.shift for run in self._runs), default=0)
        bounds = np.unique(np.append(samples[step::step], others) >> shift) << shift
        self._cuts = [
            np.concatenate([[0], run.cut(bounds), [len(run.rows.bought)]]) for run in self._runs
        ]
        self._held.cut(self._cuts)
        self._filed = [
            (run, cuts)
            for run, cuts in zip(self._runs, self._cuts, strict=True)
            if isinstance(run.rows.bought, _ArrayInFile)
        ]
        return bounds

    def words(self) -> Iterator[NDArray[np.uint64]]:
        """Yield what was bought, of each run.

        Yields
        ------
        ndarray of uint64
            See `PurchaseRows.bought`.
        """
        for run in self._runs:
            yield widened(run.rows.bought[:])

    def read(self, number: int) -> PurchaseRows:
        """Read the rows of a range; several threads may do so at a time.

        Parameters
        ----------
        number : int
            Of the range.

        Returns
        -------
        PurchaseRows
            Those of one run after those of another, until the same thread reads again.
        """
        filed = _parts(self._filed, number)
        held = self._held.count(number)
        count = held + sum(part.stop - part.start for _, part in filed)
        if count > MOST_ROWS:
            return _joined(_parts(zip(self._runs, self._cuts, strict=True), number))
        if len(self._room.rows.customer) < count:
            self._room.rows = PurchaseRows.new(count)
        room = self._room.rows
        is_paid = self._held.has_spend or any(len(rows.spend) for rows, _ in filed)
        rows = PurchaseRows(
            room.customer[:count], room.bought[:count], room.spend[: count if is_paid else 0]
        )
        self._held.read(number, rows)
        if filed:
            _read_files(filed, held, rows)
        return rows


def _parts(
    runs: Iterable[tuple[Run, NDArray[np.int64]]], number: int
) -> list[tuple[PurchaseRows, slice]]:
    """Return which rows of each run, of which the cuts are given, a range has."""
    return [
        (run.rows, slice(int(cuts[number]), int(cuts[number + 1])))
        for run, cuts in runs
        if cuts[number] < cuts[number + 1]
    ]


def _read_files(parts: list[tuple[PurchaseRows, slice]], at: int, out: PurchaseRows) -> None:
    """Read rows out of files, and write them from a place on."""
    np.concatenate([rows.customer[part] for rows, part in parts], out=out.customer[at:])
    np.concatenate([widened(rows.bought[part]) for rows, part in parts], out=out.bought[at:])
    if len(out.spend):
        np.concatenate([_spend(rows, part) for rows, part in parts], out=out.spend[at:])


def _spend(rows: PurchaseRows, part: slice) -> NDArray[Any]:
    """Return what was paid for some rows of a run."""
    return rows.spend[part] if len(rows.spend) else np.zeros(part.stop - part.start, np.int32)


def _joined(parts: list[tuple[PurchaseRows, slice]]) -> PurchaseRows:
    """Read rows that are too many to be there at once: those of a customer, item and period become one.

    Parameters
    ----------
    parts : list of PurchaseRows, slice
        Rows, and which of them; some runs' rows fit into memory.

    Returns
    -------
    PurchaseRows
        That come to the same.
    """
    joined, waiting, count = PurchaseRows.new(0), list[PurchaseRows](), 0
    for k, (rows, part) in enumerate(parts):
        waiting.append(
            PurchaseRows(rows.customer[part], widened(rows.bought[part]), _spend(rows, part))
        )
        count += part.stop - part.start
        if count > MOST_ROWS or k == len(parts) - 1:
            columns: list[Any] = [
                np.concatenate([column, *some], dtype=column.dtype)
                for column, *some in zip(joined, *waiting, strict=True)
            ]
            joined, waiting, count = _added_up(PurchaseRows(*columns)), [], 0
    return joined


def _added_up(rows: PurchaseRows) -> PurchaseRows:
    """Return rows of which each customer, item and period has one: at a discount if any of its rows was."""
    order = np.lexsort((rows.bought, rows.customer))
    customer, bought = rows.customer[order], rows.bought[order]
    when = bought >> np.uint64(1)
    is_other = (customer[1:] != customer[:-1]) | (when[1:] != when[:-1])
    first = np.flatnonzero(np.append(True, is_other))
    last = np.flatnonzero(np.append(is_other, True))
    return PurchaseRows(customer[last], bought[last], np.add.reduceat(rows.spend[order], first))


class _RowRoom(local):
    """Room for rows, of each thread, which is used again."""

    def __init__(self) -> None:
        self.rows = PurchaseRows.new(0)


def _sample(run: Run) -> NDArray[np.int64]:
    """Return the customers of some rows of a run."""
    return run.rows.customer[::SAMPLED_ROWS].astype(np.int64)


class _ArrayInFile:
    """An array at the end of a file, of which parts are read as they are asked for."""

    def __init__(self, file: IO[bytes], array: NDArray[Any]):
        self._file, self.dtype, self._rows = file, array.dtype, len(array)
        self._start = file.seek(0, os.SEEK_END)
        self._write(array)

    def _write(self, array: NDArray[Any]) -> None:
        write_at(self._file.fileno(), array.view(np.uint8).data, self._start)

    def __setitem__(self, whole: slice, array: NDArray[Any]) -> None:
        """Write another array of as many numbers of the same type in place of this one."""
        self._write(array)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, part: slice) -> NDArray[Any]:
        start, stop, _ = part.indices(self._rows)
        found = np.empty(stop - start, self.dtype)
        out = found.view(np.uint8).data
        if read_at(self._file.fileno(), out, self._start + start * self.dtype.itemsize) < len(out):
            raise OSError("a file of sorted runs is shorter than it was")
        return found
