"""Which products an offer is good for, and of what kind products and offers are: looked up once."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.arrow_columns import flat_lists, holds_lists, labels
from ...data.ids import digest_of
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from .families import Families


class Assortment:
    """Offers, the products that they are good for, and the kinds of both.

    Parameters
    ----------
    offers : table
        Column `offer`; and, where `covers` is not given, `product`: what it is good for, one or a list.
    covers : table, optional
        Columns `offer` and `product`, one row for each product that a coupon is good for.
    products : table, optional
        Column `product`, and whatever groups products.
    kind : str, optional
        Column of `products`, such as a category: an offer for a kind that a customer buys is an activation. Null is no
        kind.
    family : str, optional
        Column of `offers` that says which of them are variants of one another, such as one product at several
        discounts: they are chosen as one. Null is in no family.

    Attributes
    ----------
    offers : pyarrow.Array, shape (n_offers,)
        Ids, ascending.
    products : pyarrow.Array, shape (n_products,)
        Ids in any of the tables, ascending.
    covers : csr_array of float32, shape (n_products, n_offers)
        1 where an offer is good for a product.
    kind : ndarray of int32, shape (n_products,)
        Kind of each product from 0, -1 for none.
    offer_kind : ndarray of int32, shape (n_offers,)
        Kind that most products of the offer are of, -1 for none.
    families : Families or None
        Variants of one another; None: each offer is one by itself.

    Raises
    ------
    InvalidInput
        If a table is not as described.

    Examples
    --------
    >>> import pyarrow as pa
    >>> offers = pa.table({"offer": ["tea", "mugs"], "product": [[1], [2, 3]]})
    >>> products = pa.table({"product": [1, 2, 3], "category": ["drinks", "ware", "ware"]})
    >>> found = Assortment(offers, products=products, kind="category")
    >>> found.offers.to_pylist(), found.offer_kind.tolist()
    (['mugs', 'tea'], [1, 0])
    """

    def __init__(
        self,
        offers: Any,
        covers: Any = None,
        products: Any = None,
        kind: str | None = None,
        family: str | None = None,
    ):
        given = tables.as_table(offers, "offers")
        tables.require(given, "offers", "offer")
        self.offers: pa.Array = tables.ranks(tables.ids(given, "offers", "offer"))[1]
        if len(self.offers) < len(given):
            raise InvalidInput("table offers, column 'offer': expected each offer once")
        offer, product = _covered_pairs(given, covers)
        known, code = pa.array([], product.type), np.zeros(0, np.int64)
        if kind is not None and products is None:
            raise InvalidInput(f"kind: expected a table products with a column {kind!r}")
        if products is not None:
            source = "offers" if covers is None else "covers"
            known, code = _kinds(tables.as_table(products, "products"), kind, product, source)
        self.products: pa.Array = tables.ranks(pa.concat_arrays([product, known]))[1]
        self.covers = self._cover_matrix(offer, product)
        self.kind = np.full(len(self.products), -1, np.int32)
        self.kind[tables.positions(known, self.products)] = code
        self.offer_kind = _most_frequent_kind(self.covers, self.kind)
        self.families: Families | None = None
        if family is not None:
            tables.require(given, "offers", family)
            place = tables.positions(self.offers, tables.ids(given, "offers", "offer"))
            column = given[family].take(pa.array(place))
            self.families = Families.of_column(column, f"table offers, column {family!r}")

    @property
    def chosen_among(self) -> Assortment:
        """What offers are chosen among: the families as if each were an offer, by the id of its first one."""
        if self.families is None:
            return self
        families = Assortment.__new__(Assortment)
        first = self.families.member[self.families.ptr[:-1]]
        families.offers, families.products = self.offers.take(pa.array(first)), self.products
        row, offer = self.covers.nonzero()
        shape = len(self.products), len(self.families)
        pairs = np.unique(row.astype(np.int64) * shape[1] + self.families.of_offer[offer])
        entries = np.ones(len(pairs), np.float32), (pairs // shape[1], pairs % shape[1])
        families.covers = sp.csr_array(sp.coo_array(entries, shape=shape))
        families.kind, families.families = self.kind, None
        families.offer_kind = _most_frequent_kind(families.covers, self.kind)
        return families

    def _cover_matrix(self, offer: pa.Array, product: pa.Array) -> sp.csr_array:
        """Return `covers` from ids, one offer and one product a row."""
        shape = len(self.products), len(self.offers)
        column = tables.positions(offer, self.offers)
        if (column < 0).any():
            lost = int((column < 0).argmax())
            raise InvalidInput(
                f"table covers, column 'offer', row {lost}: offer {offer[lost].as_py()!r} is not in table offers"
            )
        row = tables.positions(product, self.products)
        pairs = np.unique(row * shape[1] + column)
        entries = np.ones(len(pairs), np.float32), (pairs // shape[1], pairs % shape[1])
        return sp.csr_array(sp.coo_array(entries, shape=shape))

    def among(self, items: pa.Array) -> tuple[sp.csr_array, NDArray[np.int32]]:
        """Look up `covers` and `kind` for other ids.

        Parameters
        ----------
        items : pyarrow.Array, shape (n_items,)
            Ids of products, such as the items of a history.

        Returns
        -------
        covers : csr_array of float32, shape (n_items, n_offers)
            1 where an offer is good for an item.
        kind : ndarray of int32, shape (n_items,)
            Kind of each item, -1 for none or unknown.

        Raises
        ------
        InvalidInput
            If ids are of another type, or there are none.
        """
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
        covers = sp.csr_array(picked @ self.covers)
        covers.sort_indices()
        return covers, kind

    def with_products(self, items: pa.Array) -> pa.Array:
        """Add the products to other ids.

        Parameters
        ----------
        items : pyarrow.Array
            Ids, such as the items of a history.

        Returns
        -------
        pyarrow.Array
            Both, ascending.

        Raises
        ------
        InvalidInput
            If ids are of another type, or there are none.
        """
        self.among(items)  # refuses those of another type
        return tables.ranks(pa.concat_arrays([items, self.products]))[1]

    def digest(self) -> str:
        """Compute a fingerprint of the whole assortment.

        Returns
        -------
        str
            SHA-256 in hexadecimal.
        """
        found = hashlib.sha256((digest_of(self.offers) + digest_of(self.products)).encode())
        for array in (self.covers.indptr, self.covers.indices):
            found.update(np.ascontiguousarray(array, np.int64).tobytes())
        found.update(self.kind.tobytes())
        if self.families is not None:
            found.update(self.families.of_offer.tobytes())
        return found.hexdigest()


def _covered_pairs(offers: pa.Table, covers: Any) -> tuple[pa.Array, pa.Array]:
    """Return ids of offers and of products, one of each a row."""
    if covers is not None:
        table = tables.as_table(covers, "covers", ["offer", "product"])
        tables.require(table, "covers", "offer", "product")
        return tables.ids(table, "covers", "offer"), tables.ids(table, "covers", "product")
    if "product" not in offers.column_names:
        raise InvalidInput(
            "table offers: expected a column 'product', or a table covers of offers and products"
        )
    ids = tables.ids(offers, "offers", "offer")
    if holds_lists(offers["product"].type):
        row, product = flat_lists(offers["product"])
        flat = pa.table({"product": product})
        return ids.take(pa.array(row)), tables.ids(flat, "offers", "product")
    some = offers.filter(pc.is_valid(offers["product"]))
    return ids.filter(pc.is_valid(offers["product"])), tables.ids(some, "offers", "product")


def _kinds(
    products: pa.Table, kind: str | None, covered: pa.Array, source: str
) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return products and the code of each one's kind; ids must be like those covered, of the table `source`."""
    tables.require(products, "products", "product", *([] if kind is None else [kind]))
    ids = tables.ids(products, "products", "product")
    if len(ids):
        tables.check_kind_of_ids(ids, covered, "table products, column 'product'", source)
    distinct = len(ids.unique())
    if distinct < len(ids):
        raise InvalidInput(
            f"table products, column 'product': expected each product once, got {len(ids):,} rows of {distinct:,}"
        )
    code = (
        np.full(len(ids), -1)
        if kind is None
        else labels(products[kind], f"table products, column {kind!r}")[0]
    )
    return ids.cast(covered.type), code


def _most_frequent_kind(covers: sp.csr_array, kind: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the kind that most rows of each column are of; the first of several, -1 where none has any."""
    kinds = int(kind.max(initial=-1)) + 1
    row, column = covers.nonzero()
    some = kind[row] >= 0
    count = np.zeros((covers.shape[1], kinds + 1), np.int64)
    np.add.at(count, (column[some], kind[row[some]]), 1)
    most = count.argmax(axis=1)
    return np.where(count.max(axis=1) > 0, most, -1).astype(np.int32)
