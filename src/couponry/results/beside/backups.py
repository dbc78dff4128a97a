"""What comes next where a customer's coupon falls out: `Backups`, and where their rows come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...kernels import Backend
from ...utils.arrays.mapped_arrays import read_ahead, release_pages
from ...utils.checks import check_path
from ...utils.errors import Unsupported
from ..allocation import Allocation
from ..coupon_rows import UNIT, PlannedRows, as_they_came
from .listing import BackupLists, Listed
from .ranked_backups import Ranked


class Backups(Allocation):
    """What comes next where a coupon falls out, a row for each customer and place in its list; `Result.backups`.

    Rows have `customer`, `rank` (1: the best), `offer`, those of value, response and cost that exist, `reduced`, which
    is the value less what the limits charge for it at the prices of `Result.limits`, and `instead_of`, a list of the
    coupons of this customer whose place the offer may take. They are ordered by customer, then by rank. No limit counts
    them. Where messages cost something, `reduced` is less what the last one of the customer costs. In a campaign of
    units lists are those of a unit: its column stands after `customer`, and `instead_of_customer` says whose the
    coupons are. As those of an allocation, rows are made or read anew each time, the same bits.

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
        """Have the workers that solved a `ClusterCampaign` write the backups, as they write the allocation.

        Parameters
        ----------
        folder : str or Path
            As `Allocation.write_on_workers` takes it.

        Returns
        -------
        list of Path, or of str
            The files that count, or their URIs, in the customers' order.

        Raises
        ------
        InvalidInput
            Where the folder holds something else.
        Unsupported
            Of a `Campaign`.
        """
        rows: Any = self._rows
        if not hasattr(rows, "write_on_workers"):
            raise Unsupported(
                "backups: workers write those of a ClusterCampaign; write makes a file of these"
            )
        check_path(folder, "folder")
        found: list[Path | str] = rows.write_on_workers(folder)
        return found


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
        self._planned = planned
        self._lists = BackupLists(planned.compiled, prices, backend, threads, seed)
        self._counts: tuple[int, int] | None = None
        nothing = np.zeros(0, np.int64)
        none = Ranked(nothing, nothing.astype(np.uint8), np.zeros(1, np.int64), nothing)
        self.schema: pa.Schema = self._batch(Listed(none, np.zeros(0))).schema

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
            found = [(len(listed.ranked.at), self._customers(listed)) for listed in self._parts()]
            self._counts = sum(rows for rows, _ in found), sum(customers for _, customers in found)
        return self._counts

    def _customers(self, listed: Listed) -> int:
        """Customers who have a candidate among backups."""
        return len(
            np.unique(self._planned.compiled.campaign.candidates.customer_of(listed.ranked.at))
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Make the backups of one block of customers after the other.

        Yields
        ------
        pyarrow.RecordBatch
        """
        rows = customers = 0
        for listed in self._parts():
            rows, customers = rows + len(listed.ranked.at), customers + self._customers(listed)
            yield self._batch(listed)
        self._counts = rows, customers

    def _parts(self) -> Iterator[Listed]:
        """The backups of each block."""
        compiled, plan = self._planned.compiled, self._planned.plan
        problem, campaign = compiled.problem, compiled.campaign
        for start, stop, chosen in plan.blocks():
            begin, end = problem.shard.indptr[[start, stop]].tolist()
            touched = [array[begin:end] for array in (problem.shard.item, *problem.attributes)]
            read_ahead(*touched)
            yield from self._lists.of(start, stop, chosen)
            release_pages(
                *touched, campaign.candidates.offer[slice(*campaign.indptr[[start, stop]])]
            )

    def _batch(self, listed: Listed) -> pa.RecordBatch:
        """Rows of the backups of a block."""
        campaign, ranked = self._planned.compiled.campaign, listed.ranked
        columns = self._planned.columns(ranked.at)
        given = campaign.candidates.offer[ranked.coupon]
        kind = campaign.offers.schema.field("offer").type
        offers = as_they_came(self._planned.offers.take(pa.array(given)), kind)
        ptr = pa.array(ranked.ptr.astype(np.int32))
        rows = {
            "customer": columns.pop("customer"),
            **(
                {}
                if campaign.units is None
                else {campaign.units.column: columns.pop(campaign.units.column)}
            ),
            "rank": ranked.rank,
            **columns,
            "reduced": listed.worth,
            "instead_of": pa.ListArray.from_arrays(ptr, offers),
        }
        if campaign.units is None:
            return pa.record_batch(rows)
        whose = self._planned.customers_of(ranked.coupon)
        rows["instead_of_customer"] = pa.ListArray.from_arrays(ptr, whose)
        return pa.record_batch(rows).replace_schema_metadata({UNIT: campaign.units.column})
