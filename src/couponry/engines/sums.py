"""Sums of what everybody is given at some prices, in the order of customers."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard
from .cut_off import CutOffCounts
from .fixing.known_choice import KnownChoice
from .workers import share_out, sum_of


def sum_blocks(
    kernels: ModuleType,
    shard: Shard,
    rules: Rules,
    price: NDArray[np.float32],
    seed: int,
    cut_off: CutOffCounts,
    cuts: NDArray[np.int64],
    threads: int,
    chosen: NDArray[np.uint8],
    known: KnownChoice | None = None,
) -> NDArray[np.int64]:
    """Sum up usage, with a table for each worker.

    Parameters
    ----------
    kernels : module
    shard : Shard
    rules : Rules
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
    seed : int
        Breaks ties.
    cut_off : CutOffCounts
        IN/OUT.
    cuts : ndarray of int64
        Blocks of customers.
    threads : int
    chosen : ndarray of uint8, shape (n_candidates,) or (0,)
        OUT: 1 for each candidate that is chosen, else 0; empty when nobody asks.
    known : KnownChoice, optional
        OUT: everybody's choice.

    Returns
    -------
    ndarray of int64, shape (1 + n_quantities, n_segments, n_items)
    """
    tables: dict[int, NDArray[np.int64]] = {}

    def work(worker: int, start: int, stop: int) -> None:
        part = chosen[shard.indptr[start] : shard.indptr[stop]] if len(chosen) else chosen
        if known is not None and not len(chosen):
            part = known.room(start, stop)
        if worker not in tables:  # made by its own thread
            tables[worker] = np.zeros(price.shape, np.int64)
        kernels.evaluate(
            shard, rules, price, seed, start, stop, tables[worker], part,
            cut_off.unit, cut_off.by_worker[worker],
        )  # fmt: skip
        if known is not None:
            known.keep(start, stop, part)

    share_out(work, cuts, threads)
    return sum_of(tables.values(), price.shape)
