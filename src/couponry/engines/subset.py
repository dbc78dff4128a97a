"""Some customers' candidates as a shard of their own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard
from ..utils.ragged import ranges

PIECE = 1 << 18  # candidates gathered at a time, so that index arrays stay small


def customers_of(
    shard: Shard, rules: Rules, customers: NDArray[np.int64], threads: int = 1
) -> tuple[Shard, Rules]:
    """The shard and rules of these customers (ascending numbers), copied into memory."""
    count = shard.indptr[customers + 1] - shard.indptr[customers]
    indptr = np.zeros(len(customers) + 1, np.int64)
    np.cumsum(count, out=indptr[1:])
    item = np.empty(int(indptr[-1]), shard.item.dtype)
    quantity = np.empty((len(shard.quantity), len(item)), np.uint16)

    def copy(piece: tuple[slice, slice]) -> None:
        part, whose = piece
        positions = positions_of(shard.indptr, customers[whose])
        item[part] = shard.item[positions]
        for c in range(len(quantity)):
            quantity[c, part] = shard.quantity[c][positions]

    with ThreadPoolExecutor(threads) as workers:
        list(workers.map(copy, _pieces(indptr)))
    return (
        Shard(0, indptr, item, quantity, _some(shard.segment, customers)),
        rules._replace(
            lower=_some(rules.lower, customers),
            upper=_some(rules.upper, customers),
            cap=_some(rules.cap, customers),
        )._replace(**_sets_of(rules, customers)),
    )


def _sets_of(rules: Rules, customers: NDArray[np.int64]) -> dict[str, Any]:
    """Where these customers' sets begin, and the sets."""
    if len(rules.ptr) == 1:
        return {}
    ptr = np.zeros(len(customers) + 1, np.int64)
    np.cumsum(rules.ptr[customers + 1] - rules.ptr[customers], out=ptr[1:])
    return {"ptr": ptr, "sets": rules.sets[positions_of(rules.ptr, customers)]}


def positions_of(indptr: NDArray[np.int64], customers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the candidates of these customers, one customer after the other."""
    count = indptr[customers + 1] - indptr[customers]
    return ranges(indptr[customers], count)


def _pieces(indptr: NDArray[np.int64]) -> Iterator[tuple[slice, slice]]:
    """Candidates that are copied together, and the customers whose they are."""
    cuts = np.searchsorted(indptr, np.arange(PIECE, int(indptr[-1]), PIECE))
    cuts = np.unique(np.concatenate([[0], cuts, [len(indptr) - 1]]))
    for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        yield slice(int(indptr[start]), int(indptr[stop])), slice(start, stop)


def _some(bound: NDArray[Any], customers: NDArray[np.int64]) -> NDArray[Any]:
    """Entries of an array whose last axis is n or 1 long."""
    return bound if bound.shape[-1] == 1 else np.ascontiguousarray(bound[..., customers])
