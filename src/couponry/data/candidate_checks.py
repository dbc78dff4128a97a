"""Checks of the candidates table, a part of its rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..kernels import Backend, load
from ..utils.checks import LARGEST_NUMBER
from ..utils.errors import InvalidInput
from ..utils.suggestions import did_you_mean
from . import ids, tables
from .arrow_columns import one_array
from .candidate_rows import CandidateRows, sort_rows
from .formats.parquet_rows import Part
from .plain_types import check_values
from .roles import ROLES
from .table_files import empty_table

TABLE = "candidates"
CODED = ("customer", "offer", "role")
"""Columns whose text may come in dictionaries."""

KEYS = ("customer", "offer", "role", "mandatory")
"""Columns of the candidates table that are not numeric."""

MAX_LOOKUP_SPREAD = 1 << 22
"""Largest difference of integer offer ids for which they are looked up in a table of all ids between."""


@dataclass(frozen=True)
class NumberedPart:
    """Some rows of the candidates table.

    Attributes
    ----------
    part : Part
        Read by whoever checks it.
    first_row : int
        Number of the first of them in the whole table, for messages.
    """

    part: Part
    first_row: int


Room = Callable[[str, int, int], NDArray[Any]]


class CandidateChecks:
    """Turns parts of a candidates table into rows in canonical order, and refuses what is wrong.

    What is as it should be goes through kernels, from the memory into which it was decoded; anything else is looked at
    once more by what says what is wrong with it.

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
    room : callable
        Returns memory for a column from one row of the table to another: better that where they go.
    kernels : module
        Of the backend that the environment names.
    spans : dict of str to ndarray of float64, shape (2, n_offers)
        Of each numeric column the least and largest value of each offer in the rows that were read; inf and -inf:
        there were none.

    Raises
    ------
    InvalidInput
        Where the table has no column of customers or offers.
    """

    def __init__(self, schema: pa.Schema, offers: pa.Array):
        self.room: Room = lambda name, start, stop: np.empty(stop - start, self.dtypes[name])
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
        self.kernels = stated_backend().unchecked
        self._numbered = _OfferNumbers(offers, self.kernels)
        nothing = np.array([[np.inf], [-np.inf]])
        self.spans = {name: np.repeat(nothing, len(offers), axis=1) for name in self.numeric}
        self._lock = Lock()  # of the spans

    def checked_rows(self, numbered: NumberedPart) -> CandidateRows:
        """Read some rows, check them, and put them into canonical order.

        Parameters
        ----------
        numbered : NumberedPart
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
        table, first = numbered.part.read(), numbered.first_row
        columns: dict[str, NDArray[Any]] = {"offer": self._offer(table, first)}
        odd: list[str] = []
        customer = ids.in_order(ids.coded(table, TABLE, "customer", first))
        for name in self.numeric:
            if not self._take_numbers(table, name, columns):
                columns[name] = tables.exact_numbers(table, TABLE, name, first)
                odd.append(name)
        if "response" in odd:
            tables.check_probabilities(columns["response"], TABLE, "response", first)
        for name in self.numeric:
            self._widen(name, columns)
        if "role" in self.dtypes:
            columns["role"] = _role_codes(table, first)
        if "mandatory" in self.dtypes:
            columns["mandatory"] = _flags(table, "mandatory", first)
        return sort_rows(customer, columns, self.kernels)

    def _offer(self, table: pa.Table, first_row: int) -> NDArray[Any]:
        """The row of the sorted offers of each candidate."""
        found = ids.coded(table, TABLE, "offer", first_row)
        label = "table candidates, column 'offer'"
        tables.check_kind_of_ids(found.some(), self.offers, label, "offers")
        offer = self.room("offer", first_row, first_row + len(found.code))
        row = self._numbered.find(found, offer)
        if row < len(offer):
            raise InvalidInput(
                f"table candidates, column 'offer', row {first_row + row}: offer "
                f"{table['offer'][row].as_py()!r} is not in table offers"
            )
        return offer

    def _take_numbers(self, table: pa.Table, name: str, columns: dict[str, NDArray[Any]]) -> bool:
        """Take a numeric column without a copy if nothing is odd about it; whether it is so."""
        column = table[name]
        if column.type not in (pa.float32(), pa.float64()) or column.null_count:
            return False
        values: NDArray[Any] = np.require(one_array(column).to_numpy(), requirements="A")
        low, high = (0.0, 1.0) if name == "response" else (-LARGEST_NUMBER, LARGEST_NUMBER)
        columns[name] = values
        return bool(self.kernels.find_outside(values, low, high) == len(values))

    def _widen(self, name: str, columns: dict[str, NDArray[Any]]) -> None:
        """Widen the spans of a column to the values of some rows, while these are near."""
        whole = self.spans[name]
        with self._lock:
            found = whole.copy()  # of rows before: most others are within
        values = columns[name].astype(self.dtypes[name], copy=False)
        self.kernels.span(columns["offer"], values, *found)
        with self._lock:
            np.minimum(whole[0], found[0], out=whole[0])
            np.maximum(whole[1], found[1], out=whole[1])


def stated_backend() -> Backend:
    """Load the backend that the environment names, or that there is.

    Returns
    -------
    Backend

    Raises
    ------
    InvalidInput
        If the environment names a backend that there is not.
    """
    try:
        return load()
    except ValueError as error:
        raise InvalidInput(str(error)) from None


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


class _OfferNumbers:
    """Looks ids up among the ascending ids of the offers table."""

    def __init__(self, offers: pa.Array, kernels: ModuleType):
        self._offers, self._kernels = offers, kernels
        self._table: NDArray[np.int32] | None = None
        close = offers.type == ids.INTEGERS
        if close and offers[-1].as_py() - offers[0].as_py() < MAX_LOOKUP_SPREAD:
            values = offers.to_numpy()
            self._least = int(values[0])
            self._table = np.full(int(values[-1]) - self._least + 1, -1, np.int32)
            self._table[values - self._least] = np.arange(len(values))

    def find(self, found: ids.CodedIds, offer: NDArray[Any]) -> int:
        """Write the position of each id into `offer`, up to the first that is not there; returns its row, or all."""
        code, least, number = found.code, 0, self._table
        if found.dictionary is not None:
            number = tables.positions(found.dictionary, self._offers).astype(np.int32)
        elif number is not None:
            least = self._least
        else:  # ids far apart
            number = tables.positions(found.ids(), self._offers).astype(np.int32)
            code = np.arange(len(code), dtype=np.int32)
        row: int = self._kernels.number_offers(code, least, number, offer)
        return row


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
        found = _codes_of_dictionary(column)
        if found is not None:
            return found
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


def _codes_of_dictionary(column: pa.ChunkedArray) -> NDArray[np.uint8] | None:
    """The code of each row's role, if the dictionary is of nothing but roles."""
    whole = ids.sound_dictionary(column)
    if whole is None:
        return None
    known = pc.index_in(whole.dictionary, value_set=pa.array(ROLES).cast(whole.dictionary.type))
    if known.null_count:
        return None
    code = np.append(known.to_numpy() + 1, 0).astype(np.uint8)
    places: NDArray[np.int32] = pc.fill_null(whole.indices, len(known)).to_numpy()
    return code[places]
