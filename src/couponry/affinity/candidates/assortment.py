"""Which products an offer is good for, and of what kind products and offers are: looked up once."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.ids import digest_of
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp


class Assortment:
    """What K offers are good for, among P products.

    offers: a table with `offer`; and, where `covers` is not given, `product`: what it is good for, one or a list.
    covers: a table of `offer` and `product`, one row for each product that a coupon is good for.
    products: a table of `product` and whatever groups products. kind: one of its columns, such as a category: an offer
    for a kind that a customer buys is an activation. Null is no kind.

    offers: ids, ascending (K). products: ids, ascending (P), of either table. covers: sparse (P, K), 1 where an offer
    is good for a product. kind: int32 (P), -1 for none. offer_kind: int32 (K), what most of its products are of.
    """

    def __init__(
        self, offers: Any, covers: Any = None, products: Any = None, kind: str | None = None
    ):
        given = tables.as_table(offers, "offers")
        tables.require(given, "offers", "offer")
        self.offers: pa.Array = tables.ranks(tables.ids(given, "offers", "offer"))[1]
        if len(self.offers) < len(given):
            raise InvalidInput("table offers, column 'offer': expected each offer once")
        offer, product = _pairs(given, covers)
        known, code = pa.array([], product.type), np.zeros(0, np.int64)
        if kind is not None and products is None:
            raise InvalidInput(f"kind: expected a table products with a column {kind!r}")
        if products is not None:
            known, code = _kinds(tables.as_table(products, "products"), kind, product.type)
        self.products: pa.Array = tables.ranks(pa.concat_arrays([product, known]))[1]
        shape = len(self.products), len(self.offers)
        place = tables.positions(offer, self.offers)
        if (place < 0).any():
            lost = int((place < 0).argmax())
            raise InvalidInput(
                f"table covers, column 'offer', row {lost}: offer {offer[lost].as_py()!r} is not in table offers"
            )
        row = tables.positions(product, self.products)
        pairs = np.unique(row * shape[1] + place)
        entries = np.ones(len(pairs), np.float32), (pairs // shape[1], pairs % shape[1])
        self.covers = sp.csr_array(sp.coo_array(entries, shape=shape))
        self.kind = np.full(shape[0], -1, np.int32)
        self.kind[tables.positions(known, self.products)] = code
        self.offer_kind = _most(self.covers, self.kind)

    def among(self, items: pa.Array) -> tuple[sp.csr_array, NDArray[np.int32]]:
        """`covers` and `kind` of other ids: (items, K) and (items)."""
        if len(items) == 0 or len(self.products) == 0 or items.type != self.products.type:
            raise InvalidInput(
                f"assortment: expected products that are {tables.kind_of_ids(items)} as items of the history are, "
                f"got {tables.kind_of_ids(self.products)}"
            )
        place = tables.positions(items, self.products)
        known = np.flatnonzero(place >= 0)
        kind = np.full(len(items), -1, np.int32)
        kind[known] = self.kind[place[known]]
        entries = np.ones(len(known), np.float32), (known, place[known])
        picked = sp.csr_array(sp.coo_array(entries, shape=(len(items), len(self.products))))
        found = sp.csr_array(picked @ self.covers)
        found.sort_indices()
        return found, kind

    def digest(self) -> str:
        """SHA-256 of all of it, in hexadecimal."""
        found = hashlib.sha256((digest_of(self.offers) + digest_of(self.products)).encode())
        for array in (self.covers.indptr, self.covers.indices):
            found.update(np.ascontiguousarray(array, np.int64).tobytes())
        found.update(self.kind.tobytes())
        return found.hexdigest()


def _pairs(offers: pa.Table, covers: Any) -> tuple[pa.Array, pa.Array]:
    """Ids of offers and products, one of each a row."""
    if covers is not None:
        table = tables.as_table(covers, "covers", ["offer", "product"])
        tables.require(table, "covers", "offer", "product")
        return tables.ids(table, "covers", "offer"), tables.ids(table, "covers", "product")
    if "product" not in offers.column_names:
        raise InvalidInput(
            "table offers: expected a column 'product', or a table covers of offers and products"
        )
    column = offers["product"].combine_chunks()
    ids = tables.ids(offers, "offers", "offer")
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks)
        parents = pc.list_parent_indices(column)
        flat = pa.table({"product": pc.list_flatten(column)})
        return ids.take(parents), tables.ids(flat, "offers", "product")
    some = offers.filter(pc.is_valid(offers["product"]))
    return ids.filter(pc.is_valid(offers["product"])), tables.ids(some, "offers", "product")


def _kinds(
    products: pa.Table, kind: str | None, expected: pa.DataType
) -> tuple[pa.Array, NDArray[np.int64]]:
    """The products of the table, and the code of the kind of each."""
    tables.require(products, "products", "product", *([] if kind is None else [kind]))
    ids = tables.ids(products, "products", "product")
    if len(ids) and ids.type != expected:
        raise InvalidInput(
            f"table products, column 'product': expected {'integers' if expected == pa.int64() else 'strings'} "
            f"as offers are for, got {tables.kind_of_ids(ids)}"
        )
    distinct = len(ids.unique())
    if distinct < len(ids):
        raise InvalidInput(
            f"table products, column 'product': expected each product once, got {len(ids):,} rows of {distinct:,}"
        )
    code = np.full(len(ids), -1) if kind is None else tables.labels(products[kind])[0]
    return ids.cast(expected), code


def _most(covers: sp.csr_array, kind: NDArray[np.int32]) -> NDArray[np.int32]:
    """The kind that most rows of each column are of; the first of several, -1 where none has any."""
    kinds = int(kind.max(initial=-1)) + 1
    row, column = covers.nonzero()
    some = kind[row] >= 0
    count = np.zeros((covers.shape[1], kinds + 1), np.int64)
    np.add.at(count, (column[some], kind[row[some]]), 1)
    best = count.argmax(axis=1)
    return np.where(count.max(axis=1) > 0, best, -1).astype(np.int32)
