"""Checks of the candidates table, a block of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.errors import InvalidInput
from ..utils.suggestions import did_you_mean
from . import ids, tables
from .candidate_rows import CandidateRows, sort_rows
from .plain_types import check_values
from .roles import ROLES
from .table_files import empty_table

TABLE = "candidates"
KEYS = ("customer", "offer", "role", "mandatory")
"""Columns of the candidates table that are not numeric."""

MAX_LOOKUP_SPREAD = 1 << 22
"""Largest difference of integer offer ids for which they are looked up in a table of all ids between."""


@dataclass(frozen=True)
class NumberedBlock:
    """Some rows of the candidates table.

    Attributes
    ----------
    table : pyarrow.Table
    first_row : int
        Number of the first of them in the whole table, for messages.
    """

    table: pa.Table
    first_row: int


class CandidateChecks:
    """Turns blocks of a candidates table into rows in canonical order, and refuses what is wrong.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of the candidates table.
    offers : pyarrow.Array
        Ids of the offers, ascending.

    Attributes
    ----------
    customer_type : pyarrow.DataType
        int64 or large_string.
    dtypes : dict of str to numpy.dtype
        Of each column that is kept: `offer`; `role` and `mandatory`, where the table has them; the numeric columns.

    Raises
    ------
    InvalidInput
        Where the table has no column of customers or offers.
    """

    def __init__(self, schema: pa.Schema, offers: pa.Array):
        empty = empty_table(schema)
        tables.require(empty, TABLE, "customer", "offer")
        self.offers = offers
        self.customer_type = tables.ids(empty, TABLE, "customer").type
        self.numeric = [name for name in schema.names if name not in KEYS]
        self.dtypes: dict[str, np.dtype[Any]] = {"offer": offer_dtype(len(offers))}
        if "role" in schema.names:
            self.dtypes["role"] = np.dtype(np.uint8)
        if "mandatory" in schema.names:
            self.dtypes["mandatory"] = np.dtype(np.uint8)
        for name in self.numeric:
            single = schema.field(name).type == pa.float32()
            self.dtypes[name] = np.dtype(np.float32 if single else np.float64)
        self._positions = _OfferPositions(offers)

    def checked_rows(self, block: NumberedBlock) -> CandidateRows:
        """Check the rows of a block, and put them into canonical order.

        Parameters
        ----------
        block : NumberedBlock
            Some rows of the table.

        Returns
        -------
        CandidateRows
            The same rows.

        Raises
        ------
        InvalidInput
            With the number of the first row that is wrong.
        DuplicatePair
        """
        table, first = block.table, block.first_row
        columns: dict[str, NDArray[Any]] = {"offer": self._offer(table, first)}
        customer = tables.ids(table, TABLE, "customer", first)
        for name in self.numeric:
            columns[name] = tables.exact_numbers(table, TABLE, name, first)
        if "response" in columns:
            tables.check_probabilities(columns["response"], TABLE, "response", first)
        if "role" in self.dtypes:
            columns["role"] = _role_codes(table, first)
        if "mandatory" in self.dtypes:
            columns["mandatory"] = _flags(table, "mandatory", first)
        return sort_rows(customer, columns, len(self.offers))

    def _offer(self, table: pa.Table, first_row: int) -> NDArray[Any]:
        """The row of the sorted offers of each candidate."""
        found = tables.ids(table, TABLE, "offer", first_row)
        tables.check_kind_of_ids(found, self.offers, "table candidates, column 'offer'", "offers")
        position = self._positions.of(found)
        if (position < 0).any():
            row = int((position < 0).argmax())
            raise InvalidInput(
                f"table candidates, column 'offer', row {first_row + row}: offer "
                f"{table['offer'][row].as_py()!r} is not in table offers"
            )
        return position.astype(self.dtypes["offer"])


def offer_dtype(n_offers: int) -> np.dtype[Any]:
    """The type that rows of the offers table are numbered in.

    Parameters
    ----------
    n_offers : int
        Number of offers.

    Returns
    -------
    numpy.dtype
        uint16 where it is enough, else uint32.
    """
    return np.dtype(np.uint16 if n_offers <= 65_536 else np.uint32)


class _OfferPositions:
    """Position of ids among the ascending ids of the offers table, -1 where they are not there."""

    def __init__(self, offers: pa.Array):
        self._offers = offers
        self._table: NDArray[np.int32] | None = None
        close = offers.type == ids.INTEGERS
        if close and offers[-1].as_py() - offers[0].as_py() < MAX_LOOKUP_SPREAD:
            values = offers.to_numpy()
            self._least, self._last = int(values[0]), int(values[-1])
            self._table = np.full(self._last - self._least + 1, -1, np.int32)
            self._table[values - self._least] = np.arange(len(values))

    def of(self, found: pa.Array) -> NDArray[Any]:
        """The position of each id."""
        if self._table is None or len(found) == 0:
            return tables.positions(found, self._offers)
        values = found.to_numpy()
        if values.min() < self._least or values.max() > self._last:
            return tables.positions(found, self._offers)
        position: NDArray[np.int32] = self._table[values - self._least]
        return position


def _flags(table: pa.Table, name: str, first_row: int) -> NDArray[np.uint8]:
    """A boolean column as 0 and 1; null is false."""
    column = table[name]
    if not pa.types.is_boolean(column.type) and not pa.types.is_null(column.type):
        raise InvalidInput(
            f"table candidates, column {name!r}, row {first_row}: expected true or false, got {column.type}"
        )
    flags: NDArray[np.uint8] = pc.fill_null(column.cast(pa.bool_()), False).to_numpy()
    return flags.astype(np.uint8)


def _role_codes(table: pa.Table, first_row: int) -> NDArray[np.uint8]:
    """The code of each row's role; null is 0."""
    column = table["role"]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return np.zeros(len(column), np.uint8)
    try:
        code = pc.index_in(column, value_set=pa.array(ROLES).cast(column.type))
    except pa.ArrowException:
        raise InvalidInput(
            f"table candidates, column 'role': expected strings, got {column.type}"
        ) from None
    unknown = pc.and_(pc.is_null(code), pc.is_valid(column))
    if pc.any(unknown).as_py():
        check_values(column, "table candidates, column 'role'", first_row)
        row = pc.index(unknown, True).as_py()
        role = column[row].as_py()
        raise InvalidInput(
            f"table candidates, column 'role', row {first_row + row}: expected one of "
            f"{', '.join(ROLES)}, got {role!r}{did_you_mean(role, ROLES)}"
        )
    codes: NDArray[np.int64] = pc.fill_null(code, -1).to_numpy()
    return (codes + 1).astype(np.uint8)
