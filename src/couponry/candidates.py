"""The candidates of a campaign in canonical order: by customer, then by offer, whatever the order of the input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from . import tables
from .errors import InvalidInput
from .items import ROLES, Items


@dataclass(frozen=True)
class Candidates:
    """Eligible (customer, offer) pairs; e pairs of n customers.

    customers: the distinct customer ids in ascending order (n).
    indptr: int64 (n + 1). offer: int32 (e), row of the sorted offers. role: uint8 (e) role codes, or None.
    columns: float64 (e) each, the numeric columns that the campaign uses, as the user gave them.
    """

    customers: pa.Array
    indptr: NDArray[np.int64]
    offer: NDArray[np.int32]
    role: NDArray[np.uint8] | None
    columns: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.offer)

    @property
    def customer(self) -> NDArray[np.int64]:
        """Number of each candidate's customer, int64 (e)."""
        return np.repeat(np.arange(len(self.customers)), np.diff(self.indptr))


def sort_candidates(table: pa.Table, offers: pa.Array, columns: list[str]) -> Candidates:
    """Check the candidates table and put it into canonical order.

    `offers` are the offer ids in ascending order, `columns` the numeric columns to keep.
    """
    if table.num_rows == 0:
        raise InvalidInput("table candidates: expected at least one row, got none")
    offer = tables.positions(_offer_ids(table, offers), offers)
    if (offer < 0).any():
        row = int((offer < 0).argmax())
        raise InvalidInput(
            f"table candidates, column 'offer', row {row}: offer {table['offer'][row].as_py()!r} "
            "is not in table offers"
        )
    customer, customers = tables.ranks(tables.ids(table, "candidates", "customer"))
    values = {name: tables.numbers(table, "candidates", name) for name in columns}
    if "response" in values:
        tables.check_probabilities(values["response"], "candidates", "response")
    role = _role_codes(table) if "role" in table.column_names else None

    key = customer * len(offers) + offer
    if not (key[1:] > key[:-1]).all():
        order = np.argsort(key)
        key = key[order]
        twice = key[1:] == key[:-1]
        if twice.any():
            row = int(np.maximum(order[1:][twice], order[:-1][twice]).min())
            raise InvalidInput(
                f"table candidates, row {row}: the pair of customer {table['customer'][row].as_py()!r} "
                f"and offer {table['offer'][row].as_py()!r} is there twice"
            )
        customer, offer = customer[order], offer[order]
        values = {name: column[order] for name, column in values.items()}
        role = None if role is None else role[order]
    indptr = np.zeros(len(customers) + 1, np.int64)
    np.cumsum(np.bincount(customer, minlength=len(customers)), out=indptr[1:])
    return Candidates(customers, indptr, offer.astype(np.int32), role, values)


def _offer_ids(table: pa.Table, offers: pa.Array) -> pa.Array:
    found = tables.ids(table, "candidates", "offer")
    if found.type != offers.type:
        raise InvalidInput(
            f"table candidates, column 'offer': expected {tables.kind_of_ids(offers)} "
            f"as in table offers, got {tables.kind_of_ids(found)}"
        )
    return found


def _role_codes(table: pa.Table) -> NDArray[np.uint8]:
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
            f"table candidates, column 'role', row {row}: expected one of {', '.join(ROLES)}, "
            f"got {column[row].as_py()!r}"
        )
    codes = pc.fill_null(code, -1).to_numpy()
    return (codes + 1).astype(np.uint8)


def items_of(
    candidates: Candidates, offers: pa.Table, tell_roles_apart: bool
) -> tuple[Items, NDArray[np.uint16] | NDArray[np.uint32]]:
    """The items that the candidates are made of, and the item number of each candidate.

    Item numbers are uint16 where they fit, else uint32.
    """
    if not tell_roles_apart or candidates.role is None:
        items = Items(offers, np.arange(offers.num_rows), None)
        return items, _packed(candidates.offer, len(items))
    code = candidates.offer.astype(np.int64) * 4 + candidates.role
    seen = np.zeros(4 * offers.num_rows, bool)
    seen[code] = True
    without = ~seen.reshape(-1, 4).any(axis=1)
    seen[4 * np.flatnonzero(without)] = True
    kept = np.flatnonzero(seen)
    number = np.cumsum(seen) - 1
    items = Items(offers, kept // 4, kept % 4)
    return items, _packed(number[code], len(items))


def _packed(number: NDArray[np.integer], items: int) -> NDArray[np.uint16] | NDArray[np.uint32]:
    return number.astype(np.uint16) if items <= 65_536 else number.astype(np.uint32)
