"""One pass that fixes most customers' best choice, sums up its usage and gathers the free customers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Rules, Shard
from ..utils.arrays.mapped_arrays import copy_to_memory, exceeds_page_cache, is_in_memory
from .cut_off import CutOffCounts
from .subset import copy_runs, of_few_segments, runs_of
from .workers import joined


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
    ):
        price, fine = request.price, request.fine
        self._backend, self._kernels = backend, backend.unchecked
        self._shard, self._rules, self._seed = shard, rules, seed
        self._price, self._threshold, self._fine = request
        self._in_order = in_order
        self._found: list[tuple[slice, NDArray[np.int64], NDArray[np.int64]]] = []
        if not in_order:
            self._found = [(slice(None), *self._tables(slice(None))) for _ in range(workers)]
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
        fine = self._fine_of(begin, end)
        chosen, is_free = np.empty(end - begin, np.uint8), np.empty(stop - start, np.uint8)
        if self._in_order:
            segments, shard = of_few_segments(shard, start, stop)
            usage, fine_usage = self._tables(segments)
            self._found.append((segments, usage, fine_usage))
        else:
            segments, usage, fine_usage = self._found[worker]
        self._kernels.fix_choices(
            shard, self._rules, np.ascontiguousarray(self._price[:, segments]), self._seed, start,
            stop, np.ascontiguousarray(self._threshold[:, :, segments]), fine, usage, fine_usage,
            chosen, is_free, self._cut_off.unit, self._cut_off.by_worker[worker],
        )  # fmt: skip
        self._free[start] = self._free_part(start + np.flatnonzero(is_free), begin, chosen, fine)

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

    def _tables(self, segments: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tables of usage, and of fine usage, for some segments."""
        shape = self._price[:, segments].shape
        return np.zeros(shape, np.int64), np.zeros((len(self._fine), *shape[1:]), np.int64)

    def _fine_of(self, begin: int, end: int) -> NDArray[np.uint8]:
        """Fine values of some candidates, in memory, (n_attributes, end - begin)."""
        parts = self._fine[:, begin:end]
        if is_in_memory(parts):
            return parts
        read = [copy_to_memory(part, once=self._read_once) for part in parts]
        together = read[0] if len(read) == 1 else np.array(read, np.uint8)
        return together.reshape(parts.shape)

    def usage(self) -> NDArray[np.int64]:
        """Add up the usage of the fixed customers.

        Returns
        -------
        ndarray of int64, shape (1 + n_quantities, n_segments, n_items)
        """
        total, _ = self._tables(slice(None))
        for segments, usage, _ in self._found:
            total[:, segments] += usage
        return total

    def fine_usage(self) -> NDArray[np.int64]:
        """Add up where in a step of its quantity the fixed customers' values lie.

        Returns
        -------
        ndarray of int64, shape (n_attributes, n_segments, n_items)
        """
        _, total = self._tables(slice(None))
        for segments, _, fine_usage in self._found:
            total[:, segments] += fine_usage
        return total

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
