"""Some customers' candidates and rules, copied into a shard of their own."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend, Rules, Shard
from ..utils.arrays.ragged import ranges
from ..utils.arrays.working_memory import new_array
from .workers import block_cuts, even_cuts, share_out

PIECE_CANDIDATES = 1 << 17
"""Candidates that a thread copies at a time."""

PIECE_CUSTOMERS = 1 << 14
"""Customers whose candidates a thread looks for at a time."""


def customers_of(
    shard: Shard,
    rules: Rules,
    customers: NDArray[np.int64],
    backend: Backend,
    threads: int = 1,
) -> tuple[Shard, Rules]:
    """Copy some customers' candidates and rules into memory.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    customers : ndarray of int64, shape (n_some,)
        Row numbers, in any order; the same one may come several times.
    backend : Backend
    threads : int

    Returns
    -------
    shard : Shard
    rules : Rules
    """
    begin, indptr = runs_of(shard.indptr, customers, threads)
    alone = threads == 1
    item = new_array(int(indptr[-1]), shard.item.dtype, at_once=alone)
    quantity = new_array((len(shard.quantity), len(item)), np.uint16, at_once=alone)
    copied = zip([shard.item, *shard.quantity], [item, *quantity], strict=True)
    copy_runs(copied, begin, indptr, backend, threads)
    own = _constraints_of(rules, customers, backend.unchecked)
    for bound in ("lower", "upper", "cap"):
        own[bound] = _own(getattr(rules, bound), customers)
    number = shard.number[customers] if len(shard.number) else shard.number
    some = Shard(0, indptr, item, quantity, _own(shard.segment, customers), number)
    return some, rules._replace(**own)


def copy_runs(
    arrays: Iterable[tuple[NDArray[Any], NDArray[Any]]],
    begin: NDArray[np.int64],
    indptr: NDArray[np.int64],
    backend: Backend,
    threads: int,
) -> None:
    """Copy runs of arrays, one behind the other.

    Parameters
    ----------
    arrays : iterable of two ndarrays
        What is copied from, and OUT what is copied to.
    begin : ndarray of int64, shape (n_runs,)
        Where each run begins in the first.
    indptr : ndarray of int64, shape (n_runs + 1,)
        Where each one begins in the second.
    backend : Backend
    threads : int
    """
    entries = [(_entries(source), _entries(out)) for source, out in arrays]
    kernels = backend.unchecked

    def work(worker: int, start: int, stop: int) -> None:
        for source, out in entries:
            kernels.copy_runs(source, begin, indptr, start, stop, out)

    share_out(work, block_cuts(indptr, PIECE_CANDIDATES, threads), threads)


def of_few_segments(shard: Shard, start: int, stop: int) -> tuple[slice, Shard]:
    """Number the segments of some customers anew, so that a table of these alone will do.

    Parameters
    ----------
    shard : Shard
        In the order of segments.
    start, stop : int
        Customers start <= i < stop.

    Returns
    -------
    segments : slice
        Which they are.
    shard : Shard
        The same, of which these customers alone may be looked at.
    """
    first, last = int(shard.segment[start]), int(shard.segment[stop - 1]) + 1
    own = np.empty(len(shard.segment), np.uint16)
    own[start:stop] = shard.segment[start:stop] - np.uint16(first)
    return slice(first, last), shard._replace(segment=own)


def positions_of(indptr: NDArray[np.int64], customers: NDArray[np.int64]) -> NDArray[np.int64]:
    """List the positions of some customers' candidates, one customer after the other.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_customers + 1,)
        Where each customer's candidates begin.
    customers : ndarray of int64, shape (n_some,)

    Returns
    -------
    ndarray of int64
    """
    return ranges(indptr[customers], indptr[customers + 1] - indptr[customers])


def runs_of(
    ptr: NDArray[np.int64], customers: NDArray[np.int64], threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Look up where some customers' entries begin, and where they begin once they follow one another.

    Parameters
    ----------
    ptr : ndarray of int64, shape (n_customers + 1,)
        Where each customer's entries begin.
    customers : ndarray of int64, shape (n_some,)
    threads : int

    Returns
    -------
    begin : ndarray of int64, shape (n_some,)
    own : ndarray of int64, shape (n_some + 1,)
    """
    begin, own = np.empty(len(customers), np.int64), np.zeros(len(customers) + 1, np.int64)

    def work(worker: int, start: int, stop: int) -> None:
        some = customers[start:stop]
        begin[start:stop] = ptr[some]
        own[start + 1 : stop + 1] = ptr[some + 1] - begin[start:stop]

    share_out(work, even_cuts(len(customers), PIECE_CUSTOMERS), threads)
    np.cumsum(own, out=own)
    return begin, own


def _constraints_of(
    rules: Rules, customers: NDArray[np.int64], kernels: ModuleType
) -> dict[str, Any]:
    """The fields of rules that hold these customers' cardinality constraints; none where nobody has any."""
    if len(rules.constraint_ptr) == 1:
        return {}
    begin, ptr = runs_of(rules.constraint_ptr, customers)
    constraints = np.empty(int(ptr[-1]), np.int64)
    kernels.copy_runs(
        _entries(rules.constraints), begin, ptr, 0, len(customers), _entries(constraints)
    )
    return {"constraint_ptr": ptr, "constraints": constraints}


def _entries(array: NDArray[Any]) -> NDArray[np.uint8]:
    """An array's memory, the bytes of each entry in a row."""
    return array.view(np.uint8).reshape(len(array), array.itemsize)


def _own(bound: NDArray[Any], customers: NDArray[np.int64]) -> NDArray[Any]:
    """These customers' entries of an array whose last axis has one for each customer, or one for all."""
    return bound if bound.shape[-1] == 1 else np.ascontiguousarray(bound[..., customers])
