"""Consecutive customers cut out of a shard and its rules, and put together again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Rules, Shard


def of_customers(bound: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Cut an array whose last axis has an entry for each customer, or one for all.

    Parameters
    ----------
    bound : ndarray, shape (..., n or 1)
    start, stop : int
        Customers start <= i < stop.

    Returns
    -------
    ndarray, shape (..., stop - start or 1)
    """
    return bound if bound.shape[-1] == 1 else np.ascontiguousarray(bound[..., start:stop])


def rules_of(rules: Rules, start: int, stop: int) -> Rules:
    """Cut the rules of some customers out of everybody's.

    Parameters
    ----------
    rules : Rules
    start, stop : int
        Customers start <= i < stop.

    Returns
    -------
    Rules
    """
    theirs = rules._replace(
        lower=of_customers(rules.lower, start, stop),
        upper=of_customers(rules.upper, start, stop),
        cap=of_customers(rules.cap, start, stop),
    )
    if len(rules.constraint_ptr) == 1:
        return theirs
    ptr = rules.constraint_ptr[start : stop + 1]
    return theirs._replace(
        constraint_ptr=ptr - ptr[0], constraints=rules.constraints[ptr[0] : ptr[-1]]
    )


def shard_of(shard: Shard, start: int, stop: int) -> Shard:
    """Cut the candidates of some customers out of everybody's.

    Parameters
    ----------
    shard : Shard
    start, stop : int
        Customers start <= i < stop.

    Returns
    -------
    Shard
        Over the same arrays but for the offsets.
    """
    begin, end = (int(place) for place in shard.indptr[[start, stop]])
    return Shard(
        shard.first + start,
        shard.indptr[start : stop + 1] - begin,
        shard.item[begin:end],
        shard.quantity[:, begin:end],
        of_customers(shard.segment, start, stop),
        shard.number[start:stop] if len(shard.number) else shard.number,
    )


BY_CUSTOMER = ("segment", "lower", "upper", "cap")
"""Arrays whose last axis has an entry for each customer, or one for all."""


def by_customer(shard: Shard | None, rules: Rules) -> frozenset[str]:
    """Name the arrays that have an entry for each customer.

    Parameters
    ----------
    shard : Shard or None
        None: rules alone.
    rules : Rules

    Returns
    -------
    frozenset of str
        Of `BY_CUSTOMER`, and `constraints` where customers have cardinality constraints.
    """
    arrays = {name: getattr(rules, name) for name in BY_CUSTOMER[1:]}
    if shard is not None:
        arrays["segment"] = shard.segment
    found = {name for name, array in arrays.items() if array.shape[-1] != 1}
    return frozenset(found | ({"constraints"} if len(rules.constraint_ptr) > 1 else set()))


def joined(parts: Sequence[tuple[Shard, Rules]], differing: Collection[str]) -> tuple[Shard, Rules]:
    """Put customers of several parts one after the other.

    Parameters
    ----------
    parts : sequence of (Shard, Rules)
        At least one.
    differing : collection of str
        Of `by_customer`, of what they are parts of.

    Returns
    -------
    Shard, Rules
    """
    parts = [part for part in parts if len(part[0].indptr) > 1] or parts[:1]
    shards, rules = zip(*parts, strict=True)

    def along(name: str, arrays: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(arrays, axis=-1) if name in differing else arrays[0]

    together = Shard(
        0,
        _joined_offsets([part.indptr for part in shards]),
        np.concatenate([part.item for part in shards]),
        np.concatenate([part.quantity for part in shards], axis=1),
        along("segment", [part.segment for part in shards]),
    )
    bounds = {
        name: along(name, [getattr(rule, name) for rule in rules]) for name in BY_CUSTOMER[1:]
    }
    of_all = rules[0]._replace(**bounds)
    if "constraints" not in differing:
        return together, of_all
    return together, of_all._replace(
        constraint_ptr=_joined_offsets([rule.constraint_ptr for rule in rules]),
        constraints=np.concatenate([rule.constraints for rule in rules]),
    )


def _joined_offsets(offsets: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Offsets into arrays that are put one after the other."""
    counts = [np.diff(each) for each in offsets]
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(counts))])
