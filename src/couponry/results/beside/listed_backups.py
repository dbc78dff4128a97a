"""Which backups one customer has: of a result of this session, or as the file says."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...kernels import Backend
from ...model.compiled_campaign import CompiledCampaign
from .backups import block_of, rank_backups, reduced_amounts


class ListedBackup(NamedTuple):
    """A candidate that may take the place of coupons of its customer.

    Attributes
    ----------
    rank : int
        1: the best one.
    instead_of : tuple of int or str
        Offers in whose place it may come.
    """

    rank: int
    instead_of: tuple[Any, ...]


def backups_of_customer(
    compiled: CompiledCampaign,
    prices: NDArray[np.float64],
    number: int,
    allocated: NDArray[np.bool_],
    backend: Backend,
    seed: int,
) -> dict[int, ListedBackup]:
    """List the backups of one customer.

    Parameters
    ----------
    compiled : CompiledCampaign
    prices : ndarray of float64, shape (n_rows,)
        Signed.
    number : int
        Of the customer.
    allocated : ndarray of bool, shape (n_own,)
        Which of its candidates are given.
    backend : Backend
    seed : int
        Breaks ties.

    Returns
    -------
    dict of int to ListedBackup
        By place among the customer's candidates.
    """
    campaign, problem = compiled.campaign, compiled.problem
    if not campaign.backups:
        return {}
    reduced = reduced_amounts(problem, prices)
    block = block_of(problem, reduced, number, number + 1, allocated.astype(np.uint8))
    found = rank_backups(block, campaign.backups, backend, 1, seed)
    begin = int(problem.shard.indptr[number])
    ids = tables.ids(campaign.offers, "offers", "offer")
    instead = ids.take(pa.array(campaign.candidates.offer[begin + found.coupon])).to_pylist()
    places = zip(found.at.tolist(), found.rank.tolist(), found.ptr.tolist(), strict=False)
    ends = found.ptr[1:].tolist()
    return {
        at: ListedBackup(rank, tuple(instead[first:end]))
        for (at, rank, first), end in zip(places, ends, strict=True)
    }


def backups_of_rows(
    rows: pa.Table, offers: pa.Array, own: NDArray[np.integer]
) -> dict[int, ListedBackup]:
    """Read the backups of one customer from its rows of backups.parquet.

    Parameters
    ----------
    rows : pyarrow.Table
        With `offer`, `rank` and `instead_of`.
    offers : pyarrow.Array
        Ids of the offers, ascending.
    own : ndarray of int, shape (n_own,)
        Places in `offers` of the customer's candidates, ascending.

    Returns
    -------
    dict of int to ListedBackup
        By place among the customer's candidates.
    """
    at = tables.positions(tables.ids(rows, "backups of the result", "offer"), offers)
    places = np.searchsorted(own, at).tolist()
    said = zip(rows["rank"].to_pylist(), rows["instead_of"].to_pylist(), strict=True)
    return {
        place: ListedBackup(int(rank), tuple(instead))
        for place, (rank, instead) in zip(places, said, strict=True)
    }
