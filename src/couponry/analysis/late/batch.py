"""Candidates of late customers, packed and under rules as those of the campaign were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import ids
from ...data.candidates import Candidates
from ...engines.subset import positions_of
from ...kernels import Rules, Shard
from ...model.compiling.compile_rules import compile_rules
from ...model.contact_history import ContactHistory
from ...model.customers import Customers
from ...utils.arrays.blocks import row_blocks
from ...utils.parallel import parallel_map
from .terms import Kind, Terms

NUMBER_MASK = (1 << 63) - 1
"""Numbers that stand for customers are not negative."""

TEXT_FACTOR = 0x9E3779B97F4A7C15
"""Text ids are read as numbers to this base, modulo 2^64."""

TEXT_BLOCK = 1 << 16
"""Text ids that are turned into numbers at a time."""


@dataclass(frozen=True, eq=False)
class LateBatch:
    """Late customers and their candidates.

    Attributes
    ----------
    terms : Terms
    candidates : Candidates
    customers, history : pyarrow.Table or None
        What is known of the customers.
    item : ndarray of uint16 or uint32, shape (n_candidates,)
    attributes : list of ndarray of float, shape (n_candidates,) each
        Those that `terms` names, as given.
    kind : ndarray of uint16, shape (n_customers or 1,)
        Number of each customer's kind.
    kinds : list of Kind
    number : ndarray of int64, shape (n_customers,)
        What ties are broken by.
    rules : Rules
    """

    terms: Terms
    candidates: Candidates
    customers: pa.Table | None
    history: pa.Table | None
    item: NDArray[np.uint16] | NDArray[np.uint32]
    attributes: list[NDArray[np.floating]]
    kind: NDArray[np.uint16]
    kinds: list[Kind]
    number: NDArray[np.int64]
    rules: Rules

    @classmethod
    def of(
        cls,
        terms: Terms,
        candidates: Candidates,
        customers: pa.Table | None,
        history: pa.Table | None,
    ) -> LateBatch:
        """Compile late customers.

        Parameters
        ----------
        terms : Terms
        candidates : Candidates
        customers, history : pyarrow.Table or None

        Returns
        -------
        LateBatch

        Raises
        ------
        InvalidInput
            Where rules or limits ask for what the tables do not have.
        """
        agreed = terms.prices.agreed
        item = terms.items_of(candidates)
        amounts = terms.amounts(candidates, item)
        amounts.of(agreed.value, "objective")
        for limit in agreed.limits:
            for name in limit.columns():
                amounts.of(name, limit.label)
        known = Customers(customers, candidates.customers)
        kind, kinds = terms.kinds(known, len(candidates.customers))
        past = ContactHistory(history, candidates.customers, agreed.offers, agreed.rules)
        rules = compile_rules(
            agreed.rules, terms.items, item, candidates, known, past, terms.backend
        )
        return cls(
            terms,
            candidates,
            customers,
            history,
            item,
            [amounts.attributes[name].values for name in terms.attributes],
            kind,
            kinds,
            numbers_of(candidates.customers),
            rules.rules,
        )

    @property
    def indptr(self) -> NDArray[np.int64]:
        """Where each customer's candidates begin, shape (n_customers + 1,)."""
        return self.candidates.indptr

    def part(
        self,
        customers: NDArray[np.int64],
        kept: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
    ) -> tuple[LateBatch, NDArray[np.int64]]:
        """Take some of the customers, with those of their candidates that are kept.

        Parameters
        ----------
        customers : ndarray of int64, shape (n_some,)
            Row numbers, ascending.
        kept : callable
            Tells which candidates are, by their positions.

        Returns
        -------
        LateBatch
        ndarray of int64
            Positions of its candidates in this batch.
        """
        own = self.candidates
        at = positions_of(own.indptr, customers)
        whose = np.repeat(np.arange(len(customers)), np.diff(own.indptr)[customers])
        own_kept = kept(at)
        at, whose = at[own_kept], whose[own_kept]
        indptr = np.searchsorted(whose, np.arange(len(customers) + 1)).astype(np.int64)
        some = Candidates(
            own.customers.take(pa.array(customers)),
            indptr,
            own.offer[at],
            None if own.role is None else own.role[at],
            None if own.mandatory is None else own.mandatory[at],
            {name: column[at] for name, column in own.columns.items()},
        )
        return LateBatch.of(self.terms, some, self.customers, self.history), at

    def exact(self, part: slice | NDArray[np.int64]) -> NDArray[np.float64]:
        """Copy attributes of some candidates.

        Parameters
        ----------
        part : slice or ndarray of int64
            Their positions.

        Returns
        -------
        ndarray of float64, shape (n_attributes, n_some)
        """
        columns = [values[part] for values in self.attributes]
        count = len(self.item[part])
        return np.array(columns, np.float64).reshape(len(columns), count)

    def packed(self, threads: int, *, valued: bool) -> PackedBatch:
        """Pack the candidates at the terms' prices.

        Parameters
        ----------
        threads : int
        valued : bool
            Whether reduced values are asked for, too.

        Returns
        -------
        PackedBatch
        """
        terms, indptr = self.terms, self.indptr
        price, reduced = terms.tables(self.kinds)
        n = len(self.item)
        quantity = np.empty((terms.quantities, n), np.uint16)
        value = np.empty(n if valued else 0, np.float32)
        beyond = np.empty(n, np.uint8)

        def work(block: tuple[int, int]) -> None:
            start, stop = block
            part = slice(int(indptr[start]), int(indptr[stop]))
            count = part.stop - part.start
            kind = self.kind if len(self.kind) == 1 else self.kind[start:stop]
            shard = Shard(
                0,
                indptr[start : stop + 1] - part.start,
                self.item[part],
                np.empty((0, count), np.uint16),
                kind,
            )
            own, values = (
                np.empty((terms.quantities, count), np.uint16),
                np.empty(count, np.float32),
            )
            terms.backend.unchecked.price_candidates(
                shard, self.exact(part), terms.packing, price, reduced, 0, stop - start,
                own, values, beyond[part],
            )  # fmt: skip
            quantity[:, part] = own
            if valued:
                value[part] = values

        for _ in parallel_map(work, row_blocks(indptr), threads):
            pass
        shard = Shard(0, indptr, self.item, quantity, self.kind, self.number)
        return PackedBatch(self, shard, price, value, beyond.view(bool))


