"""Customers in the order of their segments: what passes read where limits tell many segments of customers apart.

A kernel works on customers of one segment together, with that segment's prices in its nearest cache. Where neighbours
are of different segments, as customers of hundreds of stores are, it works on one at a time, and each has the prices of
its own segment fetched from afar. So a pass that only sums reads a copy in which each segment's customers are together.
Sums are of whole numbers, and ties are broken by the customers' own numbers, so that no result depends on it.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Rules, Shard
from ..utils.arrays.mapped_arrays import is_in_memory
from .cut_off import CutOffCounts
from .fixing.fixing_pass import FreePart
from .fixing.known_choice import KnownChoice
from .subset import copy_runs, customers_of, of_few_segments
from .workers import share_out

FEW_CANDIDATES = 1 << 16
"""Candidates up to which a copy gains nothing worth its making."""

MOST_BYTES = 1 << 30
"""Bytes that a copy may take."""

CUSTOMERS_TOGETHER = 8
"""Neighbours of one segment on average, from which on a copy gains little."""


class Arrangement(NamedTuple):
    """The candidates and rules of all customers, in the order of their segments.

    Attributes
    ----------
    shard : Shard
    rules : Rules
    order : ndarray of int64, shape (n_customers,)
        Whom each of its customers is.
    """

    shard: Shard
    rules: Rules
    order: NDArray[np.int64]


def is_worth_arranging(shard: Shard, rules: Rules) -> bool:
    """Tell whether passes over candidates are quicker in another order of their customers.

    Parameters
    ----------
    shard : Shard
    rules : Rules

    Returns
    -------
    bool
        False where a copy is too large, or candidates are in files.
    """
    segment = shard.segment
    if len(segment) < 2 or len(shard.item) <= FEW_CANDIDATES or len(shard.given_at):
        return False
    copied = (shard.item, shard.quantity, rules.constraints)
    if sum(array.nbytes for array in copied) > MOST_BYTES or not is_in_memory(shard.item):
        return False
    runs = 1 + int(np.count_nonzero(segment[1:] != segment[:-1]))
    return runs * CUSTOMERS_TOGETHER > len(segment)


def arranged(shard: Shard, rules: Rules, backend: Backend, threads: int) -> Arrangement:
    """Copy all customers' candidates and rules in the order of their segments.

    Parameters
    ----------
    shard : Shard
        With a segment for each customer.
    rules : Rules
    backend : Backend
    threads : int

    Returns
    -------
    Arrangement
    """
    order = np.argsort(shard.segment, kind="stable")
    numbers = shard.number if len(shard.number) else shard.first + np.arange(len(order))
    copy, own_rules = customers_of(shard._replace(number=numbers), rules, order, backend, threads)
    return Arrangement(copy, own_rules, order)


def sum_by_segment(
    kernels: ModuleType,
    copy: Arrangement,
    price: NDArray[np.float32],
    seed: int,
    cut_off: CutOffCounts,
    cuts: NDArray[np.int64],
    threads: int,
    known: KnownChoice | None = None,
) -> NDArray[np.int64]:
    """Sum up usage, with the tables of no more segments at a time than a few blocks have customers of.

    Parameters
    ----------
    kernels : module
    copy : Arrangement
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
    seed : int
        Breaks ties.
    cut_off : CutOffCounts
        IN/OUT.
    cuts : ndarray of int64
        Blocks of the copy's customers.
    threads : int
    known : KnownChoice, optional
        OUT: everybody's choice.

    Returns
    -------
    ndarray of int64, shape (1 + n_quantities, n_segments, n_items)
    """
    shard, nothing = copy.shard, np.empty(0, np.uint8)
    found: list[tuple[slice, NDArray[np.int64]]] = []

    def work(worker: int, start: int, stop: int) -> None:
        segments, few = of_few_segments(shard, start, stop)
        of_few = np.ascontiguousarray(price[:, segments])
        usage = np.zeros(of_few.shape, np.int64)
        chosen = nothing if known is None else known.room(start, stop)
        kernels.evaluate(
            few, copy.rules, of_few, seed, start, stop, usage, chosen,
            cut_off.unit, cut_off.by_worker[worker],
        )  # fmt: skip
        if known is not None:
            known.keep(start, stop, chosen)
        found.append((segments, usage))

    share_out(work, cuts, threads)
    total = np.zeros(price.shape, np.int64)
    for segments, usage in found:  # whole numbers, in whichever order
        total[:, segments] += usage
    return total


def in_order_of_segments(
    fine: NDArray[np.uint8], shard: Shard, copy: Arrangement, backend: Backend, threads: int
) -> NDArray[np.uint8]:
    """Copy what there is of each candidate in the order of an arrangement.

    Parameters
    ----------
    fine : ndarray of uint8, shape (n_attributes, n_candidates)
    shard : Shard
        The candidates in their own order.
    copy : Arrangement
    backend : Backend
    threads : int

    Returns
    -------
    ndarray of uint8, shape (n_attributes, n_candidates)
    """
    own = np.empty(fine.shape, np.uint8)
    begin = shard.indptr[copy.order]
    copy_runs(zip(fine, own, strict=True), begin, copy.shard.indptr, backend, threads)
    return own


def in_order_of_customers(
    found: FreePart, copy: Arrangement, backend: Backend, threads: int
) -> FreePart:
    """Put free customers of an arrangement into the order of all customers.

    Parameters
    ----------
    found : FreePart
        Customers by their places in the arrangement.
    copy : Arrangement
    backend : Backend
    threads : int

    Returns
    -------
    FreePart
    """
    indptr = copy.shard.indptr
    customer = copy.order[found.free]
    order = np.argsort(customer)
    count = indptr[found.free + 1] - indptr[found.free]
    begin = np.cumsum(count) - count
    own = np.concatenate([[0], np.cumsum(count[order])])
    listed = np.concatenate([found.free_choice[None], found.free_fine])
    put = np.empty_like(listed)
    copy_runs(zip(listed, put, strict=True), begin[order], own, backend, threads)
    return FreePart(customer[order], put[0], put[1:])
