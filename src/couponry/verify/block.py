"""Candidates of some customers, with their columns as the user gave them: what is verified at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from ..utils.arrays.blocks import row_blocks
from ..utils.errors import InvalidInput
from .inputs import Inputs
from .rounding import Floats, Integers, Mask

BLOCK_CANDIDATES = 1 << 20
"""Candidates of a block: what is checked at a time takes some 200 bytes for each of them."""


class Block:
    """All candidates of consecutive customers, in order: by customer, then by offer. Customers count from 0.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.
    start, stop : int
        Numbers of its customers in the campaign: start <= i < stop.

    Attributes
    ----------
    offer : ndarray of int64, shape (n_candidates,)
        Row of the offers for each candidate.
    customer : ndarray of int64, shape (n_candidates,)
        Number of each candidate's customer, less `start`.
    """

    def __init__(self, inputs: Inputs, start: int, stop: int):
        self._inputs, self.start, self.stop = inputs, start, stop
        candidates = inputs.data.candidates
        indptr = candidates.indptr[start : stop + 1]
        self._span = slice(int(indptr[0]), int(indptr[-1]))
        self.offer: Integers = candidates.offer[self._span].astype(np.int64)
        self.customer: Integers = np.repeat(np.arange(stop - start), np.diff(indptr))

    def __len__(self) -> int:
        return len(self.offer)

    @property
    def n_customers(self) -> int:
        """Number of its customers."""
        return self.stop - self.start

    @cached_property
    def all_cells(self) -> Integers:
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
        return (self.customer + self.start) * len(self._inputs.offers) + self.offer

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
        return self.all_cells[rows]

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
        position = np.minimum(np.searchsorted(self.keys, wanted), len(self) - 1)
        return np.where(self.keys[position] == wanted, position, -1)

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
            return inputs.offer_numbers(name)[offer]

        def part(name: str) -> Floats:
            return self.column(name, rows, by_whom) if inputs.has(name) else np.zeros(len(offer))

        if name == "cost":
            return part("issue_cost") + part("response") * part("face_value")
        if name == "value" and inputs.has("response"):
            return part("response") * (part("margin") - part("face_value")) - part("issue_cost")
        raise InvalidInput(f"{by_whom}: neither candidates nor offers have a column {name!r}")

    def size(self, name: str, rows: Integers, by_whom: str) -> Floats:
        """Return the size of a column's values, for rounding.

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
        ndarray of float64, shape (n,)
            A default is as large as all of its parts.
        """
        names = (name, *self._inputs.parts(name))
        sizes = [np.abs(self.column(part, rows, by_whom)) for part in names]
        return np.asarray(np.sum(sizes, axis=0))

    def chosen(self, who: Mask) -> Mask:
        """Return which candidates are of some customers.

        Parameters
        ----------
        who : ndarray of bool, shape (n customers of the campaign,)

        Returns
        -------
        ndarray of bool, shape (n_candidates,)
        """
        return np.asarray(who[self.start : self.stop][self.customer])


def blocks(inputs: Inputs) -> Iterator[Block]:
    """Yield all candidates in blocks of whole customers, customers in ascending order.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.

    Yields
    ------
    Block
        Of about `BLOCK_CANDIDATES` candidates.
    """
    for start, stop in row_blocks(inputs.data.candidates.indptr, BLOCK_CANDIDATES):
        yield Block(inputs, start, stop)
