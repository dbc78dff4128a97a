"""Some customers' candidates and rules, copied into a shard of their own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard
from ..utils.arrays.ragged import ranges

PIECE_CANDIDATES = 1 << 18
"""Candidates that are copied at a time, so that index arrays stay small."""


def customers_of(
    shard: Shard, rules: Rules, customers: NDArray[np.int64], threads: int = 1
) -> tuple[Shard, Rules]:
    """Copy some customers' candidates and rules into memory.

    Parameters
    ----------
    shard : Shard
    rules : Rules
    customers : ndarray of int64, shape (n_some,)
        Row numbers, ascending; the same one may come several times.
    threads : int

    Returns
    -------
    shard : Shard
    rules : Rules
    """
    count = shard.indptr[customers + 1] - shard.indptr[customers]
    indptr = np.zeros(len(customers) + 1, np.int64)
    np.cumsum(count, out=indptr[1:])
    item = np.empty(int(indptr[-1]), shard.item.dtype)
    quantity = np.empty((len(shard.quantity), len(item)), np.uint16)

    def copy(piece: tuple[slice, slice]) -> None:
        part, whose = piece
        positions = positions_of(shard.indptr, customers[whose])
        item[part] = shard.item[positions]
        for q in range(len(quantity)):
            quantity[q, part] = shard.quantity[q][positions]

    with ThreadPoolExecutor(threads) as workers:
        list(workers.map(copy, _pieces(indptr)))
    return (
        Shard(0, indptr, item, quantity, _entries(shard.segment, customers)),
        rules._replace(
            lower=_entries(rules.lower, customers),
            upper=_entries(rules.upper, customers),
            cap=_entries(rules.cap, customers),
        )._replace(**_constraints_of(rules, customers)),
    )


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


def _constraints_of(rules: Rules, customers: NDArray[np.int64]) -> dict[str, Any]:
    """The fields of rules that hold these customers' cardinality constraints; none where nobody has any."""
    if len(rules.constraint_ptr) == 1:
        return {}
    ptr = np.zeros(len(customers) + 1, np.int64)
    np.cumsum(rules.constraint_ptr[customers + 1] - rules.constraint_ptr[customers], out=ptr[1:])
    return {
        "constraint_ptr": ptr,
        "constraints": rules.constraints[positions_of(rules.constraint_ptr, customers)],
    }


def _pieces(indptr: NDArray[np.int64]) -> Iterator[tuple[slice, slice]]:
    """Candidates that are copied together, and the customers whose they are."""
    cuts = np.searchsorted(indptr, np.arange(PIECE_CANDIDATES, int(indptr[-1]), PIECE_CANDIDATES))
    cuts = np.unique(np.concatenate([[0], cuts, [len(indptr) - 1]]))
    for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        yield slice(int(indptr[start]), int(indptr[stop])), slice(start, stop)


def _entries(bound: NDArray[Any], customers: NDArray[np.int64]) -> NDArray[Any]:
    """These customers' entries of an array whose last axis has one for each customer, or one for all."""
    return bound if bound.shape[-1] == 1 else np.ascontiguousarray(bound[..., customers])
