"""Candidates of some customers, with their columns as the user gave them: what is verified at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..model.rules import CustomerRule
from ..utils.arrays.blocks import row_blocks
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.errors import InvalidInput
from ..utils.process.cached_property import cached_property
from .inputs import Inputs
from .rounding import Floats, Integers

BLOCK_CANDIDATES = 1 << 18
"""Candidates of a block: what is checked at a time takes some 200 bytes for each of them, in each thread."""

NEIGHBOURS = 1 << 17
"""Entries before a part of a mapped file that the system may have read again together with its first ones."""

Addition = Callable[[], None]
"""Adds what a check found of a block, which was examined in any thread, to the whole; called in order of the blocks."""


class Block:
    """All candidates of consecutive units, in order: by unit, then by customer, then by offer. Both count from 0.

    Where the campaign has no units of several customers, each customer is a unit.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.
    first_unit, last_unit : int
        Numbers of its units in the campaign: first_unit <= u < last_unit.

    Attributes
    ----------
    start, stop : int
        Numbers of its customers in the campaign: start <= i < stop.
    """

    def __init__(self, inputs: Inputs, first_unit: int, last_unit: int):
        self._inputs, self.first_unit, self.last_unit = inputs, first_unit, last_unit
        units = inputs.data.units
        self.start, self.stop = first_unit, last_unit
        if units is not None:
            self.start, self.stop = units.ptr[[first_unit, last_unit]].tolist()
        start, stop = self.start, self.stop
        indptr = inputs.data.candidates.indptr
        self._span = slice(int(indptr[start]), int(indptr[stop]))
        self._whole: dict[str, Floats] = {}

    def __len__(self) -> int:
        return self._span.stop - self._span.start

    @property
    def n_customers(self) -> int:
        """Number of its customers."""
        return self.stop - self.start

    @cached_property
    def count(self) -> Integers:
        """Number of candidates of each customer."""
        return np.diff(self._inputs.data.candidates.indptr[self.start : self.stop + 1])

    @cached_property
    def offer(self) -> NDArray[np.integer]:
        """Row of the offers for each candidate."""
        return self._inputs.data.candidates.offer[self._span]

    @cached_property
    def customer(self) -> Integers:
        """Number of each candidate's customer, less `start`."""
        return np.repeat(np.arange(self.n_customers), self.count)

    @property
    def n_units(self) -> int:
        """Number of its units."""
        return self.last_unit - self.first_unit

    @cached_property
    def unit_of_customer(self) -> Integers:
        """Number of each customer's unit, less `first_unit`."""
        units = self._inputs.data.units
        if units is None:
            return np.arange(self.n_customers)
        return units.of_customer[self.start : self.stop].astype(np.int64) - self.first_unit

    @cached_property
    def unit(self) -> Integers:
        """Number of each candidate's unit, less `first_unit`."""
        if self._inputs.data.units is None:
            return self.customer
        return self.unit_of_customer[self.customer]

    def holder(self, rule: CustomerRule) -> Integers:
        """Say whom a rule holds for: numbers of units, or of customers where it holds for each.

        Parameters
        ----------
        rule : CustomerRule

        Returns
        -------
        ndarray of int64, shape (n_candidates,)
        """
        return self.unit if rule.each is None else self.customer

    def holders(self, rule: CustomerRule) -> slice:
        """Say which units of the campaign, or customers where the rule holds for each, are in the block.

        Parameters
        ----------
        rule : CustomerRule

        Returns
        -------
        slice
        """
        if rule.each is None:
            return slice(self.first_unit, self.last_unit)
        return slice(self.start, self.stop)

    def unit_of_holder(self, rule: CustomerRule, holder: Integers) -> Integers:
        """Find the units of those whom a rule holds for.

        Parameters
        ----------
        rule : CustomerRule
        holder : ndarray of int64, shape (n,)

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        return holder if rule.each is None else self.unit_of_customer[holder]

    @cached_property
    def all_cells(self) -> NDArray[np.integer]:
        """Cell of each candidate."""
        role = self._inputs.data.candidates.role
        if role is None:
            return self.offer
        return role[self._span].astype(np.int64) * len(self._inputs.offers) + self.offer

    @cached_property
    def mandatory(self) -> Integers:
        """Rows of the candidates that must be given."""
        flags = self._inputs.data.candidates.mandatory
        return np.flatnonzero(np.zeros(0) if flags is None else flags[self._span])

    @cached_property
    def keys(self) -> Integers:
        """Ascending numbers of the pairs of customer and offer, in the whole campaign."""
        keys = self.customer + self.start
        keys *= len(self._inputs.offers)
        keys += self.offer
        return keys

    def cell(self, rows: Integers) -> Integers:
        """Return the cells of some candidates.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows of candidates.

        Returns
        -------
        ndarray of int64, shape (n,)
            Numbers of cells.
        """
        return self.all_cells[rows].astype(np.int64, copy=False)

    def rows(self, customer: Integers, offer: Integers) -> Integers:
        """Look pairs of customer and offer up among the candidates.

        Parameters
        ----------
        customer : ndarray of int64, shape (n,)
            Number of a customer of this block.
        offer : ndarray of int64, shape (n,)
            Row of an offer.

        Returns
        -------
        ndarray of int64, shape (n,)
            Row of each pair; -1 for a pair that is not there.
        """
        return self.rows_of_keys((customer + self.start) * len(self._inputs.offers) + offer)

    def rows_of_keys(self, wanted: Integers) -> Integers:
        """Look pairs up by their numbers in the whole campaign.

        Parameters
        ----------
        wanted : ndarray of int64, shape (n,)
            As `keys` has them.

        Returns
        -------
        ndarray of int64, shape (n,)
            Row of each pair; -1 for a pair that is not there.
        """
        position: Integers = np.minimum(np.searchsorted(self.keys, wanted), len(self) - 1)
        position[self.keys[position] != wanted] = -1
        return position

    def column(self, name: str, rows: Integers | slice, by_whom: str) -> Floats:
        """Return a column of some candidates, by the format's rules for columns that are missing.

        Parameters
        ----------
        name : str
        rows : ndarray of int64, shape (n,), or slice
            Rows of candidates.
        by_whom : str
            What asks for the column, for messages.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        InvalidInput
            If there is no such column.
        """
        inputs = self._inputs
        columns = inputs.data.candidates.columns
        offer = self.offer[rows]
        if name == "count":
            return np.ones(len(offer))
        if name in columns:
            return columns[name][self._span][rows].astype(float)
        if name in inputs.offers.column_names:
            return np.asarray(inputs.offer_numbers(name)[offer])
        if name in inputs.of_customers:
            whose = self.start + self.customer[rows]
            return np.asarray(inputs.customer_numbers(name, by_whom)[whose])

        def part(name: str) -> Floats:
            return self.column(name, rows, by_whom) if inputs.has(name) else np.zeros(len(offer))

        if name == "cost":
            return part("issue_cost") + part("response") * part("face_value")
        if name == "value" and inputs.has("response"):
            return part("response") * (part("margin") - part("face_value")) - part("issue_cost")
        raise InvalidInput(
            f"{by_whom}: neither candidates, offers nor customers have a column {name!r}"
        )

    def whole(self, name: str, by_whom: str) -> Floats:
        """Return a column of all candidates; it is kept for the next who asks.

        Parameters
        ----------
        name : str
        by_whom : str
            What asks for the column, for messages.

        Returns
        -------
        ndarray of float64, shape (n_candidates,)
            Not to be changed.

        Raises
        ------
        InvalidInput
            If there is no such column.
        """
        if name not in self._whole:
            self._whole[name] = self.column(name, slice(None), by_whom)
        return self._whole[name]

    def amounts(self, name: str, rows: Integers, by_whom: str) -> tuple[Floats, Floats]:
        """Return a column of some candidates, and how large its values are.

        Parameters
        ----------
        name : str
            Name of a column.
        rows : ndarray of int64, shape (n,)
            Rows of candidates.
        by_whom : str
            What asks for the column, for messages.

        Returns
        -------
        values : ndarray of float64, shape (n,)
        size : ndarray of float64, shape (n,)
            For rounding: a default is as large as all of its parts.

        Raises
        ------
        InvalidInput
            If there is no such column.
        """
        known = self._whole.get(name)
        values = self.column(name, rows, by_whom) if known is None else known[rows]
        size = np.abs(values)
        for part in self._inputs.parts(name):
            size += np.abs(self.column(part, rows, by_whom))
        return values, size

    def release(self) -> None:
        """Give back the memory that the candidates of a store take up in this process."""
        candidates = self._inputs.data.candidates
        arrays = (candidates.offer, candidates.role, candidates.mandatory)
        wide = with_neighbours(self._span)
        for array in (*arrays, *candidates.columns.values()):
            if array is not None:
                release_pages(array[wide])


def with_neighbours(span: slice) -> slice:
    """Return the part of a mapped file to release after this one was read: what was read before it may be back.

    Parameters
    ----------
    span : slice
        Of entries.

    Returns
    -------
    slice
        That ends where `span` does.
    """
    return slice(max(0, span.start - NEIGHBOURS), span.stop)


def blocks(inputs: Inputs) -> Iterator[Block]:
    """Yield all candidates in blocks of whole units, in their order.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.

    Yields
    ------
    Block
        Of about `BLOCK_CANDIDATES` candidates.
    """
    for start, stop in row_blocks(inputs.data.indptr, BLOCK_CANDIDATES):
        yield Block(inputs, start, stop)
