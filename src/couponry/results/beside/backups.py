"""What comes next where a customer's coupon falls out: `Backups`, and where their rows come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...engines.workers import block_cuts, share_out
from ...kernels import Backend, Rules, Shard
from ...solver.problem import Problem
from ...utils.arrays.mapped_arrays import read_ahead, release_pages
from ...utils.errors import Unsupported
from ..allocation import Allocation
from ..coupon_rows import PlannedRows, as_they_came

BLOCK_CANDIDATES = 1 << 16
"""Candidates that a thread looks for backups among at a time."""


class Backups(Allocation):
    """What comes next where a coupon falls out, a row for each customer and place in its list; `Result.backups`.

    Rows have `customer`, `rank` (1: the best), `offer`, those of value, response and cost that exist, `reduced`, which
    is the value less what the limits charge for it at the prices of `Result.limits`, and `instead_of`, a list of the
    coupons of this customer whose place the offer may take. They are ordered by customer, then by rank. No limit counts
    them. As those of an allocation, rows are made or read anew each time, the same bits.

    Parameters
    ----------
    rows : CouponRows
        Where the rows come from.

    Examples
    --------
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam", "rice"]}
    >>> candidates = {"customer": [1] * 3, "offer": offers["offer"], "value": [2.0, 1.0, 3.0]}
    >>> slots = couponry.CustomerRule("slots", max=1)
    >>> result = couponry.Campaign(offers, candidates, rules=[slots], backups=2).solve()
    >>> result.backups.to_arrow().select(["rank", "offer", "instead_of"]).to_pylist()[0]
    {'rank': 1, 'offer': 'tea', 'instead_of': ['rice']}
    """

    def write_on_workers(self, folder: str | Path) -> list[Path | str]:
        """Refuse it: workers write the allocation alone.

        Parameters
        ----------
        folder : str or Path
            Where the allocation would go.

        Returns
        -------
        list of Path or str
            Never.

        Raises
        ------
        Unsupported
        """
        raise Unsupported("backups: workers write the allocation alone; write makes a file of them")


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


class BackupRows:
    """Rows of backups, made of a plan and the prices of its limits anew each time, the same bits.

    Parameters
    ----------
    planned : PlannedRows
        Of the plan.
    prices : ndarray of float64, shape (n_rows,)
        Signed.
    backend : Backend
    threads : int
    seed : int
        Breaks ties.
    """

    def __init__(
        self,
        planned: PlannedRows,
        prices: NDArray[np.float64],
        backend: Backend,
        threads: int,
        seed: int,
    ):
        self._planned, self._backend, self._threads = planned, backend, threads
        self._seed = seed
        self._reduced = reduced_amounts(planned.compiled.problem, prices)
        self._counts: tuple[int, int] | None = None
        nothing = np.zeros(0, np.int64)
        none = Ranked(nothing, nothing.astype(np.uint8), np.zeros(1, np.int64), nothing)
        self.schema: pa.Schema = self._batch(none, 0, np.zeros(0)).schema

    @property
    def coupons(self) -> int:
        """How many rows there are; counted on the way of `batches`, or else in a pass at first use."""
        return self._counted()[0]

    @property
    def customers(self) -> int:
        """Customers with at least one backup; counted like `coupons`."""
        return self._counted()[1]

    def _counted(self) -> tuple[int, int]:
        """How many rows, and how many customers."""
        if self._counts is None:
            found = [
                (len(ranked.at), int((ranked.rank == 1).sum())) for ranked, *_ in self._parts()
            ]
            self._counts = sum(rows for rows, _ in found), sum(customers for _, customers in found)
        return self._counts

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Make the backups of one block of customers after the other.

        Yields
        ------
        pyarrow.RecordBatch
        """
        rows = customers = 0
        for ranked, begin, value in self._parts():
            rows, customers = rows + len(ranked.at), customers + int((ranked.rank == 1).sum())
            yield self._batch(ranked, begin, value)
        self._counts = rows, customers

    def _parts(self) -> Iterator[tuple[Ranked, int, NDArray[np.float64]]]:
        """The backups of each block, its first candidate, and what its candidates are worth."""
        compiled, plan = self._planned.compiled, self._planned.plan
        problem, most = compiled.problem, compiled.campaign.backups
        for start, stop, chosen in plan.blocks():
            begin, end = problem.shard.indptr[[start, stop]].tolist()
            touched = [array[begin:end] for array in (problem.shard.item, *problem.attributes)]
            read_ahead(*touched)
            block = block_of(problem, self._reduced, start, stop, chosen)
            yield (
                rank_backups(block, most, self._backend, self._threads, self._seed),
                begin,
                block.value,
            )
            release_pages(*touched, compiled.campaign.candidates.offer[begin:end])

    def _batch(self, ranked: Ranked, begin: int, value: NDArray[np.float64]) -> pa.RecordBatch:
        """Rows of the backups of a block."""
        campaign = self._planned.compiled.campaign
        columns = self._planned.columns(begin + ranked.at)
        given = campaign.candidates.offer[begin + ranked.coupon]
        kind = campaign.offers.schema.field("offer").type
        offers = as_they_came(self._planned.offers.take(pa.array(given)), kind)
        instead = pa.ListArray.from_arrays(pa.array(ranked.ptr.astype(np.int32)), offers)
        return pa.record_batch(
            {
                "customer": columns.pop("customer"),
                "rank": ranked.rank,
                **columns,
                "reduced": value[ranked.at],
                "instead_of": instead,
            }
        )


def _of_block(bound: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
    """Entries of customers ``start <= i < stop`` of an array whose last axis has one for each, or one for all."""
    return bound if bound.shape[-1] == 1 else np.ascontiguousarray(bound[..., start:stop])
