"""What late customers are given: many at once as a table, or one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data.table_view import StreamedTable
from ...results.coupon_rows import as_they_came
from ...utils.html import facts_table
from .batch import LateBatch
from .charges import Charge
from .decide_many import Choice
from .room import Room


class OneDecision(NamedTuple):
    """What one late customer is given; a `CustomerDecider` returns it.

    Parameters
    ----------
    offers : list
        Ids of the offers given, in the order in which they were asked about.
    no_room : list
        Ids of the offers that some limit had no room for.
    charge : dict
        What `Room.give_back` takes back.
    """

    offers: list[Any]
    no_room: list[Any]
    charge: Charge


class LateDecisions(StreamedTable):
    """What late customers are given; `Prices.decide` and `Result.decide` return it.

    It speaks the Arrow stream protocol, so whatever takes Arrow takes it.

    Parameters
    ----------
    batch : LateBatch
        Who was decided.
    choice : Choice
        What they are given.
    room : Room
        What was used.
    full : pyarrow.Table
        Of `full_offers`.

    Attributes
    ----------
    room : Room
        As the decisions left it. Further decisions may use the same.
    full : pyarrow.Table
        Offers that a limit had no room for from the start: `offer`, `limit`, `group`.
    charge : dict
        What `Room.give_back` takes back.
    """

    def __init__(self, batch: LateBatch, choice: Choice, room: Room, full: pa.Table):
        self._batch, self._choice = batch, choice
        self.room, self.full, self.charge = room, full, choice.charge
        self._table: pa.Table | None = None

    def __len__(self) -> int:
        return len(self._choice.chosen)

    @property
    def customers(self) -> int:
        """How many customers were decided."""
        return len(self._batch.candidates.customers)

    @property
    def candidates(self) -> int:
        """How many candidates they have."""
        return len(self._batch.candidates)

    @property
    def customers_with_coupons(self) -> int:
        """How many customers are given a coupon."""
        return len(np.unique(self._customer_of(self._choice.chosen)))

    @property
    def value(self) -> float:
        """Sum of the value column over the coupons given."""
        return float(self._column(self._batch.terms.prices.agreed.value, self._choice.chosen).sum())

    def to_arrow(self) -> pa.Table:
        """Return the coupons as a table, made at first use and kept.

        Returns
        -------
        pyarrow.Table
            One row for each coupon, by customer, then by offer, with the columns that an allocation has.
        """
        if self._table is None:
            chosen = self._choice.chosen
            columns = self._pairs(chosen)
            for name in self._batch.terms.prices.agreed.coupon_columns:
                columns[name] = pa.array(self._column(name, chosen))
            self._table = pa.table(columns)
        return self._table

    @property
    def refused(self) -> pa.Table:
        """Coupons that customers would have been given, had there been room: `customer`, `offer`, `limit`, `group`."""
        refusals = self._choice.refusals
        positions = np.concatenate([np.zeros(0, np.int64), *(r.position for r in refusals)])
        labels = [self.room.label(r.row) for r in refusals for _ in range(len(r.position))]
        columns = self._pairs(positions)
        columns["limit"] = pa.array([name for name, _ in labels], pa.string())
        columns["group"] = pa.array([group for _, group in labels], pa.string())
        return pa.table(columns)

    def facts(self) -> list[tuple[str, str]]:
        """Return what the summary says.

        Returns
        -------
        list of (str, str)
            Names and texts.
        """
        facts = [
            (
                "given",
                f"{len(self):,} coupons to {self.customers_with_coupons:,} of {self.customers:,}",
            ),
            ("value", f"{self.value:,.6f}"),
        ]
        refused = sum(len(r.position) for r in self._choice.refusals)
        if refused:
            facts.append(("refused", f"{refused:,} coupons, as limits had no room for them"))
        if len(self.full):
            offers = len(self.full["offer"].unique())
            facts.append(("full", f"{offers:,} offers had no room from the start"))
        return facts

    def summary(self) -> str:
        """Describe the decisions in a few lines of text.

        Returns
        -------
        str
            What was given, and what was refused.
        """
        return "\n".join(f"{name:<12} {text}" for name, text in self.facts())

    def _repr_html_(self) -> str:
        return facts_table(self.facts())

    def __repr__(self) -> str:
        return f"<LateDecisions: {len(self):,} coupons for {self.customers:,} customers>"

    def _customer_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._batch.indptr, positions, side="right") - 1

    def _pairs(self, positions: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Customer and offer of some candidates, with ids as they came."""
        agreed, candidates = self._batch.terms.prices.agreed, self._batch.candidates
        customer = candidates.customers.take(pa.array(self._customer_of(positions)))
        offer = self._batch.terms.offer_ids.take(pa.array(candidates.offer[positions]))
        kind = agreed.offers.schema.field("offer").type
        return {
            "customer": as_they_came(customer, agreed.customer_type),
            "offer": as_they_came(offer, kind),
        }

    def _column(self, name: str, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """A column for some candidates."""
        batch = self._batch
        amounts = batch.terms.amounts(batch.candidates, batch.item)
        amount = amounts.of(name, name)
        total = amount.constant[batch.item[positions]]
        for attribute, slope in amount.slopes.items():
            values = amounts.attributes[attribute].values[positions]
            total = total + slope[batch.item[positions]] * values
        return total


def full_offers(batch: LateBatch, room: Room) -> pa.Table:
    """List the offers that limits have no room for.

    Parameters
    ----------
    batch : LateBatch
    room : Room

    Returns
    -------
    pyarrow.Table
        `offer`, `limit`, `group`.
    """
    found: dict[tuple[int, str, str | None], None] = {}
    for kind in batch.kinds:
        closed = room.closed(kind)
        for item in _items(closed, batch):
            offer = int(batch.terms.items.offer[item])
            for row in room.closing_rows(kind, item):
                found[(offer, *room.label(row))] = None
    offers, names, groups = zip(*found, strict=True) if found else ((), (), ())
    ids = batch.terms.offer_ids.take(pa.array(offers, pa.int64()))
    kind_of_ids = batch.terms.prices.agreed.offers.schema.field("offer").type
    return pa.table(
        {
            "offer": as_they_came(ids, kind_of_ids),
            "limit": pa.array(names, pa.string()),
            "group": pa.array(groups, pa.string()),
        }
    )


def _items(closed: NDArray[np.bool_] | None, batch: LateBatch) -> Iterable[int]:
    """Closed items that any of the candidates has."""
    if closed is None:
        return []
    seen = np.zeros(len(closed), bool)
    seen[batch.item] = True
    return [int(item) for item in np.flatnonzero(closed & seen)]
