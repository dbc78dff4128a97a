"""Passes over those candidates alone that are close to being chosen, or to not being chosen any more.

Once prices hardly move, few of a customer's candidates change between two passes. They are listed once, customers of
one segment side by side and those with as many together, and each pass chooses among them alone. What changes is added
to the usage of the pass that they were found by. It is off where a price moves by more than was foreseen; so prices
that are found that way are evaluated by a pass over everybody in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import Undecided
from ...kernels.undecided_contract import MOST_CANDIDATES, TOGETHER
from ...utils.arrays.working_memory import WorkingMemory
from ..arrangement import Arrangement
from ..cut_off import CutOffCounts
from ..subset import of_few_segments
from ..workers import share_out

BLOCK_CANDIDATES = 1 << 19
"""Candidates of a block, about: all customers of one segment are in one."""


class UndecidedBlock(NamedTuple):
    """What is undecided in some segments, which are numbered from the first of them on."""

    segments: slice
    undecided: Undecided


def may_be_undecided(copy: Arrangement) -> bool:
    """Tell whether kernels can tell what is undecided: nobody has a minimum, or rules beside a number of coupons.

    Parameters
    ----------
    copy : Arrangement

    Returns
    -------
    bool
    """
    rules, indptr = copy.rules, copy.shard.indptr
    if len(rules.group) > 0 or len(rules.constraint_ptr) > 1 or rules.lower.any():
        return False
    return int(np.diff(indptr).max(initial=0)) <= MOST_CANDIDATES


class UndecidedPasses:
    """Passes over what is undecided at some prices.

    Parameters
    ----------
    copy : Arrangement
        Customers in the order of their segments.
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
    bar : ndarray of float32, shape (n_segments, n_items)
        A candidate is undecided when another decision on it loses no more.
    kernels : module
    threads : int
    seed : int
        Breaks ties.
    count : callable
        Counts a pass over so many candidates.

    Attributes
    ----------
    usage : ndarray of int64, shape (n_segments, n_items)
        Coupons at the prices of the last pass.
    candidates : int
        How many are undecided.
    """

    def __init__(
        self,
        copy: Arrangement,
        price: NDArray[np.float32],
        bar: NDArray[np.float32],
        kernels: ModuleType,
        threads: int,
        seed: int,
        count: Callable[[int], None],
    ):
        self._kernels, self._threads, self._count = kernels, threads, count
        self.usage = np.zeros(price.shape[1:], np.int64)
        self._blocks: list[UndecidedBlock] = []
        shard, cut_off = copy.shard, CutOffCounts.at_prices(threads, price)
        memory = WorkingMemory()

        def work(worker: int, start: int, stop: int) -> None:
            segments, few = of_few_segments(shard, start, stop)
            of_few = np.ascontiguousarray(price[:, segments])
            usage = np.zeros(of_few.shape, np.int64)
            candidates = int(shard.indptr[stop] - shard.indptr[start])
            chosen = memory.array("chosen", (candidates,), np.uint8)
            self._kernels.evaluate(
                few, copy.rules, of_few, seed, start, stop, usage, chosen,
                cut_off.unit, cut_off.by_worker[worker],
            )  # fmt: skip
            self.usage[segments] = usage[0]
            found = _room_for(memory, stop - start, candidates, segments.stop - segments.start)
            tiles = self._kernels.find_undecided(
                few, copy.rules.upper, of_few, chosen, bar[segments], start, stop, found
            )
            self._blocks.append(UndecidedBlock(segments, _cut(found, tiles)))

        share_out(work, _whole_segments(copy), threads)
        self.candidates = sum(block.undecided.item.size for block in self._blocks)

    def at(self, price: NDArray[np.float32]) -> NDArray[np.int64]:
        """Choose at other prices of coupons.

        Parameters
        ----------
        price : ndarray of float32, shape (n_segments, n_items)

        Returns
        -------
        ndarray of int64, shape (n_segments, n_items)
            `usage`: the next pass changes it.
        """

        def work(worker: int, start: int, stop: int) -> None:
            for segments, undecided in self._blocks[start:stop]:
                self._kernels.choose_undecided(undecided, price[segments], self.usage[segments])

        self._count(self.candidates)
        share_out(work, np.arange(len(self._blocks) + 1), self._threads)
        return self.usage


def _whole_segments(copy: Arrangement) -> NDArray[np.int64]:
    """Cut customers into blocks of whole segments: two threads may not count the same ones' coupons."""
    segment, indptr = copy.shard.segment, copy.shard.indptr
    first = np.flatnonzero(segment[1:] != segment[:-1]) + 1
    block = indptr[first] // BLOCK_CANDIDATES
    begins = first[np.diff(block, prepend=0) > 0]
    return np.concatenate([[0], begins, [len(segment)]]).astype(np.int64)


def _room_for(memory: WorkingMemory, customers: int, candidates: int, segments: int) -> Undecided:
    """Room for all that may be undecided."""
    tiles = customers // TOGETHER + segments
    rows = candidates // TOGETHER + MOST_CANDIDATES * segments
    return Undecided(
        memory.array("segment", (tiles,), np.uint16),
        memory.array("ptr", (tiles + 1,), np.int64),
        memory.array("slots", (tiles, TOGETHER), np.int32),
        memory.array("item", (rows, TOGETHER), np.int32),
        memory.array("own", (rows, TOGETHER), np.float32),
        memory.array("held", (rows,), np.uint16),
    )


def _cut(found: Undecided, tiles: int) -> Undecided:
    """Copy so many tiles."""
    rows = int(found.ptr[tiles])
    return Undecided(
        found.segment[:tiles].copy(),
        found.ptr[: tiles + 1].copy(),
        found.slots[:tiles].copy(),
        found.item[:rows].copy(),
        found.own[:rows].copy(),
        found.held[:rows].copy(),
    )