@dataclass(frozen=True, eq=False)
class PackedBatch:
    """A batch, ready for a pass.

    Attributes
    ----------
    batch : LateBatch
    shard : Shard
    price : ndarray of float32, shape (1 + n_quantities, n_kinds, n_items)
    value : ndarray of float32, shape (n_candidates,) or (0,)
        Reduced values, where they were asked for.
    beyond : ndarray of bool, shape (n_candidates,)
        Candidates whose attributes are beyond what was packed.
    """

    batch: LateBatch
    shard: Shard
    price: NDArray[np.float32]
    value: NDArray[np.float32]
    beyond: NDArray[np.bool_]

    def usage(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum up packed coupons.

        Parameters
        ----------
        chosen : ndarray of int64, shape (n_chosen,)
            Positions of candidates, none of which is beyond.

        Returns
        -------
        ndarray of int64, shape (1 + n_quantities, n_kinds, n_items)
        """
        _, kinds, items = self.price.shape
        cell = self.kind_of(chosen) * items + self.batch.item[chosen]
        sums = [np.bincount(cell, minlength=kinds * items)]
        for quantity in self.shard.quantity:  # exact below 2^53
            sums.append(np.bincount(cell, weights=quantity[chosen], minlength=kinds * items))
        return np.array(sums).astype(np.int64).reshape(self.price.shape)

    def kind_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the kind of the customers of some candidates."""
        if len(self.batch.kind) == 1:
            return np.zeros(len(positions), np.int64)
        return self.batch.kind[self.customer_of(positions)].astype(np.int64)

    def customer_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row number of the customer of some candidates."""
        found: NDArray[np.int64] = np.searchsorted(self.batch.indptr, positions, side="right") - 1
        return found


def numbers_of(customers: pa.Array) -> NDArray[np.int64]:
    """Make numbers of ids, that ties are broken by: the same for an id wherever it comes.

    Parameters
    ----------
    customers : pyarrow.Array
        Integers or text.

    Returns
    -------
    ndarray of int64, shape (n_customers,)
        From 0.
    """
    if customers.type != ids.TEXT:
        return np.asarray(customers.to_numpy() & np.int64(NUMBER_MASK), np.int64)
    parts = [_text_numbers(part) for part in _text_blocks(customers)]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def number_of(customer: int | str) -> int:
    """Make the number of one id.

    Parameters
    ----------
    customer : int or str

    Returns
    -------
    int
        The same as `numbers_of` makes.
    """
    if isinstance(customer, str):
        number, factor = 0, 1
        for byte in customer.encode():
            number += (byte + 1) * factor
            factor = factor * TEXT_FACTOR & 0xFFFFFFFFFFFFFFFF
        customer = number
    return customer & NUMBER_MASK


def _text_blocks(customers: pa.Array) -> Iterator[pa.Array]:
    for start in range(0, len(customers), TEXT_BLOCK):
        yield customers.slice(start, TEXT_BLOCK)


def _text_numbers(customers: pa.Array) -> NDArray[np.int64]:
    """Numbers of text ids: the bytes, and one more each, as digits of which the first counts once."""
    ends, data = ids.text_buffers(customers)
    length = np.diff(ends)
    factors = np.cumprod(
        np.concatenate(
            [np.ones(1, np.uint64), np.full(int(length.max(initial=0)), TEXT_FACTOR, np.uint64)]
        ),
        dtype=np.uint64,
    )
    digits = data[ends[0] : ends[-1]].astype(np.uint64) + np.uint64(1)
    place = np.arange(len(digits)) - np.repeat(ends[:-1] - ends[0], length)
    sums = np.concatenate(
        [np.zeros(1, np.uint64), np.cumsum(digits * factors[place], dtype=np.uint64)]
    )
    number = sums[ends[1:] - ends[0]] - sums[ends[:-1] - ends[0]]
    return np.asarray(number & np.uint64(NUMBER_MASK)).astype(np.int64)
