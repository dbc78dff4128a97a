"""Rows of runs in memory, many runs behind each other, so that a kernel reads what all of them have of a range."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .....kernels.purchases_contract import PurchaseRows
from .run import BlockPlace, Holding

BLOCK_ROWS, MOST_DOUBLINGS = 1 << 23, 3
"""Rows of the runs of the first block, which there is room for at once: of memory that nothing is in, the system gives
none. Each next one has twice as many, up to so many times: to ask thirty blocks takes longer than to read them."""


class HeldRuns:
    """Keeps the rows of runs.

    Parameters
    ----------
    kernels : module
        Of any backend.
    """

    def __init__(self, kernels: ModuleType):
        self._kernels, self._lock = kernels, Lock()
        self._blocks: list[_Block] = []

    def clear(self) -> None:
        """Forget all runs."""
        self._blocks.clear()

    def take(self, holding: Holding, rows: int) -> tuple[PurchaseRows, BlockPlace]:
        """Find room for the rows of a run; several threads may ask at a time.

        Parameters
        ----------
        holding : Holding
            Their types.
        rows : int

        Returns
        -------
        PurchaseRows
            Nothing is in it yet.
        BlockPlace
        """
        with self._lock:
            number = len(self._blocks)
            while number and not self._blocks[number - 1].takes(holding, rows):
                number -= 1
            if number == 0:
                doublings = min(len(self._blocks), MOST_DOUBLINGS)
                self._blocks.append(_Block(holding, max(BLOCK_ROWS << doublings, rows)))
                number = len(self._blocks)
            found, begin = self._blocks[number - 1].take(rows)
            return found, BlockPlace(number - 1, begin)

    def add(self, run: int, place: BlockPlace) -> None:
        """Learn that the rows of a run are there.

        Parameters
        ----------
        run : int
            Number of the run.
        place : BlockPlace
            That `take` found for it.
        """
        self._blocks[place.block].add(run, place.begin)

    def cut(self, cuts: Sequence[NDArray[np.int64]]) -> None:
        """Learn where ranges begin.

        Parameters
        ----------
        cuts : sequence of ndarray of int64
            In the rows of each run, and where the last range ends.
        """
        for block in self._blocks:
            block.cut(cuts)

    def count(self, number: int) -> int:
        """Count the rows of a range."""
        return sum(block.counts[number] for block in self._blocks)

    def read(self, number: int, out: PurchaseRows) -> int:
        """Read the rows of a range, those of one run after those of another.

        Parameters
        ----------
        number : int
            Of the range.
        out : PurchaseRows
            From its first row on.

        Returns
        -------
        int
            How many they are.
        """
        at = 0
        for block in self._blocks:
            start, stop = block.cuts[number], block.cuts[number + 1]
            self._kernels.gather_purchases(block.rows, start, stop, at, out)
            at += block.counts[number]
        return at

    @property
    def has_spend(self) -> bool:
        """Whether anything was paid in any run."""
        return any(len(block.rows.spend) for block in self._blocks)


class _Block:
    """Room for runs whose rows are of the same types, for so many rows."""

    def __init__(self, holding: Holding, rows: int):
        self._holding, self._size = holding, rows
        self.rows = holding.new(self._size, _small_pages)
        self.cuts, self.counts = np.zeros((0, 0), np.int64), list[int]()
        self._runs, self._begin, self._used = list[int](), list[int](), 0

    def takes(self, holding: Holding, rows: int) -> bool:
        """Whether there is room for rows, and of their types."""
        return holding == self._holding and self._used + rows <= self._size

    def take(self, rows: int) -> tuple[PurchaseRows, int]:
        """Return room for rows, and where it begins."""
        begin, end = self._used, self._used + rows
        self._used, mine = end, self.rows
        part = PurchaseRows(mine.customer[begin:end], mine.bought[begin:end], mine.spend[begin:end])
        return part, begin

    def add(self, run: int, begin: int) -> None:
        """Learn which run's rows begin somewhere."""
        self._runs.append(run)
        self._begin.append(begin)

    def cut(self, cuts: Sequence[NDArray[np.int64]]) -> None:
        """Learn where ranges of its runs begin, of each range in all runs together, and count the rows of each."""
        mine = np.stack([cuts[run] for run in self._runs], axis=1)
        self.cuts = np.ascontiguousarray(mine + np.array(self._begin))
        self.counts = np.diff(mine.sum(axis=1)).tolist()


def _small_pages(size: int, kind: DTypeLike) -> NDArray[Any]:
    """Room that the system gives page by page; NumPy would ask for pages of 2 MB, which virtual machines may lack."""
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.empty(size, kind)
    length = max(size * np.dtype(kind).itemsize, 1)
    private = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(private, kind, size)
