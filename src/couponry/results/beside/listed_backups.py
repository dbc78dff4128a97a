"""Which backups one customer has: of a result of this session, or as the file says."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.candidates import Candidates
from ...kernels import Backend
from ...model.compiled_campaign import CompiledCampaign
from .listing import BackupLists


class ListedBackup(NamedTuple):
    """A candidate that may take the place of coupons of its customer, or of its unit.

    Attributes
    ----------
    rank : int
        1: the best one.
    instead_of : tuple of int or str
        Offers in whose place it may come.
    instead_of_customer : tuple of int or str
        Whose these are, in a campaign of units.
    """

    rank: int
    instead_of: tuple[Any, ...]
    instead_of_customer: tuple[Any, ...] = ()


def backups_of_customer(
    compiled: CompiledCampaign,
    prices: NDArray[np.float64],
    number: int,
    allocated: NDArray[np.bool_],
    backend: Backend,
    seed: int,
) -> dict[int, ListedBackup]:
    """List the backups of one customer, or of a unit.

    Parameters
    ----------
    compiled : CompiledCampaign
    prices : ndarray of float64, shape (n_rows,)
        Signed.
    number : int
        Of the customer, or of the unit.
    allocated : ndarray of bool, shape (n_own,)
        Which of its candidates are given, refunds among them where messages cost something.
    backend : Backend
    seed : int
        Breaks ties.

    Returns
    -------
    dict of int to ListedBackup
        By place among the customer's, or the unit's, candidates.
    """
    campaign = compiled.campaign
    if not campaign.backups:
        return {}
    lists = BackupLists(compiled, prices, backend, 1, seed)
    begin = int(campaign.indptr[number])
    ids = tables.ids(campaign.offers, "offers", "offer")
    found: dict[int, ListedBackup] = {}
    for ranked, _ in lists.of(number, number + 1, allocated.astype(np.uint8)):
        instead = ids.take(pa.array(campaign.candidates.offer[ranked.coupon])).to_pylist()
        whose: list[Any] = []
        if campaign.units is not None:
            customer = campaign.candidates.customer_of(ranked.coupon)
            whose = campaign.candidates.customers.take(pa.array(customer)).to_pylist()
        ends = zip(ranked.ptr.tolist(), ranked.ptr[1:].tolist(), strict=False)
        places = zip(ranked.at.tolist(), ranked.rank.tolist(), ends, strict=True)
        for at, rank, (first, last) in places:
            listed = ListedBackup(rank, tuple(instead[first:last]), tuple(whose[first:last]))
            found[at - begin] = listed
    return found


def backups_of_rows(
    rows: pa.Table, offers: pa.Array, candidates: Candidates
) -> dict[int, ListedBackup]:
    """Read the backups of one customer, or of a unit, from its rows of backups.parquet.

    Parameters
    ----------
    rows : pyarrow.Table
        With `customer`, `offer`, `rank` and `instead_of`, and `instead_of_customer` in a campaign of units.
    offers : pyarrow.Array
        Ids of the offers, ascending.
    candidates : Candidates
        The customer's, or the unit's.

    Returns
    -------
    dict of int to ListedBackup
        By place among the candidates.
    """
    what, width = "backups of the result", len(offers)
    own = candidates.customer_of(np.arange(len(candidates))) * width + candidates.offer
    wanted = tables.positions(tables.ids(rows, what, "customer"), candidates.customers) * width
    wanted += tables.positions(tables.ids(rows, what, "offer"), offers)
    order = np.argsort(own)
    places = order[np.searchsorted(own, wanted, sorter=order)].tolist()
    said = rows.select([name for name in ListedBackup._fields if name in rows.column_names])
    return {
        place: ListedBackup(
            int(row["rank"]), tuple(row["instead_of"]), tuple(row.get("instead_of_customer", ()))
        )
        for place, row in zip(places, said.to_pylist(), strict=True)
    }
