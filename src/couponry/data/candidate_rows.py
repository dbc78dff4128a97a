"""Rows of candidates in canonical order: by customer, then by offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import ids

Columns = dict[str, NDArray[Any]]


class Twice(Exception):
    """A pair of customer and offer is there twice; the customer's id and the row of the sorted offers."""

    def __init__(self, customer: Any, offer: int):
        super().__init__(customer, offer)
        self.customer = customer
        self.offer = offer


@dataclass(frozen=True)
class Rows:
    """Rows of n customers, m in all, each pair there once.

    customers: distinct ids in ascending order (n). ends: int64 (n + 1), where each customer's rows begin, and where
    the last one's end. columns: offer, role and the numeric columns, (m) each.
    """

    customers: pa.Array
    ends: NDArray[np.int64]
    columns: Columns

    def __len__(self) -> int:
        return int(self.ends[-1])

    def part(self, start: int, stop: int) -> Rows:
        """The rows of the customers start <= i < stop."""
        ends = self.ends[start : stop + 1]
        columns = {name: column[ends[0] : ends[-1]] for name, column in self.columns.items()}
        return Rows(self.customers[start:stop], ends - ends[0], columns)

    def of(self, kept: NDArray[np.bool_]) -> Rows:
        """The rows of some of the customers (n)."""
        count = np.diff(self.ends)
        rows = np.repeat(kept, count)
        columns = {name: column[rows] for name, column in self.columns.items()}
        ends = np.append(0, np.cumsum(count[kept]))
        return Rows(self.customers.filter(pa.array(kept)), ends, columns)

    def copy(self) -> Rows:
        """The same rows in arrays of their own, which hold no larger ones."""
        columns = {name: column.copy() for name, column in self.columns.items()}
        return Rows(pa.concat_arrays([self.customers]), self.ends.copy(), columns)


def arranged(customer: pa.Array, columns: Columns, offers: int) -> Rows:
    """Rows in canonical order; `customer`: id of each, `offers`: how many there are. Raises Twice."""
    code, ids_of = ids.codes(customer, 2**62 // offers)
    return _sorted(code, ids_of, columns, offers)


def joined(parts: list[Rows], offers: int) -> Rows:
    """The rows of several parts, whose customers may be the same ones, in canonical order. Raises Twice."""
    code, ids_of = ids.codes(pa.concat_arrays([part.customers for part in parts]), 2**62 // offers)
    each = np.concatenate([np.diff(part.ends) for part in parts])
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
    }
    return _sorted(np.repeat(code, each), ids_of, columns, offers)


def _sorted(
    code: NDArray[np.int64],
    ids_of: Callable[[NDArray[np.int64]], pa.Array],
    columns: Columns,
    offers: int,
) -> Rows:
    key = code * offers + columns["offer"]
    if not (key[1:] > key[:-1]).all():
        key, order = _sort(key)
        same = key[1:] == key[:-1]
        if same.any():
            row = int(np.maximum(order[1:][same], order[:-1][same]).min())
            raise Twice(ids_of(code[[row]])[0].as_py(), int(columns["offer"][row]))
        code = code[order]
        columns = {name: column[order] for name, column in columns.items()}
    first = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]]))
    return Rows(ids_of(code[first]), np.append(first, len(code)), columns)


def _sort(key: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The keys, from 0 up, in ascending order, and which of them each one is; `key` is overwritten."""
    bits = len(key).bit_length()
    if int(key.max()) < 2 ** (63 - bits):  # key and place in one number: several times as fast
        key <<= bits
        key |= np.arange(len(key))
        key.sort()
        order = key & ((1 << bits) - 1)
        key >>= bits
        return key, order
    order = np.argsort(key)
    return key[order], order
