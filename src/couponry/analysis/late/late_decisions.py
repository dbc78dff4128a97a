"""What late customers are given: many at once as a table, or one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...data.table_view import StreamedTable
from ...model.customers import Customers
from ...results.coupon_rows import as_they_came
from ...utils.atomic_folder import atomic_folder
from ...utils.html import facts_table
from ..decisions import Explanation, Payment
from .batch import LateBatch
from .charges import ChargedRows
from .decide_many import Choice
from .explain_late import explain_late
from .room import Room

DECISIONS = "decisions.json"
"""By which a folder of decisions is known, which may be replaced."""

LIMITS_SAID = 5
"""Limits of which a summary says what they have left."""

Charge = dict[int, tuple[int, int]]
"""By row of the limits: what is used, and how far that may be off, in the row's units."""


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
    """

    def __init__(self, batch: LateBatch, choice: Choice, room: Room, full: pa.Table):
        self._batch, self._choice = batch, choice
        self.room, self.full = room, full
        self._table: pa.Table | None = None

    def __len__(self) -> int:
        return len(self._choice.chosen)

    @property
    def charge(self) -> Charge:
        """What `Room.give_back` takes back."""
        used, error = (sums.tolist() for sums in self._choice.use)
        return {row: each for row, each in enumerate(zip(used, error, strict=True)) if any(each)}

    @property
    def customers(self) -> int:
        """How many customers were decided."""
        return len(np.unique(self._customer_of(self._late)))

    @property
    def candidates(self) -> int:
        """How many candidates they have."""
        return len(self._late)

    @property
    def _late(self) -> NDArray[np.int64]:
        """Positions of the candidates that were decided on."""
        return np.arange(len(self._batch.candidates))[self._batch.late]

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
        positions, rows = self._choice.refused(self._batch)
        labels = [self.room.label(row) for row in rows.tolist()]
        columns = self._pairs(positions)
        columns["limit"] = pa.array([name for name, _ in labels], pa.string())
        columns["group"] = pa.array([group for _, group in labels], pa.string())
        return pa.table(columns)

    def explain(self, customer: int | str) -> Explanation:
        """Explain why a customer got these coupons and not others.

        Parameters
        ----------
        customer : int or str
            Its id. Only its own candidates are looked at.

        Returns
        -------
        Explanation
            As `Result.explain` has it, at the prices at which these customers were decided, and with what limits have
            left now.

        Raises
        ------
        InvalidInput
            If these decisions are not about the customer.
        """
        choice = self._choice
        return explain_late(self._batch, choice.flags, choice.raised, self.room, customer)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Save the decisions as a folder, which appears whole or not at all.

        It holds allocation.parquet, refused.parquet, room.parquet, decisions.json, and room.json, which `Prices.room`
        takes.

        Parameters
        ----------
        folder : str or Path
            Folder to write; must not exist.
        overwrite : bool
            Replace the folder if decisions are in it.

        Returns
        -------
        Path
            The folder that was written.

        Raises
        ------
        InvalidInput
            If the folder exists, unless it may be replaced.
        """
        tables = {
            "allocation": self.to_arrow(),
            "refused": self.refused,
            "room": self.room.to_arrow(),
        }
        with atomic_folder(folder, overwrite=overwrite, holds=DECISIONS) as draft:
            for name, table in tables.items():
                pq.write_table(table, draft / f"{name}.parquet")
            self.room.save(draft / "room.json")
            text = json.dumps(self.as_dict(), indent=1, allow_nan=False)
            (draft / DECISIONS).write_text(text + "\n", encoding="utf-8")
        return Path(folder)

    def as_dict(self) -> dict[str, Any]:
        """Return what was decided as plain Python values.

        Returns
        -------
        dict
            Counts, the value, offers without room from the start, and the room of each limit.
        """
        return {
            "customers": self.customers,
            "candidates": self.candidates,
            "coupons": len(self),
            "customers_with_coupons": self.customers_with_coupons,
            "value": self.value,
            "refused": len(self.refused),
            "full": self.full.to_pylist(),
            "room": self.room.to_arrow().to_pylist(),
        }

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
        refused = len(self._choice.refused(self._batch)[0])
        if refused:
            facts.append(("refused", f"{refused:,} coupons, as limits had no room for them"))
        if len(self.full):
            offers = len(self.full["offer"].unique())
            facts.append(("full", f"{offers:,} offers had no room from the start"))
        facts += [("room", text) for text in self._tightest()]
        return facts

    def _tightest(self) -> list[str]:
        """What was used of the limits with the smallest share left."""
        rows = self.room.to_arrow()
        is_used = pc.and_(pc.greater(rows["used"], 0.0), pc.is_valid(rows["left"]))
        used = rows.filter(is_used).to_pylist()
        # a soft limit may be beyond its bound, by as much as was used, too
        used.sort(key=lambda row: row["left"] / max(max(0.0, row["left"]) + row["used"], 1e-300))
        return [
            f"{Payment(row['name'], row['group'], 0.0).label}: {row['used']:,.8g} used, "
            f"{max(0.0, row['left']):,.8g} left"
            for row in used[:LIMITS_SAID]
        ]

    def summary(self) -> str:
        """Describe the decisions in a few lines of text.

        Returns
        -------
        str
            What was given, and what was refused.
        """
        return "\n".join(f"{name:<12} {text}" for name, text in self.facts())

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return facts_table(self.facts())

    def __repr__(self) -> str:
        return f"<LateDecisions: {len(self):,} coupons for {self.customers:,} customers>"

    def _customer_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return self._batch.candidates.customer_of(positions)

    def _pairs(self, positions: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Customer and offer of some candidates, with ids as they came."""
        agreed, candidates = self._batch.terms.prices.agreed, self._batch.candidates
        customer = candidates.customers.take(pa.array(self._customer_of(positions)))
        offer = self._batch.terms.offer_ids.take(pa.array(candidates.offer[positions]))
        kind = agreed.offers.schema.field("offer").type
        units = self._batch.units
        named = (
            {} if units is None else {units.column: units.names_of(self._customer_of(positions))}
        )
        return {
            "customer": as_they_came(customer, agreed.customer_type),
            **named,
            "offer": as_they_came(offer, kind),
        }

    def _column(self, name: str, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        """A column for some candidates."""
        batch = self._batch.single
        customers = Customers(batch.customers, batch.candidates.customers)
        amounts = batch.terms.amounts(batch.candidates, batch.item, customers)
        amount = amounts.of(name, name)
        total = amount.constant[batch.item[positions]]
        for attribute, slope in amount.slopes.items():
            values = amounts.attributes[attribute].values[positions]
            total = total + slope[batch.item[positions]] * values
        return total


def full_offers(batch: LateBatch, charges: ChargedRows, room: Room) -> pa.Table:
    """List the offers that limits have no room for.

    Parameters
    ----------
    batch : LateBatch
    charges : ChargedRows
    room : Room

    Returns
    -------
    pyarrow.Table
        `offer`, `limit`, `group`.
    """
    terms = batch.terms
    pairs = np.flatnonzero(
        room.full_pairs(charges) & np.asarray(batch.covers.any(axis=0))[charges.row]
    )
    asked = np.zeros(terms.n_items, bool)
    asked[batch.item] = True
    pairs = pairs[asked[charges.item[pairs]]]
    full = np.unique(np.stack([terms.items.offer[charges.item[pairs]], charges.row[pairs]]), axis=1)
    labels = [room.label(row) for row in full[1].tolist()]
    ids = terms.offer_ids.take(pa.array(full[0], pa.int64()))
    kind_of_ids = terms.prices.agreed.offers.schema.field("offer").type
    return pa.table(
        {
            "offer": as_they_came(ids, kind_of_ids),
            "limit": pa.array([name for name, _ in labels], pa.string()),
            "group": pa.array([group for _, group in labels], pa.string()),
        }
    )
