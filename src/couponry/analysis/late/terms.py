"""The terms that late customers are decided on: limits by item, price tables by kind of customer, and packing.

A *kind* of customer says which limits, and which of their groups, are about it. Kinds that no customer of the campaign
had are priced like any other, since a limit's price is the same for everybody whom it is about.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.candidate_checks import offer_dtype
from ...data.candidates import Candidates
from ...kernels import Backend, Packing
from ...model.compiling.compile_limits import compile_limits
from ...model.compiling.measures import Amounts
from ...model.compiling.quantisation import Span
from ...model.compiling.row_rules.rule_amounts import RuleAmount
from ...model.customers import Customers
from ...model.items import Items
from ...solver.dual.lagrangian import LARGEST_PRICE
from ...utils.errors import InvalidInput
from ...utils.lazy_imports import sparse as sp
from ...utils.process.cached_property import cached_property
from .price_list import PriceList, row_names

Kind = tuple[int, ...]
"""Which part of the customers one is of, for each limit that tells customers apart; -1: it is not about it."""

ROLE_CODES = 4
"""Roles, and none."""


class Terms:
    """A price list, ready to decide by.

    Parameters
    ----------
    prices : PriceList
    backend : Backend

    Attributes
    ----------
    prices : PriceList
    backend : Backend
    items : Items
        The campaign's, and behind them offers in roles that it had no candidates for.
    attributes : list of str
        Names of what is packed of candidates.
    packing : Packing
    limits : CompiledLimits
        As if each were about all customers.
    row_limit : ndarray of int64, shape (n_rows,)
        Number of each row's limit.
    price, activity, error : ndarray of float64, shape (n_rows,)
        What the solve found of each row; 0 where it had no such row.
    """

    def __init__(self, prices: PriceList, backend: Backend):
        agreed, packed = prices.agreed, prices.packed
        self.prices, self.backend = prices, backend
        self.item_of_code = _item_of_code(prices)
        self.items = _items(prices, self.item_of_code)
        self.offer_ids = tables.ids(agreed.offers, "offers", "offer")
        n_new = len(self.items) - packed.low.shape[1]
        self._spans = {
            name: Span(
                np.concatenate([low, np.full(n_new, np.inf)]),
                np.concatenate([high, np.full(n_new, -np.inf)]),
            )
            for name, low, high in zip(packed.names, packed.low, packed.high, strict=True)
        }
        nobody = self.no_candidates(pa.array([], pa.int64()))
        nobody_known = Customers(
            None, nobody.customers, columns=[*agreed.by_customers, *agreed.of_customers]
        )
        amounts = self.amounts(nobody, nobody.offer, nobody_known)
        value = amounts.of(agreed.value, "objective")
        self.limits = compile_limits(
            agreed.limits, value, self.items, amounts, nobody_known, everybody=True
        )
        looked_up = self.limits.looked_up
        self._conditional = [
            n for n, groups in enumerate(looked_up) if not groups.selection.customers.are_all_alike
        ]
        who = [groups.selection.who_of_group() for groups in looked_up]
        self._row_who = np.concatenate([np.zeros(0, np.int64), *who])[self.limits.measure_of_row]
        self.attributes = list(amounts.attributes)
        self.packing = self._packing()
        first = np.cumsum([0, *(len(groups.bounds) for groups in self.limits.looked_up)])
        self.row_limit = np.searchsorted(first, self.limits.measure_of_row, side="right") - 1
        known = {name: row for row, name in enumerate(prices.rows.names)}
        row = np.array([known.get(name, -1) for name in row_names(self.limits)], np.int64)
        self.price, self.activity, self.error = (
            np.where(row >= 0, np.append(found, 0.0)[row], 0.0)
            for found in (prices.rows.price, prices.rows.activity, prices.rows.error)
        )
        self._tables: dict[Kind, tuple[NDArray[np.float32], NDArray[np.float64]]] = {}
        self._rows: dict[Kind, NDArray[np.int32]] = {}

    def no_candidates(self, customers: pa.Array) -> Candidates:
        """Make candidates without any rows.

        Parameters
        ----------
        customers : pyarrow.Array
            Who has none.

        Returns
        -------
        Candidates
        """
        nothing = {name: np.zeros(0) for name in self.prices.agreed.columns}
        role = np.zeros(0, np.uint8) if self.prices.agreed.has_roles else None
        offer = np.zeros(0, offer_dtype(self.prices.agreed.offers.num_rows))
        indptr = np.zeros(len(customers) + 1, np.int64)
        return Candidates(customers, indptr, offer, role, None, nothing)

    def amounts(
        self, candidates: Candidates, item: NDArray[np.integer], customers: Customers
    ) -> Amounts:
        """Make what looks columns up, the attributes among them as they were packed.

        Parameters
        ----------
        candidates : Candidates
        item : ndarray of int, shape (n_candidates,)
        customers : Customers

        Returns
        -------
        Amounts
        """
        names = self.prices.agreed.candidate_names
        return Amounts(self.items, item, candidates, self.backend, customers, names, self._spans)

    def items_of(self, candidates: Candidates) -> NDArray[np.uint16] | NDArray[np.uint32]:
        """Number the items of candidates.

        Parameters
        ----------
        candidates : Candidates

        Returns
        -------
        ndarray of uint16 or uint32, shape (n_candidates,)
        """
        if self.item_of_code is None:
            return candidates.offer
        code = candidates.offer.astype(np.int64) * ROLE_CODES
        code += 0 if candidates.role is None else candidates.role
        found: NDArray[np.uint16] | NDArray[np.uint32] = self.item_of_code[code].astype(
            offer_dtype(len(self.items))
        )
        return found

    def kinds(
        self, customers: Customers, n_customers: int
    ) -> tuple[NDArray[np.uint16], list[Kind]]:
        """Tell kinds of customers apart.

        Parameters
        ----------
        customers : Customers
        n_customers : int

        Returns
        -------
        kind : ndarray of uint16, shape (n_customers,), or (1,) where all are of one
            Number of each customer's kind.
        kinds : list of Kind
        """
        if not self._conditional:
            return np.zeros(1, np.uint16), [()]
        parts = np.zeros((n_customers, len(self._conditional)), np.int64)
        for c, number in enumerate(self._conditional):
            parts[:, c] = self.limits.looked_up[number].selection.customers.of(customers)
        kinds, kind = np.unique(parts, axis=0, return_inverse=True)
        if len(kinds) > np.iinfo(np.uint16).max:
            raise InvalidInput(f"late customers: expected at most 65,535 kinds, got {len(kinds):,}")
        return kind.reshape(-1).astype(np.uint16), [tuple(row) for row in kinds.tolist()]

    def covers(self, kind: Kind) -> NDArray[np.bool_]:
        """Tell which rows are about a kind of customer.

        Parameters
        ----------
        kind : Kind

        Returns
        -------
        ndarray of bool, shape (n_rows,)
        """
        of_limit = np.zeros(len(self.prices.agreed.limits), np.int64)
        of_limit[self._conditional] = kind
        return np.asarray(of_limit[self.row_limit] == self._row_who)

    def tables_of(self, kind: Kind) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Price a coupon, and units of what is packed, for a kind of customer; kept once it was made.

        Parameters
        ----------
        kind : Kind

        Returns
        -------
        price : ndarray of float32, shape (1 + n_quantities, n_items)
        reduced : ndarray of float64, shape (1 + n_attributes, n_items)
        """
        if kind not in self._tables:
            self._tables[kind] = self._tables_at(kind, self.price)
        return self._tables[kind]

    def tables(
        self, kinds: Sequence[Kind], raised: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Price several kinds of customers.

        Parameters
        ----------
        kinds : sequence of Kind
        raised : ndarray of float64, shape (n_rows,), optional
            By how much the price of each row is raised; default: not at all.

        Returns
        -------
        price : ndarray of float32, shape (1 + n_quantities, n_kinds, n_items)
        reduced : ndarray of float64, shape (1 + n_attributes, n_kinds, n_items)
        """
        if raised is None:
            tables = [self.tables_of(kind) for kind in kinds]
        else:
            tables = [self._tables_at(kind, self.price + raised) for kind in kinds]
        price, reduced = zip(*tables, strict=True)
        return np.stack(price, axis=1), np.stack(reduced, axis=1)

    def _tables_at(
        self, kind: Kind, prices: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """The tables of a kind at some prices of the rows."""
        shape = self.limits.objective.shape[0], len(self.items)
        rows = self._rows_of(kind)
        is_all = len(rows) == len(prices)
        charged = (self._columns if is_all else self.limits.rows[rows].T) @ prices[rows]
        reduced = self.limits.objective.reshape(shape) - charged.reshape(shape)
        table = np.zeros((1 + self.quantities, shape[1]))
        table[0] = reduced[0]
        least, quantity_of = self.least, self.packing.quantity_of
        for a in self._in_order:
            table[0] += reduced[1 + a] * least[a]
            if quantity_of[a] >= 0:
                table[1 + quantity_of[a]] += reduced[1 + a] * self.packing.step[a]
        return np.clip(table, -LARGEST_PRICE, LARGEST_PRICE).astype(np.float32), reduced

    def _rows_of(self, kind: Kind) -> NDArray[np.int32]:
        """Numbers of the rows that are about a kind of customer; kept once they were asked for."""
        if kind not in self._rows:
            self._rows[kind] = np.flatnonzero(self.covers(kind)).astype(np.int32)
        return self._rows[kind]

    @cached_property
    def _columns(self) -> sp.csr_array:
        """The rows' weights by cell and row."""
        return self.limits.rows.T.tocsr()

    @cached_property
    def summed_by_rules(self) -> dict[str, str]:
        """Columns of candidates that customer rules sum, and a rule that does."""
        agreed, nobody = self.prices.agreed, self.no_candidates(pa.array([], pa.int64()))
        whose = Customers(None, nobody.customers, columns=agreed.of_customers_in_rules)
        return {
            part: rule.label
            for rule in agreed.rules
            if rule.sum is not None
            for part in RuleAmount.of(rule, self.items, nobody, whose).parts
            if part in agreed.columns
        }

    @property
    def n_items(self) -> int:
        """How many items candidates are of."""
        return len(self.items)

    @property
    def quantities(self) -> int:
        """How many quantities candidates are packed with."""
        return int(self.packing.quantity_of.max(initial=-1)) + 1

    def _packing(self) -> Packing:
        """How attributes are packed; also `least`, which they are packed from, and the order of the campaign's own."""
        packed, n_items = self.prices.packed, len(self.items)
        n_old = packed.low.shape[1]
        at = [packed.names.index(name) for name in self.attributes]
        self.least, step = np.zeros((2, len(at), n_items))
        self.least[:, :n_old] = packed.least[at]
        step[:, :n_old] = packed.step[at]
        spans = [self._spans[name] for name in self.attributes]
        shape = len(at), n_items
        self._in_order = np.argsort(at).tolist()
        return Packing(
            np.array([span.low for span in spans]).reshape(shape),
            np.array([span.high for span in spans]).reshape(shape),
            step,
            np.ascontiguousarray(packed.quantity_of[at]),
        )


def _item_of_code(prices: PriceList) -> NDArray[np.int64] | None:
    """The item of each offer in each role, in the campaign's numbers and then on; None where roles make no items."""
    code = prices.packed.code
    if len(code) == 0:
        return None
    item = np.full(ROLE_CODES * prices.agreed.offers.num_rows, -1)
    item[code] = np.arange(len(code))
    new = np.flatnonzero(item < 0)
    item[new] = len(code) + np.arange(len(new))
    return item


def _items(prices: PriceList, item_of_code: NDArray[np.int64] | None) -> Items:
    """The items, by their numbers."""
    offers, has_roles = prices.agreed.offers, prices.agreed.has_roles
    if item_of_code is None:
        return Items(offers, np.arange(offers.num_rows), None, has_roles)
    code = np.argsort(item_of_code)
    return Items(offers, code // ROLE_CODES, code % ROLE_CODES, has_roles)
