"""Ids in an array store: int64, or text as its bytes and where each id ends, as Arrow has it."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.arrays.array_store import ArrayStore
from . import tables
from .arrow_columns import one_array

INTEGERS, TEXT = pa.int64(), pa.large_string()
"""The two types of ids."""

DICTIONARIES = tuple(pa.dictionary(pa.int32(), text) for text in (pa.string(), TEXT))
"""Types of text ids that are kept as they come."""


class CodedIds(NamedTuple):
    """A column of ids without a copy of it, where that can be had.

    Attributes
    ----------
    code : ndarray of int32 or int64, shape (n_rows,)
        The ids themselves, or where they are in the dictionary.
    dictionary : pyarrow.Array of large_string, or None
        Text ids, which may be there more than once; None for integers.
    """

    code: NDArray[np.int32] | NDArray[np.int64]
    dictionary: pa.Array | None

    def ids(self, rows: Any = slice(None)) -> pa.Array:
        """Return the ids of some rows.

        Parameters
        ----------
        rows : slice or ndarray of int64
            Default: all of them.

        Returns
        -------
        pyarrow.Array of int64 or large_string
        """
        code = self.code[rows]
        if self.dictionary is None:
            return pa.array(code, INTEGERS)
        return self.dictionary.take(pa.array(code))

    def some(self) -> pa.Array:
        """Return no ids, of the type of these."""
        return pa.array([], INTEGERS) if self.dictionary is None else self.dictionary[:0]


def coded(table: pa.Table, what: str, name: str, first_row: int = 0) -> CodedIds:
    """Return a column of ids, as `tables.ids` checks them.

    Parameters
    ----------
    table : pyarrow.Table
    what, name : str
        Names of the table and the column.
    first_row : int
        Number of the table's first row, for messages.

    Returns
    -------
    CodedIds
        Text in the dictionary that it came in, or in one of its own for each stretch of the same id.

    Raises
    ------
    InvalidInput
    """
    tables.require(table, what, name)
    column = table[name]
    if column.type in (pa.int32(), INTEGERS) and column.null_count == 0:
        return CodedIds(_aligned(one_array(column)), None)
    whole = None if column.null_count else sound_dictionary(column)
    if whole is not None and whole.dictionary.null_count == 0:
        return CodedIds(_aligned(whole.indices), whole.dictionary.cast(TEXT))
    found = tables.ids(table, what, name, first_row)
    if found.type == INTEGERS:
        return CodedIds(_aligned(found), None)
    stretches = pc.run_end_encode(found, run_end_type=pa.int64())
    lengths = np.diff(stretches.run_ends.to_numpy(), prepend=0)
    return CodedIds(np.repeat(np.arange(len(lengths)), lengths), stretches.values)


def in_order(found: CodedIds) -> CodedIds:
    """Give ids codes that are ordered as they are.

    Parameters
    ----------
    found : CodedIds

    Returns
    -------
    CodedIds
        Of the same ids.
    """
    if found.dictionary is None or tables.ascends(found.dictionary):
        return found
    rank, distinct = tables.ranks(found.dictionary)
    return CodedIds(rank[found.code], distinct)


def sound_dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray | None:
    """Return a column of text in a dictionary as one array.

    Parameters
    ----------
    column : pyarrow.ChunkedArray

    Returns
    -------
    pyarrow.DictionaryArray or None
        None for another column, one whose rows are not all in its dictionary, and bytes that are no text.
    """
    if column.type not in DICTIONARIES:
        return None
    try:
        for chunk in column.chunks:
            chunk.validate(full=True)
        return one_array(column.unify_dictionaries())
    except pa.ArrowException:
        return None


def _aligned(column: pa.Array) -> NDArray[Any]:
    """The numbers of a column, copied only where they are not where numbers of their size can be."""
    return np.require(column.to_numpy(), requirements="A")


class IdWriter:
    """Writes ids front to back, as the arrays `name`, or `name` and `name`-ends.

    Parameters
    ----------
    store : ArrayStore
    name : str
    id_type : pyarrow.DataType
        INTEGERS or TEXT.
    """

    def __init__(self, store: ArrayStore, name: str, id_type: pa.DataType):
        self._text = id_type == TEXT
        self._values = store.writer(name, np.uint8 if self._text else np.int64)
        if self._text:
            self._ends = store.writer(f"{name}-ends", np.int64)
            self._ends.append(np.zeros(1, np.int64))
            self._bytes = 0

    def append(self, ids: pa.Array) -> None:
        """Write more ids.

        Parameters
        ----------
        ids : pyarrow.Array
            Of the writer's type.
        """
        if not self._text:
            self._values.append(ids.to_numpy())
            return
        ends, data = text_buffers(ids)
        if len(ids):
            self._values.append(data[ends[0] : ends[-1]])
            self._ends.append(ends[1:] - ends[0] + self._bytes)
            self._bytes += int(ends[-1] - ends[0])

    def finish(self) -> tuple[pa.Array, list[NDArray[Any]]]:
        """Finish the arrays.

        Returns
        -------
        tuple of pyarrow.Array and list of ndarray
            The ids, and the arrays that they are made of.
        """
        values = self._values.finish()
        if not self._text:
            return as_ids(values, None), [values]
        ends = self._ends.finish()
        return as_ids(values, ends), [values, ends]


def as_ids(values: NDArray[Any], ends: NDArray[np.int64] | None) -> pa.Array:
    """Make an Arrow array over these very arrays.

    Parameters
    ----------
    values : ndarray of int64 or uint8
        The ids, or the bytes of all of them.
    ends : ndarray of int64, or None
        Where text ids begin, and where the last one ends; None for integers.

    Returns
    -------
    pyarrow.Array
        Without a copy.
    """
    if ends is None:
        return pa.Array.from_buffers(INTEGERS, len(values), [None, pa.py_buffer(values)])
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(values)]
    return pa.Array.from_buffers(TEXT, len(ends) - 1, buffers)


def text_buffers(ids: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return where each id of a large_string array begins, and where the last one ends, and its bytes.

    Parameters
    ----------
    ids : pyarrow.Array of large_string
        Text ids.

    Returns
    -------
    tuple of two ndarrays, int64 and uint8
        Without copies.
    """
    if len(ids) == 0:
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    _, ends, data = ids.buffers()
    bounds = np.frombuffer(ends, np.int64, len(ids) + 1, 8 * ids.offset)
    return bounds, np.frombuffer(data if data is not None else b"", np.uint8)


