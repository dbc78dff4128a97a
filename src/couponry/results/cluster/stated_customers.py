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
from ...data.arrow_columns import one_array
from ...data.candidates import Candidates
from ...data.ids import TEXT, as_ids, is_before, text_buffers
from ...model.campaign_data import CampaignData
from ...model.customers import Customers
from ...model.units.joined_customers import join_customers
from ...model.units.units import Units
from ...utils.arrays.array_store import Arrays
from ...utils.arrays.ragged import ranges

CUSTOMER, CUSTOMER_ENDS = "customer", "customer-ends"
"""Arrays of ids of customers, as `data.ids.as_ids` has them."""

TABLES = "customers", "history"
"""Tables with rows about customers, beside their candidates."""


UNIT_PTR, UNIT_VALUE = "unit-ptr", "unit-value"
"""Arrays of units of several customers: where each one's begin, and what it is called."""


class StatedCustomers(NamedTuple):
    """Some customers, in ascending order of their ids; or some units, in ascending order of their first ones.

    Attributes
    ----------
    candidates : Candidates
    customers, history : pyarrow.Table or None
        Their rows alone, those of members of units who have no candidates among them.
    units : Units or None
        None: single customers, each of whom counts as a unit here.
    """

    candidates: Candidates
    customers: pa.Table | None
    history: pa.Table | None
    units: Units | None = None

    @classmethod
    def of_rows(
        cls,
        candidates: Candidates,
        customers: pa.Table | None,
        history: pa.Table | None,
        unit: str | None = None,
    ) -> StatedCustomers:
        """Take customers with their rows of other tables.

        Parameters
        ----------
        candidates : Candidates
            By customer.
        customers, history : pyarrow.Table or None
            Rows of theirs, and of others.
        unit : str, optional
            Column of customers that says who is one unit.

        Returns
        -------
        StatedCustomers

        Raises
        ------
        InvalidInput
            Where a customer is in no unit of the table.
        """
        units = None
        if unit is not None:
            row = Customers(customers, candidates.customers).rows(f"unit {unit!r}")
            assert customers is not None
            candidates, units = join_customers(candidates, unit, customers[unit], row)
        return cls(candidates, *_rows_beside(candidates, units, customers, history), units)

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
        return cls(campaign.candidates, campaign.customers, campaign.history, campaign.units)

    def __len__(self) -> int:
        return len(self.candidates.customers) if self.units is None else len(self.units)

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
            campaign,
            candidates=self.candidates,
            customers=self.customers,
            history=self.history,
            units=self.units,
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
        if self.units is not None:
            arrays |= {UNIT_PTR: self.units.ptr, UNIT_VALUE: written_values(self.units.value)}
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
        customers, history = (_read(arrays[name]) if name in arrays else None for name in TABLES)
        units = None
        if campaign.unit is not None:
            units = Units(campaign.unit, arrays[UNIT_PTR], read_values(arrays[UNIT_VALUE]))
        return cls(candidates, customers, history, units)

    # ---- parts, and parts put together

    def some(self, numbers: NDArray[np.int64]) -> StatedCustomers:
        """Take some units, in the order that is asked for.

        Parameters
        ----------
        numbers : ndarray of int64
            Row numbers; ids ascend in their order.

        Returns
        -------
        StatedCustomers
        """
        own, units = self.candidates, self.units
        if units is not None:
            size = np.diff(units.ptr)[numbers]
            ptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(size)])
            value = units.value.take(pa.array(numbers))
            numbers, units = ranges(units.ptr[numbers], size), replace(units, ptr=ptr, value=value)
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
        beside = _rows_beside(found, units, self.customers, self.history)
        return StatedCustomers(found, *beside, units)

    @property
    def firsts(self) -> pa.Array:
        """Ids of the first customer of each unit, ascending."""
        known = self.candidates.customers
        return known if self.units is None else known.take(pa.array(self.units.ptr[:-1]))

    def without(self, others: pa.Array) -> StatedCustomers:
        """Leave some units out.

        Parameters
        ----------
        others : pyarrow.Array
            Ids of their first customers.

        Returns
        -------
        StatedCustomers
        """
        return self.some(np.flatnonzero(tables.positions(self.firsts, others) < 0))

    def among(self, others: StatedCustomers) -> tuple[StatedCustomers, slice]:
        """Put these units among others; what is of both is there once.

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
        rest = others.without(self.firsts)
        first = self.firsts[0].as_py()
        before = sum(is_before(one, first) for one in rest.firsts.to_pylist())
        earlier, later = np.arange(before), np.arange(before, len(rest))
        whole = _one_after_the_other([rest.some(earlier), self, rest.some(later)])
        return whole, slice(before, before + len(self))


def merged(parts: Sequence[StatedCustomers]) -> StatedCustomers:
    """Put units together, in order, each once.

    Parameters
    ----------
    parts : sequence of StatedCustomers
        At least one.

    Returns
    -------
    StatedCustomers
    """
    known, kept = parts[0].firsts, [parts[0]]
    for part in parts[1:]:
        kept.append(part.without(known))
        known = pa.concat_arrays([known, kept[-1].firsts])
    whole = _one_after_the_other(kept)
    order = pc.sort_indices(whole.firsts)
    return whole.some(order.to_numpy().astype(np.int64))


def _one_after_the_other(parts: Sequence[StatedCustomers]) -> StatedCustomers:
    """Units of several parts, none of which is of two."""
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
    customers, history = (
        None
        if getattr(parts[0], name) is None
        else pa.concat_tables([getattr(part, name) for part in parts])
        for name in TABLES
    )
    all_units = [part.units for part in parts if part.units is not None]
    units = None
    if all_units:
        size = np.concatenate([np.diff(each.ptr) for each in all_units])
        ptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(size)])
        value = pa.concat_arrays([each.value for each in all_units])
        units = replace(all_units[0], ptr=ptr, value=value)
    return StatedCustomers(candidates, customers, history, units)


def _rows_beside(
    candidates: Candidates,
    units: Units | None,
    customers: pa.Table | None,
    history: pa.Table | None,
) -> tuple[pa.Table | None, pa.Table | None]:
    """Rows of the tables customers and history that are about some units."""
    whose = candidates.customers
    customers = _rows_of(customers, "customers", whose, units)
    if units is not None and customers is not None:
        whose = tables.ids(customers, "customers", "customer")
    return customers, _rows_of(history, "history", whose)


def _rows_of(
    table: pa.Table | None, name: str, customers: pa.Array, units: Units | None = None
) -> pa.Table | None:
    """Rows of a table that are about some customers, or members of their units."""
    if table is None or table.num_rows == 0:
        return table
    ids = tables.ids(table, name, "customer")
    theirs = tables.positions(ids, customers) >= 0
    if units is not None:
        theirs |= units.units_of(table, ids) >= 0
    return table.take(pa.array(np.flatnonzero(theirs)))


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


def written_values(values: pa.Array) -> NDArray[np.uint8]:
    """Make an array of values, to be written as part of a shard.

    Parameters
    ----------
    values : pyarrow.Array

    Returns
    -------
    ndarray of uint8
        For `read_values`.
    """
    return _written(pa.table({UNIT_VALUE: values}))


def read_values(written: NDArray[np.uint8]) -> pa.Array:
    """Take values out of an array of a shard.

    Parameters
    ----------
    written : ndarray of uint8

    Returns
    -------
    pyarrow.Array
    """
    return one_array(_read(written)[UNIT_VALUE])


def _written(table: pa.Table) -> NDArray[np.uint8]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _read(written: NDArray[np.uint8]) -> pa.Table:
    return pa.ipc.open_stream(pa.py_buffer(written)).read_all()
