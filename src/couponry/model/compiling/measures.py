"""Columns that are summed (count, cost, response, value, any other), as linear functions of what candidates carry.

A column of offers is a constant per item; one of candidates or customers is an *attribute*, packed and quantised; the
default cost and value follow from response and the offer's money columns. So however many columns the limits sum, a
candidate carries only its attributes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import tables
from ...data.candidates import Candidates, source_of
from ...kernels import Backend
from ...utils.arrays.array_store import Arrays, ArrayStore, save
from ...utils.arrays.blocks import blocks
from ...utils.arrays.mapped_arrays import release_pages
from ...utils.errors import InvalidInput
from ...utils.suggestions import known_names
from ..customers import Customers
from ..items import Items
from .coupon_columns import MONEY, summable
from .customer_values import values_of_customers
from .quantisation import PACKING, Attribute, Packed, Span, find_span, quantise


@dataclass(frozen=True)
class Amount:
    """A linear function of a candidate: ``constant[item] + sum(slope[item] * attribute for each attribute)``.

    Attributes
    ----------
    constant : ndarray of float64, shape (n_items,)
    slopes : dict of str to ndarray of float64, shape (n_items,) each
        By name of the attribute.
    """

    constant: NDArray[np.float64]
    slopes: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        """Whether every candidate counts 1."""
        return not self.slopes and bool((self.constant == 1.0).all())

    def plus(self, factor: float, other: Amount) -> Amount:
        """Return this amount plus another one times a factor.

        Parameters
        ----------
        factor : float
            Of the other one.
        other : Amount
            Over the same items.

        Returns
        -------
        Amount
            The sum.
        """
        slopes = dict(self.slopes)
        for name, slope in other.slopes.items():
            slopes[name] = slopes.get(name, 0.0) + factor * slope
        return Amount(self.constant + factor * other.constant, slopes)


def default_parts(name: str) -> tuple[dict[str, float], dict[str, float]]:
    """Say what the default cost or value is made of.

    Parameters
    ----------
    name : {"cost", "value"}

    Returns
    -------
    fixed, per_response : dict of str to float
        Columns that count as they are, and those that count times the response, with their factors.
    """
    if name == "cost":
        return {"issue_cost": 1.0}, {"face_value": 1.0}
    return {"issue_cost": -1.0}, {"margin": 1.0, "face_value": -1.0}


def summed_parts(
    values: Callable[[str], Any], fixed: Mapping[str, float], per_response: Mapping[str, float]
) -> Any:
    """Sum what the default cost or value is made of.

    Parameters
    ----------
    values : callable
        Returns a column by its name; 0 where there is none.
    fixed, per_response : mapping of str to float
        Of `default_parts`.

    Returns
    -------
    ndarray of float64, or float
    """
    rate = sum(factor * values(part) for part, factor in per_response.items())
    constant = sum(factor * values(part) for part, factor in fixed.items())
    return constant + values("response") * rate


def refuse_missing(name: str, by_whom: str, have: Collection[str], names: Sequence[str]) -> None:
    """Refuse a column to sum that is not there, and does not follow from others.

    Parameters
    ----------
    name : str
        Name of the column.
    by_whom : str
        The limit that sums it, or the objective, for messages.
    have : collection of str
        Columns of candidates and offers that there are.
    names : sequence of str
        Those that messages list.

    Raises
    ------
    InvalidInput
    """
    if name in have or name in ("count", "cost"):
        return
    if name != "value":
        raise InvalidInput(
            f"{by_whom}: neither candidates, offers nor customers have a column {name!r}{known_names(name, names)}"
        )
    if "response" not in have:
        raise InvalidInput(
            f"{by_whom}: expected a column 'value' or a column 'response' in table candidates, got neither"
        )


class Amounts:
    """Looks columns up: in candidates, then in offers, then in customers or among the defaults of the format.

    Parameters
    ----------
    items : Items
    item : ndarray of int, shape (n_candidates,)
        Item of each candidate.
    candidates : Candidates
    backend : Backend
    customers : Customers
        Of the candidates.
    names : sequence of str
        All columns of the candidates table, for messages.
    spans : mapping of str to Span, optional
        What each attribute was packed over, by name: candidates may go beyond it, and every column of theirs is an
        attribute. Default: it is found, and columns that are the same throughout each item are no attributes.

    Attributes
    ----------
    attributes : dict of str to Attribute
        Those that the amounts looked up so far are made of.

    Raises
    ------
    InvalidInput
        Where the offers' responses are no probabilities.
    """

    def __init__(
        self,
        items: Items,
        item: NDArray[np.integer],
        candidates: Candidates,
        backend: Backend,
        customers: Customers,
        names: Sequence[str] = (),
        spans: Mapping[str, Span] | None = None,
    ):
        self._items = items
        self._item = item
        self._candidates = candidates
        self._backend = backend
        self._customers = customers
        self._names = names or tuple(candidates.columns)
        self._spans = spans
        self._known: dict[str, Amount] = {}
        self._by = items.told_by
        self.attributes: dict[str, Attribute] = {}
        if "response" in items.offers.column_names and "response" not in candidates.columns:
            response = tables.numbers(items.offers, "offers", "response")
            tables.check_probabilities(response, "offers", "response")

    def of(self, name: str, by_whom: str) -> Amount:
        """Look a column up.

        Parameters
        ----------
        name : str
        by_whom : str
            The limit that sums it, or the objective, for messages.

        Returns
        -------
        Amount
            The same one each time.

        Raises
        ------
        InvalidInput
            Where there is no such column.
        """
        if name not in self._known:
            self._known[name] = self._look_up(name, by_whom)
        return self._known[name]

    def least(self, amount: Amount) -> NDArray[np.float64]:
        """Bound an amount from below over the candidates of each item.

        Parameters
        ----------
        amount : Amount
            Looked up here.

        Returns
        -------
        ndarray of float64, shape (n_items,)
            0 for items without candidates.
        """
        total = np.where(self._seen(), amount.constant, 0.0)
        for name, slope in amount.slopes.items():
            low, high = self.attributes[name].span
            seen = np.isfinite(low)
            total[seen] += np.minimum(slope[seen] * low[seen], slope[seen] * high[seen])
        return total

    def span_of(self, amount: Amount) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Bound an amount over the candidates of each item, without a look at them.

        Parameters
        ----------
        amount : Amount
            Looked up here.

        Returns
        -------
        low, high : ndarray of float64, shape (n_items,)
            For items without candidates they say nothing.
        """
        low, high = amount.constant.copy(), amount.constant.copy()
        for name, slope in amount.slopes.items():
            least, most = (
                np.where(np.isfinite(end), end, 0.0) for end in self.attributes[name].span
            )
            low += np.minimum(slope * least, slope * most)
            high += np.maximum(slope * least, slope * most)
        return low, high

    def known(self, name: str) -> Amount | None:
        """Return the amount of a column that was looked up.

        Parameters
        ----------
        name : str

        Returns
        -------
        Amount or None
            None where nothing asked for it.
        """
        return self._known.get(name)

    def _seen(self) -> NDArray[np.bool_]:
        """Which items have candidates."""
        seen = np.zeros(len(self._items), bool)
        for part in blocks(len(self._item)):
            seen[self._item[part]] = True
            release_pages(self._item[part])
        return seen

    def _has(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return name in self._candidates.columns or name in self._items.offers.column_names

    def _look_up(self, name: str, by_whom: str) -> Amount:
        """A column as an amount, looked up for the first time."""
        of_offers, of_customers = self._items.offers.column_names, summable(self._customers.columns)
        have = {*self._candidates.columns, *of_offers, *of_customers}
        names = dict.fromkeys([*self._names, *of_offers, *of_customers])
        refuse_missing(name, by_whom, have, [*names])
        if name == "count":
            return Amount(np.ones(len(self._items)))
        if name in self._candidates.columns:
            return self._attribute(name, source_of(name), self._candidates.columns[name])
        if name in self._items.offers.column_names:
            return Amount(tables.numbers(self._items.offers, "offers", name)[self._items.offer])
        if name in of_customers:
            values = self._customers.numbers(name, by_whom)
            return self._attribute(name, *values_of_customers(name, values, self._candidates))
        return self._default(name, by_whom, *default_parts(name))

    def _attribute(self, name: str, source: str, values: NDArray[np.floating]) -> Amount:
        """Values of candidates as an amount: an attribute, unless all candidates of each item have the same."""

        def make(store: ArrayStore) -> Arrays:
            found = find_span(self._item, len(self._items), values, self._backend)
            return {"low": save(store, "low", found.low), "high": save(store, "high", found.high)}

        if self._spans is not None:
            span = self._spans.get(name, Span.empty(len(self._items)))
            self.attributes[name] = Attribute(source, values, span)
            return Amount(np.zeros(len(self._items)), {name: np.ones(len(self._items))})
        made = self._candidates.derived.get_or_make("span", [self._by, source], make)
        low, high = made["low"], made["high"]
        if (low >= high).all():  # the same for every candidate of an item: nothing to pack
            return Amount(np.where(np.isfinite(low), low, 0.0))
        self.attributes[name] = Attribute(source, values, Span(low, high))
        return Amount(np.zeros(len(self._items)), {name: np.ones(len(self._items))})

    def packed(self) -> Packed:
        """Pack the attributes of the amounts looked up so far.

        Returns
        -------
        Packed
            Made before, where candidates are kept in a store.
        """
        attributes = list(self.attributes.values())

        def make(store: ArrayStore) -> Arrays:
            found = quantise(self._item, len(self._items), attributes, store, self._backend)
            return found._asdict()

        key = [self._by, PACKING, *(attribute.source for attribute in attributes)]
        return Packed(**self._candidates.derived.get_or_make("packed", key, make))

    def _default(
        self, name: str, by_whom: str, fixed: dict[str, float], per_response: dict[str, float]
    ) -> Amount:
        """Sum of `fixed` columns + response * sum of `per_response` columns, each by its factor; missing ones are 0."""
        if any(part in self._candidates.columns for part in MONEY):
            return self._attribute(name, *self._per_candidate(name, fixed, per_response))
        zero = Amount(np.zeros(len(self._items)))

        def summed(parts: dict[str, float]) -> Amount:
            total = zero
            for part, factor in parts.items():
                if self._has(part):
                    total = total.plus(factor, self.of(part, by_whom))
            return total

        constant, rate = summed(fixed), summed(per_response).constant
        response = self.of("response", by_whom) if self._has("response") else zero
        return Amount(
            constant.constant + rate * response.constant,
            {attribute: rate * slope for attribute, slope in response.slopes.items()},
        )

    def _per_candidate(
        self, name: str, fixed: dict[str, float], per_response: dict[str, float]
    ) -> tuple[str, NDArray[np.float64]]:
        """The same where its parts differ among candidates of an item: what it is made of, and each one's value."""
        candidates, offers = self._candidates, self._items.offers
        of_offers = {
            part: tables.numbers(offers, "offers", part)
            for part in (*fixed, *per_response, "response")
            if part in offers.column_names and part not in candidates.columns
        }

        def make(store: ArrayStore) -> Arrays:
            writer = store.writer("amount", np.float64)
            for rows in blocks(len(candidates)):

                def values(part: str, rows: slice = rows) -> NDArray[np.float64] | float:
                    if part in candidates.columns:
                        return candidates.columns[part][rows].astype(np.float64, copy=False)
                    if part in of_offers:
                        return of_offers[part][candidates.offer[rows]]
                    return 0.0

                total = summed_parts(values, fixed, per_response)
                writer.append(np.broadcast_to(total, rows.stop - rows.start))
                release_pages(candidates.offer[rows])
                release_pages(*(column[rows] for column in candidates.columns.values()))
            return {"amount": writer.finish()}

        digest = hashlib.sha256()
        for part, values in of_offers.items():
            digest.update(part.encode() + values.tobytes())
        made = candidates.derived.get_or_make(f"amount-{name}", [digest.hexdigest()], make)
        return f"amount {name} {digest.hexdigest()}", made["amount"]