def digest_of(ids: pa.Array) -> str:
    """Compute the SHA-256 of ids, in hexadecimal.

    Parameters
    ----------
    ids : pyarrow.Array
        Integers or text.

    Returns
    -------
    str
        In hexadecimal.
    """
    digest = hashlib.sha256(str(ids.type).encode())
    for array in text_buffers(ids) if ids.type == TEXT else (ids.to_numpy(),):
        digest.update(array.tobytes())
    return digest.hexdigest()


def count_before(ids: pa.Array, bounds: list[Any]) -> NDArray[np.int64]:
    """Count the ascending ids that are less than each of some bounds (integers, or text).

    Parameters
    ----------
    ids : pyarrow.Array
        Ascending.
    bounds : list of int or str
        The bounds.

    Returns
    -------
    ndarray of int64, shape (len(bounds),)
        How many ids are less than each.
    """
    if ids.type == INTEGERS:
        return np.searchsorted(ids.to_numpy(), np.array(bounds, np.int64))
    found = [bisect_left(_Bytes(ids), bound.encode()) for bound in bounds]
    return np.array(found, np.int64)


def count_up_to(ids: pa.Array, last: Any) -> int:
    """Count the ascending ids that are at most `last`.

    Parameters
    ----------
    ids : pyarrow.Array
        Ascending.
    last : int or str
        The bound.

    Returns
    -------
    int
        How many ids.
    """
    if ids.type == TEXT:
        return bisect_right(_Bytes(ids), last.encode())
    return int(np.searchsorted(ids.to_numpy(), last, side="right"))


def positions_among(ids: pa.Array, among: pa.Array) -> NDArray[np.int64]:
    """Find the position of each id in ascending ones, of which only those from the least to the largest are looked at.

    Parameters
    ----------
    ids : pyarrow.Array
    among : pyarrow.Array
        Ascending.

    Returns
    -------
    ndarray of int64, shape (len(ids),)
        -1: it is not there.
    """
    if len(ids) == 0 or len(among) == 0 or ids.type != among.type:
        return tables.positions(ids, among)
    ends = pc.min_max(ids).as_py()
    low, high = int(count_before(among, [ends["min"]])[0]), count_up_to(among, ends["max"])
    found = tables.positions(ids, among[low:high])
    found[found >= 0] += low
    return found


class _Bytes:
    """Text ids as the bytes that they are ordered by."""

    def __init__(self, ids: pa.Array):
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, place: int) -> bytes:
        return bytes(self._ids[place].as_py().encode())


def is_before(a: Any, b: Any) -> bool:
    """Tell whether an id comes before another: integers by size, text by its bytes.

    Parameters
    ----------
    a, b : int or str
        Two ids.

    Returns
    -------
    bool
        Whether `a` is less.
    """
    return bool(a.encode() < b.encode()) if isinstance(a, str) else bool(a < b)
