"""Some customers as they were stated: their candidates, and their rows of the tables customers and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.candidates import Candidates
from ...data.ids import TEXT, as_ids, is_before, text_buffers
from ...model.campaign_data import CampaignData
from ...utils.arrays.array_store import Arrays
from ...utils.arrays.ragged import ranges

CUSTOMER, CUSTOMER_ENDS = "customer", "customer-ends"
"""Arrays of ids of customers, as `data.ids.as_ids` has them."""

TABLES = "customers", "history"
"""Tables with rows about customers, beside their candidates."""


class StatedCustomers(NamedTuple):
    """Some customers, in ascending order of their ids.

    Attributes
    ----------
    candidates : Candidates
    customers, history : pyarrow.Table or None
        Their rows alone.
    """

    candidates: Candidates
    customers: pa.Table | None
    history: pa.Table | None

    @classmethod
    def of_campaign(cls, campaign: CampaignData) -> StatedCustomers:
        """Take the customers of a campaign.

        Parameters
        ----------
        campaign : CampaignData

        Returns
        -------
        StatedCustomers
        """
        return cls(campaign.candidates, campaign.customers, campaign.history)

    def __len__(self) -> int:
        return len(self.candidates.customers)

    def of(self, campaign: CampaignData) -> CampaignData:
        """Make the campaign of these customers alone.

        Parameters
        ----------
        campaign : CampaignData
            Offers, rules and limits.

        Returns
        -------
        CampaignData
        """
        return replace(
            campaign, candidates=self.candidates, customers=self.customers, history=self.history
        )

    # ---- as arrays

    def arrays(self) -> Arrays:
        """Take them apart, to be written as a shard.

        Returns
        -------
        dict of str to ndarray
            For `of_arrays`.
        """
        own = self.candidates
        arrays: Arrays = {"indptr": own.indptr, "offer": own.offer, **id_arrays(own.customers)}
        for name in ("role", "mandatory"):
            if getattr(own, name) is not None:
                arrays[name] = getattr(own, name)
        arrays |= {f"column {name}": column for name, column in own.columns.items()}
        for name in TABLES:
            table = getattr(self, name)
            if table is not None:
                arrays[name] = _written(table)
        return arrays

    @classmethod
    def of_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], campaign: CampaignData
    ) -> StatedCustomers:
        """Put them together again.

        Parameters
        ----------
        arrays : mapping of str to ndarray
        campaign : CampaignData
            Stated without customers: what columns candidates have.

        Returns
        -------
        StatedCustomers
            Over the same arrays.
        """
        candidates = Candidates(
            as_ids(arrays[CUSTOMER], arrays.get(CUSTOMER_ENDS)),
            arrays["indptr"],
            arrays["offer"],
            arrays.get("role"),
            arrays.get("mandatory"),
            {name: arrays[f"column {name}"] for name in campaign.candidates.columns},
            notes=campaign.candidates.notes,
        )
        read = (_read(arrays[name]) if name in arrays else None for name in TABLES)
        return cls(candidates, *read)

    # ---- parts, and parts put together

    def some(self, numbers: NDArray[np.int64]) -> StatedCustomers:
        """Take some customers, in the order that is asked for.

        Parameters
        ----------
        numbers : ndarray of int64
            Row numbers; ids ascend in their order.

        Returns
        -------
        StatedCustomers
        """
        own = self.candidates
        count = np.diff(own.indptr)[numbers]
        at = ranges(own.indptr[numbers], count)
        customers = own.customers.take(pa.array(numbers))
        found = Candidates(
            customers,
            np.concatenate([np.zeros(1, np.int64), np.cumsum(count)]),
            own.offer[at],
            None if own.role is None else own.role[at],
            None if own.mandatory is None else own.mandatory[at],
            {name: column[at] for name, column in own.columns.items()},
            notes=own.notes,
        )
        rows = (rows_of(getattr(self, name), name, customers) for name in TABLES)
        return StatedCustomers(found, *rows)

    def without(self, others: pa.Array) -> StatedCustomers:
        """Leave some customers out.

        Parameters
        ----------
        others : pyarrow.Array
            Ids.

        Returns
        -------
        StatedCustomers
        """
        return self.some(np.flatnonzero(tables.positions(self.candidates.customers, others) < 0))

    def among(self, others: StatedCustomers) -> tuple[StatedCustomers, slice]:
        """Put these customers among others; whoever is of both is there once.

        Parameters
        ----------
        others : StatedCustomers
            None of them is between two of these without being one of these.

        Returns
        -------
        StatedCustomers
            All of them.
        slice
            Which of them these are.
        """
        rest = others.without(self.candidates.customers)
        first = self.candidates.customers[0].as_py()
        ids = rest.candidates.customers
        before = sum(is_before(one, first) for one in ids.to_pylist())
        earlier, later = np.arange(before), np.arange(before, len(rest))
        whole = _one_after_the_other([rest.some(earlier), self, rest.some(later)])
        return whole, slice(before, before + len(self))


def merged(parts: Sequence[StatedCustomers]) -> StatedCustomers:
    """Put customers together, in order, each once.

    Parameters
    ----------
    parts : sequence of StatedCustomers
        At least one.

    Returns
    -------
    StatedCustomers
    """
    known, kept = parts[0].candidates.customers, [parts[0]]
    for part in parts[1:]:
        kept.append(part.without(known))
        known = pa.concat_arrays([known, kept[-1].candidates.customers])
    whole = _one_after_the_other(kept)
    order = pc.sort_indices(whole.candidates.customers)
    return whole.some(order.to_numpy().astype(np.int64))


def _one_after_the_other(parts: Sequence[StatedCustomers]) -> StatedCustomers:
    """Customers of several parts, none of whom is of two."""
    all_candidates = [part.candidates for part in parts]
    first = all_candidates[0]

    def along(arrays: Sequence[NDArray[Any] | None]) -> Any:
        return None if arrays[0] is None else np.concatenate(arrays)  # type: ignore[arg-type]

    counts = np.concatenate([np.diff(each.indptr) for each in all_candidates])
    candidates = Candidates(
        pa.concat_arrays([each.customers for each in all_candidates]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        along([each.offer for each in all_candidates]),
        along([each.role for each in all_candidates]),
        along([each.mandatory for each in all_candidates]),
        {name: along([each.columns[name] for each in all_candidates]) for name in first.columns},
        notes=first.notes,
    )
    found = (
        None
        if getattr(parts[0], name) is None
        else pa.concat_tables([getattr(part, name) for part in parts])
        for name in TABLES
    )
    return StatedCustomers(candidates, *found)


def rows_of(table: pa.Table | None, name: str, customers: pa.Array) -> pa.Table | None:
    """Take the rows of a table that are about some customers.

    Parameters
    ----------
    table : pyarrow.Table or None
    name : {"customers", "history"}
    customers : pyarrow.Array
        Ids.

    Returns
    -------
    pyarrow.Table or None
        None for None.
    """
    if table is None or table.num_rows == 0:
        return table
    ids = tables.ids(table, name, "customer")
    return table.take(pa.array(np.flatnonzero(tables.positions(ids, customers) >= 0)))


def id_arrays(ids: pa.Array) -> Arrays:
    """Make arrays of ids.

    Parameters
    ----------
    ids : pyarrow.Array
        Of int64 or large_string.

    Returns
    -------
    dict of str to ndarray
        As `data.ids.as_ids` takes them.
    """
    if ids.type != TEXT:
        return {CUSTOMER: ids.to_numpy()}
    ends, text = text_buffers(ids)
    return {CUSTOMER: text[int(ends[0]) : int(ends[-1])], CUSTOMER_ENDS: ends - ends[0]}


def _written(table: pa.Table) -> NDArray[np.uint8]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _read(written: NDArray[np.uint8]) -> pa.Table:
    return pa.ipc.open_stream(pa.py_buffer(written)).read_all()
