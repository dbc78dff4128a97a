"""A block of the candidates table, checked and put into canonical order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data.roles import ROLES
from ..utils.errors import InvalidInput
from . import ids, tables
from .candidate_rows import Rows, arranged

TABLE = "candidates"
KEYS = ("customer", "offer", "role", "mandatory")
SPREAD = 1 << 22  # integer offer ids this far apart are looked up in a table


class Intake:
    """What the rows of a candidates table with this schema become.

    offers: the offer ids in ascending order. dtypes: of each column that is kept: `offer`, `role` where there is one,
    `mandatory` likewise, and the numeric columns.
    """

    def __init__(self, schema: pa.Schema, offers: pa.Array):
        tables.require(schema.empty_table(), TABLE, "customer", "offer")
        self.offers = offers
        self.kind = tables.ids(schema.empty_table(), TABLE, "customer").type
        self.numeric = [name for name in schema.names if name not in KEYS]
        self.dtypes: dict[str, np.dtype[Any]] = {"offer": offer_dtype(len(offers))}
        if "role" in schema.names:
            self.dtypes["role"] = np.dtype(np.uint8)
        if "mandatory" in schema.names:
            self.dtypes["mandatory"] = np.dtype(np.uint8)
        for name in self.numeric:
            single = schema.field(name).type == pa.float32()
            self.dtypes[name] = np.dtype(np.float32 if single else np.float64)
        self._position = _Positions(offers)

    def rows(self, block: Block) -> Rows:
        """The rows of a block. Raises InvalidInput, and rows.Twice."""
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
        return arranged(customer, columns, len(self.offers))

    def _offer(self, table: pa.Table, first_row: int) -> NDArray[Any]:
        found = tables.ids(table, TABLE, "offer", first_row)
        if found.type != self.offers.type:
            raise InvalidInput(
                f"table candidates, column 'offer': expected {tables.kind_of_ids(self.offers)} "
                f"as in table offers, got {tables.kind_of_ids(found)}"
            )
        position = self._position.of(found)
        if (position < 0).any():
            row = int((position < 0).argmax())
            raise InvalidInput(
                f"table candidates, column 'offer', row {first_row + row}: offer "
                f"{table['offer'][row].as_py()!r} is not in table offers"
            )
        return position.astype(self.dtypes["offer"])


@dataclass(frozen=True)
class Block:
    """Some rows of the table, and the number of the first of them."""

    table: pa.Table
    first_row: int


def offer_dtype(offers: int) -> np.dtype[Any]:
    """What rows of the offers table are numbered in."""
    return np.dtype(np.uint16 if offers <= 65_536 else np.uint32)


class _Positions:
    """Position of ids among the ascending ids of the offers table, -1 where they are not there."""

    def __init__(self, offers: pa.Array):
        self._offers = offers
        self._table = None
        if offers.type == ids.INTEGERS and offers[-1].as_py() - offers[0].as_py() < SPREAD:
            values = offers.to_numpy()
            self._least, self._last = int(values[0]), int(values[-1])
            self._table = np.full(self._last - self._least + 1, -1, np.int32)
            self._table[values - self._least] = np.arange(len(values))

    def of(self, found: pa.Array) -> NDArray[Any]:
        if self._table is None or len(found) == 0:
            return tables.positions(found, self._offers)
        values = found.to_numpy()
        if values.min() < self._least or values.max() > self._last:
            return tables.positions(found, self._offers)
        return self._table[values - self._least]


def _flags(table: pa.Table, name: str, first_row: int) -> NDArray[np.uint8]:
    """A boolean column as 0 and 1; null is false."""
    column = table[name]
    if not pa.types.is_boolean(column.type) and not pa.types.is_null(column.type):
        raise InvalidInput(
            f"table candidates, column {name!r}, row {first_row}: expected true or false, got {column.type}"
        )
    return pc.fill_null(column.cast(pa.bool_()), False).to_numpy().astype(np.uint8)


def _role_codes(table: pa.Table, first_row: int) -> NDArray[np.uint8]:
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
        row = pc.index(unknown, True).as_py()
        raise InvalidInput(
            f"table candidates, column 'role', row {first_row + row}: expected one of "
            f"{', '.join(ROLES)}, got {column[row].as_py()!r}"
        )
    codes = pc.fill_null(code, -1).to_numpy()
    return (codes + 1).astype(np.uint8)
