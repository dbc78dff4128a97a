"""Candidates of late customers, packed and under rules as those of the campaign were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import ids
from ...data.candidates import Candidates
from ...engines.cells import candidate_customers
from ...engines.workers import block_cuts, share_out
from ...kernels import Rules, Shard
from ...model.compiling.compile_rules import compile_rules
from ...model.contact_history import ContactHistory
from ...model.customers import Customers
from ...model.units.units import Units
from ...utils.checks import is_whole, shown
from ...utils.errors import InvalidInput
from ...utils.process.cached_property import cached_property
from .charges import ChargedRows
from .terms import Kind, Terms

PACKED_TOGETHER = 1 << 17
"""Candidates that a thread packs at a time."""

NUMBER_MASK = (1 << 63) - 1
"""Numbers that stand for customers are not negative."""

TEXT_FACTOR = 0x9E3779B97F4A7C15
"""Text ids are read as numbers to this base, modulo 2^64."""

TEXT_BLOCK = 1 << 16
"""Text ids that are turned into numbers at a time."""


class PackedBatch(NamedTuple):
    """The candidates of late customers, packed.

    Attributes
    ----------
    shard : Shard
        Of candidates beyond what was packed the reduced values are given.
    beyond : ndarray of float64, shape (n_attributes, n_given)
        Attributes of these as given.
    """

    shard: Shard
    beyond: NDArray[np.float64]


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
        *,
        with_rules: bool = True,
    ) -> LateBatch:
        """Compile late customers.

        Parameters
        ----------
        terms : Terms
        candidates : Candidates
        customers, history : pyarrow.Table or None
        with_rules : bool
            Whether customer rules are compiled, too.

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
        known = Customers(customers, candidates.customers)
        amounts = terms.amounts(candidates, item, known)
        amounts.of(agreed.value, "objective")
        for limit in agreed.limits:
            for name in limit.columns():
                amounts.of(name, limit.label)
        kind, kinds = terms.kinds(known, len(candidates.customers))
        asked = agreed.rules if with_rules else ()
        past = ContactHistory(
            history if with_rules else None, candidates.customers, agreed.offers, asked
        )
        rules = compile_rules(asked, terms.items, item, candidates, known, past, terms.backend)
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

    @property
    def is_own(self) -> NDArray[np.bool_] | None:
        """Which candidates may be decided on; None: all."""
        return None

    @property
    def units(self) -> Units | None:
        """What rules hold for; None: single customers."""
        return None

    @property
    def late(self) -> NDArray[np.int64] | slice:
        """Candidates that are decided on, as others were given before."""
        return slice(None)

    @property
    def is_held(self) -> NDArray[np.bool_]:
        """Which candidates were given before, shape (n_candidates,)."""
        return np.zeros(len(self.candidates), bool)

    @property
    def single(self) -> LateBatch:
        """The same candidates as those of single customers: whose columns are looked up."""
        return self

    @property
    def place(self) -> NDArray[np.int64] | slice:
        """Where each candidate is among all that is decided."""
        return slice(None)

    def charges_of(self, charges: ChargedRows) -> ChargedRows:
        """Say what its coupons use, of what those of single customers do.

        Parameters
        ----------
        charges : ChargedRows

        Returns
        -------
        ChargedRows
        """
        return charges

    def decided(self, flags: NDArray[Any]) -> NDArray[Any]:
        """Take what there is of late customers' candidates of something that there is of all that was decided.

        Parameters
        ----------
        flags : ndarray

        Returns
        -------
        ndarray, shape (n_candidates,)
            False for what was given before.
        """
        return flags

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

    @cached_property
    def covers(self) -> NDArray[np.bool_]:
        """Which rows of the limits are about each kind, shape (n_kinds, n_rows)."""
        return np.stack([self.terms.covers(kind) for kind in self.kinds])

    @cached_property
    def tables(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """What coupons are worth, as `Terms.tables` has it."""
        return self.terms.tables(self.kinds)

    def packed(self, threads: int) -> PackedBatch:
        """Pack the candidates; of those beyond what was packed the reduced values are given.

        Parameters
        ----------
        threads : int

        Returns
        -------
        PackedBatch
        """
        terms, indptr, item = self.terms, self.indptr, self.item
        price, reduced = self.tables
        quantity = np.empty((terms.quantities, len(item)), np.uint16)
        given: dict[int, tuple[NDArray[Any], ...]] = {}

        def work(worker: int, start: int, stop: int) -> None:
            part = slice(int(indptr[start]), int(indptr[stop]))
            count = part.stop - part.start
            value, beyond = np.empty(count, np.float32), np.empty(count, np.uint8)
            own = np.empty((terms.quantities, count), np.uint16)
            shard = Shard(
                0,
                indptr[start : stop + 1] - part.start,
                item[part],
                own[:0],
                self.kind_of(start, stop),
            )
            exact = self.exact(part)
            terms.backend.unchecked.price_candidates(
                shard, exact, terms.packing, price, reduced, 0, stop - start, own, value,
                beyond,
            )  # fmt: skip
            quantity[:, part] = own
            at = np.flatnonzero(beyond.view(bool))
            given[start] = part.start + at, value[at], exact[:, at]

        share_out(work, block_cuts(indptr, PACKED_TOGETHER, threads), threads)
        nothing = np.zeros(0, np.int64), np.zeros(0, np.float32), self.exact(slice(0, 0))
        parts = [nothing, *(given[start] for start in sorted(given))]
        position, value, beyond = (np.concatenate(p, axis=-1) for p in zip(*parts, strict=True))
        shard = Shard(0, indptr, item, quantity, self.kind, self.number, position, value)
        return PackedBatch(shard, beyond)

    def kind_of(self, start: int, stop: int) -> NDArray[np.uint16]:
        """Kinds of customers start <= i < stop, or the one of all."""
        return self.kind if len(self.kind) == 1 else self.kind[start:stop]

    def kinds_at(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the kind of the customers of some candidates."""
        if len(self.kind) == 1:
            return np.zeros(len(positions), np.int64)
        return self.kind[self.customer_of(positions)].astype(np.int64)

    def customer_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row number of the customer of some candidates."""
        return candidate_customers(self.indptr, positions)


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


def number_of(customer: int | str, is_text: bool) -> int:
    """Make the number of one id.

    Parameters
    ----------
    customer : int or str
    is_text : bool
        Whether ids are text.

    Returns
    -------
    int
        The same as `numbers_of` makes.

    Raises
    ------
    InvalidInput
        If it is an id of another kind, or none.
    """
    if is_text and isinstance(customer, str):
        number, factor = 0, 1
        for byte in customer.encode():
            number += (byte + 1) * factor
            factor = factor * TEXT_FACTOR & 0xFFFFFFFFFFFFFFFF
    elif not is_text and (type(customer) is int or is_whole(customer)):  # the first is told sooner
        number = int(customer)
    else:
        kind = "text" if is_text else "a whole number"
        raise InvalidInput(
            f"customer: expected {kind}, as the campaign's ids are, got {shown(customer)}"
        )
    return number & NUMBER_MASK


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
