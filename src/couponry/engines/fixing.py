"""One pass that fixes most customers' best choice, sums up its usage and gathers the free customers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Rules, Shard
from ..utils.arrays.mapped_arrays import copy_to_memory, exceeds_page_cache
from .cells import candidate_cells
from .cut_off import CutOffCounts
from .subset import positions_of


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
    """

    def __init__(
        self,
        backend: Backend,
        shard: Shard,
        rules: Rules,
        seed: int,
        request: FixingRequest,
        workers: int,
    ):
        price, fine = request.price, request.fine
        self._kernels = backend.unchecked
        self._shard, self._rules, self._seed = shard, rules, seed
        self._price, self._threshold, self._fine = request
        self._usage = [np.zeros(price.shape, np.int64) for _ in range(workers)]
        shape = (len(fine), *price.shape[1:])
        self._fine_usage = [np.zeros(shape, np.int64) for _ in range(workers)]
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
        shard, usage = self._shard, self._usage[worker]
        begin, end = int(shard.indptr[start]), int(shard.indptr[stop])
        chosen = np.empty(end - begin, np.uint8)
        self._kernels.evaluate(
            shard, self._rules, self._price, self._seed, start, stop, usage, chosen,
            self._cut_off.unit, self._cut_off.by_worker[worker],
        )  # fmt: skip
        is_free = np.empty(stop - start, np.uint8)
        self._kernels.mark_free(
            shard, self._rules, self._price, chosen, self._threshold, start, stop, is_free
        )
        free = start + np.flatnonzero(is_free)
        positions = positions_of(shard.indptr, free) - begin
        free_choice = chosen[positions]
        chosen[positions] = 0
        free_fine = np.empty((len(self._fine), len(positions)), np.uint8)
        for a, of_attribute in enumerate(self._fine):
            part = copy_to_memory(of_attribute[begin:end], once=self._read_once)
            free_fine[a] = part[positions]
            self._kernels.fine_usage(shard, part, chosen, start, stop, self._fine_usage[worker][a])
        self._free[start] = FreePart(free, free_choice, free_fine)
        allocated = begin + positions[free_choice.view(bool)]
        _subtract_usage(shard, allocated, start, usage)

    def usage(self) -> NDArray[np.int64]:
        """Add up the usage of the fixed customers.

        Returns
        -------
        ndarray of int64, shape (1 + n_quantities, n_segments, n_items)
        """
        return np.asarray(np.sum(self._usage, axis=0))

    def fine_usage(self) -> NDArray[np.int64]:
        """Add up where in a step of its quantity the fixed customers' values lie.

        Returns
        -------
        ndarray of int64, shape (n_attributes, n_segments, n_items)
        """
        return np.asarray(np.sum(self._fine_usage, axis=0))

    def free(self) -> FreePart:
        """Put together the free customers of all blocks, in order.

        Returns
        -------
        FreePart
        """
        parts = [self._free[start] for start in sorted(self._free)]
        return FreePart(
            np.concatenate([part.free for part in parts]),
            np.concatenate([part.free_choice for part in parts]),
            np.concatenate([part.free_fine for part in parts], axis=1),
        )


def _subtract_usage(
    shard: Shard, positions: NDArray[np.int64], start: int, usage: NDArray[np.int64]
) -> None:
    """Subtract the candidates at these positions, of customers from `start` on, from `usage` (IN/OUT)."""
    _, segments, items = usage.shape
    cell = candidate_cells(shard, items, positions, first_customer=start)
    flat = usage.reshape(len(usage), segments * items)
    flat[0] -= np.bincount(cell, minlength=flat.shape[1])
    for q in range(len(shard.quantity)):
        weights = shard.quantity[q][positions]
        summed = np.bincount(cell, weights=weights, minlength=flat.shape[1])  # exact below 2^53
        flat[1 + q] -= summed.astype(np.int64)
