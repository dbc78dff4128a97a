"""Which candidates of customers in a row may take the place of a coupon that falls out, best first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.workers import block_cuts, share_out
from ...kernels import Backend, Rules, Shard
from ...solver.problem import Problem

BLOCK_CANDIDATES = 1 << 16
"""Candidates that a thread looks for backups among at a time."""


class PricedBlock(NamedTuple):
    """Candidates of some customers in a row, with their rules.

    Attributes
    ----------
    shard : Shard
        Positions count from the block's first candidate.
    rules : Rules
    value : ndarray of float64, shape (n_candidates,)
        What each is worth at the prices of the limits.
    chosen : ndarray of uint8, shape (n_candidates,)
        1 for what is given.
    """

    shard: Shard
    rules: Rules
    value: NDArray[np.float64]
    chosen: NDArray[np.uint8]


class Ranked(NamedTuple):
    """The backups of a block of customers.

    Attributes
    ----------
    at : ndarray of int64, shape (n_backups,)
        Candidates of the block, by customer, then from the best on.
    rank : ndarray of uint8, shape (n_backups,)
    ptr : ndarray of int64, shape (n_backups + 1,)
        Entries of `coupon` of each.
    coupon : ndarray of int64
        Candidates of the block that are given, and whose place a backup may take.
    """

    at: NDArray[np.int64]
    rank: NDArray[np.uint8]
    ptr: NDArray[np.int64]
    coupon: NDArray[np.int64]


def reduced_amounts(problem: Problem, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Say what coupons are worth once they have paid the limits.

    Parameters
    ----------
    problem : Problem
    prices : ndarray of float64, shape (n_rows,)
        Signed.

    Returns
    -------
    ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Of a coupon, and of a unit of each attribute.
    """
    charged = (problem.rows.T @ prices).reshape(problem.objective.shape)
    return np.asarray(problem.objective - charged)


def reduced_values(
    problem: Problem, reduced: NDArray[np.float64], part: slice
) -> NDArray[np.float64]:
    """Say what some candidates are worth once they have paid the limits.

    Parameters
    ----------
    problem : Problem
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Of `reduced_amounts`.
    part : slice
        Which candidates, all in a row.

    Returns
    -------
    ndarray of float64, shape (n_candidates,)
    """
    cell = problem.cells(part)
    value: NDArray[np.float64] = reduced[0].ravel()[cell]
    for amount, attribute in zip(reduced[1:], problem.attributes, strict=True):
        value += amount.ravel()[cell] * attribute[part]
    return value


def block_of(
    problem: Problem, reduced: NDArray[np.float64], start: int, stop: int, chosen: NDArray[np.uint8]
) -> PricedBlock:
    """Take customers ``start <= i < stop`` out of a problem.

    Parameters
    ----------
    problem : Problem
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Of `reduced_amounts`.
    start, stop : int
    chosen : ndarray of uint8
        Which of their candidates are given.

    Returns
    -------
    PricedBlock
    """
    shard, rules = problem.shard, problem.rules
    indptr = shard.indptr[start : stop + 1]
    part = slice(int(indptr[0]), int(indptr[-1]))
    theirs = Shard(
        first=shard.first + start,
        indptr=indptr - indptr[0],
        item=shard.item[part],
        quantity=np.zeros((0, part.stop - part.start), np.uint16),
        segment=np.zeros(1, np.uint16),
        number=shard.number[start:stop],
    )
    own: dict[str, Any] = {
        name: _of_block(getattr(rules, name), start, stop) for name in ("lower", "upper", "cap")
    }
    if len(rules.constraint_ptr) > 1:
        ptr = rules.constraint_ptr[start : stop + 1]
        own |= {"constraint_ptr": ptr - ptr[0], "constraints": rules.constraints[ptr[0] : ptr[-1]]}
    value = reduced_values(problem, reduced, part)
    return PricedBlock(theirs, rules._replace(**own), value, chosen)


def rank_backups(
    block: PricedBlock, most: int, backend: Backend, threads: int, seed: int
) -> Ranked:
    """List the backups of a block of customers.

    Parameters
    ----------
    block : PricedBlock
    most : int
        Backups of a customer, at most.
    backend : Backend
    threads : int
    seed : int
        Breaks ties.

    Returns
    -------
    Ranked
    """
    shard, indptr = block.shard, block.shard.indptr
    coupon = np.flatnonzero(block.chosen)
    first = np.searchsorted(coupon, indptr)  # coupons before those of each customer
    rank = np.empty(len(block.chosen), np.uint8)
    instead = np.empty((len(coupon), most), np.uint8)

    def work(worker: int, start: int, stop: int) -> None:
        theirs = instead[first[start] : first[stop]]
        backend.unchecked.backups(
            shard, block.rules, block.value, block.chosen, seed & 0xFFFFFFFF, start, stop, rank, theirs
        )  # fmt: skip

    share_out(work, block_cuts(indptr, BLOCK_CANDIDATES, threads), threads)
    at = np.flatnonzero(rank)
    customer = np.searchsorted(indptr, at, side="right") - 1
    order = np.argsort(customer * 256 + rank[at])
    at, customer = at[order], customer[order]
    # the backup of rank r of a customer is the r-th of its rows
    row_of = np.searchsorted(customer, np.arange(len(indptr) - 1))
    which, place = np.nonzero(instead)
    row = row_of[np.repeat(np.arange(len(first) - 1), np.diff(first))[which]] + place
    turn = np.argsort(row, kind="stable")
    ptr = np.searchsorted(row[turn], np.arange(len(at) + 1))
    return Ranked(at, rank[at], ptr, coupon[which[turn]])


def _of_block(bound: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Entries of customers ``start <= i < stop`` of an array whose last axis has one for each, or one for all."""
    return bound if bound.shape[-1] == 1 else np.ascontiguousarray(bound[..., start:stop])
