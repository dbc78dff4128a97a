"""Fixes most customers' best choice, sums up its usage and gathers the free customers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import Backend, Rules, Shard
from ...utils.arrays.mapped_arrays import copy_to_memory, exceeds_page_cache, is_in_memory
from ...utils.arrays.working_memory import WorkingMemory
from ..cut_off import CutOffCounts
from ..subset import copy_runs, of_few_segments, runs_of
from ..workers import joined
from .known_choice import KnownChoice, as_bits


class FixingRequest(NamedTuple):
    """The arguments of `Engine.fix`."""

    price: NDArray[np.float32]
    regret_threshold: NDArray[np.float32]
    fine: NDArray[np.uint8]


class FreePart(NamedTuple):
    """The free customers of some blocks; shapes and names as in `FixedChoices`."""

    free: NDArray[np.int64]
    free_choice: NDArray[np.uint8]
    free_fine: NDArray[np.uint8]


class _Tables(NamedTuple):
    """What some customers use.

    Attributes
    ----------
    chosen : ndarray of int64, shape (1 + n_quantities, n_segments, n_items)
        All of them, where their choice was not known.
    freed : ndarray of int64, same shape
        What the free ones use, below zero.
    fine : ndarray of int64, shape (n_attributes, n_segments, n_items)
        Where in a step of its quantity the fixed ones' values lie.
    """

    chosen: NDArray[np.int64]
    freed: NDArray[np.int64]
    fine: NDArray[np.int64]


class FixingPass:
    """What workers find as they fix block after block.

    Parameters
    ----------
    backend : Backend
    shard : Shard
    rules : Rules
    seed : int
        Breaks ties.
    request : FixingRequest
    workers : int
    in_order : bool, default False
        Whether customers are in the order of their segments: tables are of no more segments than a few blocks have.
    known : KnownChoice, optional
        IN/OUT: best choices at these prices; kept there where it is not complete.
    """

    def __init__(
        self,
        backend: Backend,
        shard: Shard,
        rules: Rules,
        seed: int,
        request: FixingRequest,
        workers: int,
        in_order: bool = False,
        known: KnownChoice | None = None,
    ):
        price, fine = request.price, request.fine
        self._backend, self._kernels = backend, backend.unchecked
        self._shard, self._rules, self._seed = shard, rules, seed
        self._price, self._threshold, self._fine = request
        self._in_order, self._known = in_order, known
        self._memory = WorkingMemory()
        self._found: list[tuple[slice, _Tables]] = []
        if not in_order:
            self._found = [(slice(None), self._tables(slice(None))) for _ in range(workers)]
        self._cut_off = CutOffCounts.at_prices(workers, price)
        self._free: dict[int, FreePart] = {}  # by first customer
        # nothing else asks for the fine values: they need not stay in memory where not everything fits
        self._read_once = exceeds_page_cache(shard.item, shard.quantity, fine)

    def work(self, worker: int, start: int, stop: int) -> None:
        """Fix some customers.

        Parameters
        ----------
        worker : int
        start, stop : int
            Customers start <= i < stop.
        """
        shard = self._shard
        begin, end = int(shard.indptr[start]), int(shard.indptr[stop])
        fine, is_free = self._fine_of(begin, end), np.empty(stop - start, np.uint8)
        if self._in_order:
            segments, shard = of_few_segments(shard, start, stop)
            tables = self._tables(segments)
            self._found.append((segments, tables))
        else:
            segments, tables = self._found[worker]
        price = np.ascontiguousarray(self._price[:, segments])
        if self._known is not None and self._known.is_complete:
            bits = self._known.bits(start, stop)
        else:
            bits = self._bits(worker, shard, price, start, stop, tables.chosen)
        chosen = self._memory.array("chosen", (end - begin,), np.uint8)  # of free customers
        self._kernels.fix_choices(
            shard, self._rules, price, start, stop, bits,
            np.ascontiguousarray(self._threshold[:, :, segments]), fine, tables.freed, tables.fine, is_free, chosen,
        )  # fmt: skip
        self._free[start] = self._free_part(
            start + np.flatnonzero(is_free.view(bool)), begin, chosen, fine
        )

    def _bits(
        self,
        worker: int,
        shard: Shard,
        price: NDArray[np.float32],
        start: int,
        stop: int,
        usage: NDArray[np.int64],
    ) -> NDArray[np.uint8]:
        """Find the best choices of some customers, as bits, and add up what they use (IN/OUT)."""
        size = int(shard.indptr[stop] - shard.indptr[start])
        chosen = self._memory.array("chosen", (size,), np.uint8)
        self._kernels.evaluate(
            shard, self._rules, price, self._seed, start, stop, usage, chosen,
            self._cut_off.unit, self._cut_off.by_worker[worker],
        )  # fmt: skip
        return as_bits(chosen) if self._known is None else self._known.keep(start, stop, chosen)

    def _free_part(
        self,
        free: NDArray[np.int64],
        block: int,
        chosen: NDArray[np.uint8],
        fine: NDArray[np.uint8],
    ) -> FreePart:
        """The choice and the fine values of some customers, of a block that begins with a candidate."""
        begin, ptr = runs_of(self._shard.indptr, free)
        free_choice = np.empty(ptr[-1], np.uint8)
        free_fine = np.empty((len(fine), ptr[-1]), np.uint8)
        copied = zip([chosen, *fine], [free_choice, *free_fine], strict=True)
        copy_runs(copied, begin - block, ptr, self._backend, threads=1)
        return FreePart(free, free_choice, free_fine)

    def _tables(self, segments: slice) -> _Tables:
        """Tables of some segments without coupons."""
        shape = self._price[:, segments].shape
        fine = np.zeros((len(self._fine), *shape[1:]), np.int64)
        return _Tables(np.zeros(shape, np.int64), np.zeros(shape, np.int64), fine)

    def _fine_of(self, begin: int, end: int) -> NDArray[np.uint8]:
        """Fine values of some candidates, in memory, (n_attributes, end - begin)."""
        parts = self._fine[:, begin:end]
        if is_in_memory(parts):
            return parts
        read = [copy_to_memory(part, once=self._read_once) for part in parts]
        together = read[0] if len(read) == 1 else np.array(read, np.uint8)
        return together.reshape(parts.shape)

    def sums(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Add up what the fixed customers use.

        Returns
        -------
        usage : ndarray of int64, shape (1 + n_quantities, n_segments, n_items)
        fine_usage : ndarray of int64, shape (n_attributes, n_segments, n_items)
            Where in a step of its quantity their values lie.
        """
        known, total = self._known, self._tables(slice(None))
        for segments, tables in self._found:
            for table, part in zip(total, tables, strict=True):
                table[..., segments, :] += part
        if known is not None and not known.is_complete:
            known.complete(total.chosen)
        chosen = total.chosen if known is None else known.usage
        return chosen + total.freed, total.fine

    def free(self, threads: int) -> FreePart:
        """Put together the free customers of all blocks, in order.

        Parameters
        ----------
        threads : int

        Returns
        -------
        FreePart
        """
        parts = zip(*(self._free[start] for start in sorted(self._free)), strict=True)
        return FreePart(*(joined(each, threads) for each in parts))
