"""`Explanation`: every candidate of one customer, whether it was given, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from ..data.table_view import StreamedTable
from ..utils.errors import one_line
from ..utils.html import Cell, rows_table


@dataclass(frozen=True)
class Payment:
    """What a candidate pays for a limit: the limit's price times what the candidate weighs in it.

    Attributes
    ----------
    limit : str
        Name of the limit.
    group : str or None
        Group of the limit, if it has groups.
    amount : float
        In the objective's unit. Below 0 the limit pays: it asks for more than there would be without it.
    """

    limit: str
    group: str | None
    amount: float

    @property
    def label(self) -> str:
        """Limit and group, for messages."""
        return repr(self.limit) + ("" if self.group is None else f" [{self.group}]")


@dataclass(frozen=True)
class Decision:
    """One candidate of a customer, and what became of it.

    Attributes
    ----------
    offer : int or str
        Id of the offer.
    role : str or None
        Role of the candidate, if candidates have roles.
    value : float
        The candidate's part of the objective.
    paid : tuple of Payment
        To limits that have a price, the most first.
    reduced : float
        `value` less everything that is paid.
    given : bool
        True if the allocation has it.
    best : bool
        True if the customer's best choice at these prices has it. If `given` differs, repair moved it.
    reason : str
        Why it was given or not, in a few words.
    decided_by : tuple of str
        Names of the limits or rules in `reason`.
    instead : tuple of int or str
        Offers that would change places with it if it were decided the other way.
    margin : float or None
        Reduced value that deciding it the other way would lose. None if the rules do not allow that.
    backup : int or None
        Its rank among the customer's backups, where it is one of these.
    instead_of : tuple of int or str
        Of a backup: the coupons in whose place it may come.
    customer : int, str or None
        Whose candidate it is, in a campaign of units; None where each customer is decided on alone.
    instead_for : tuple of int or str
        Whose the offers in `instead` are, likewise.
    instead_of_customer : tuple of int or str
        Whose the coupons in `instead_of` are, likewise.
    """

    offer: Any
    role: str | None
    value: float
    paid: tuple[Payment, ...]
    reduced: float
    given: bool
    best: bool
    reason: str
    decided_by: tuple[str, ...]
    instead: tuple[Any, ...]
    margin: float | None
    backup: int | None = None
    instead_of: tuple[Any, ...] = ()
    customer: Any = None
    instead_for: tuple[Any, ...] = ()
    instead_of_customer: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Explanation(StreamedTable):
    """Why one customer got these coupons and not others; returned by `Result.explain`.

    Attributes
    ----------
    campaign : str
        Name of the campaign.
    customer : int or str
        Id of the customer.
    decisions : tuple of Decision
        One for each candidate: those given first, then by reduced value.
    value : float
        Of the coupons given.
    reduced : float
        Of the coupons given, after the prices of the limits.
    lost : float
        What the customer's best choice at these prices would be worth beyond `reduced`. 0 unless repair moved
        something.
    unit : str
        What the customer is decided on with, such as ``"household 7"``; the decisions are those of all its customers.
        Empty where the customer is decided on alone.
    """

    campaign: str
    customer: Any
    decisions: tuple[Decision, ...]
    value: float
    reduced: float
    lost: float
    unit: str = ""

    @property
    def given(self) -> tuple[Decision, ...]:
        """The candidates that were given."""
        return tuple(decision for decision in self.decisions if decision.given)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain values.

        Returns
        -------
        dict
            Ready for JSON.
        """
        return asdict(self)

    def to_arrow(self) -> pa.Table:
        """Return the decisions as a table.

        Returns
        -------
        pyarrow.Table
            One row for each candidate, with the fields of `Decision`; `paid` is a list of (limit, group, amount).
            Fields of units are there where the campaign has them.
        """
        payment = pa.struct(
            [("limit", pa.string()), ("group", pa.string()), ("amount", pa.float64())]
        )
        offers = pa.array([decision.offer for decision in self.decisions])
        customers = pa.array([decision.customer for decision in self.decisions])
        rows = [asdict(decision) for decision in self.decisions]
        types: dict[str, pa.DataType] = {
            "offer": offers.type,
            "role": pa.string(),
            "value": pa.float64(),
            "paid": pa.list_(payment),
            "reduced": pa.float64(),
            "given": pa.bool_(),
            "best": pa.bool_(),
            "reason": pa.string(),
            "decided_by": pa.list_(pa.string()),
            "instead": pa.list_(offers.type),
            "margin": pa.float64(),
            "backup": pa.int64(),
            "instead_of": pa.list_(offers.type),
            "customer": customers.type,
            "instead_for": pa.list_(customers.type),
            "instead_of_customer": pa.list_(customers.type),
        }
        if not self.unit:
            del types["customer"], types["instead_for"], types["instead_of_customer"]
        return pa.table(
            {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
        )

    def summary(self) -> str:
        """Describe the explanation in a few lines of text.

        Returns
        -------
        str
            A few lines for the customer, and one for each candidate.
        """
        width = max((len(_label(decision)) for decision in self.decisions), default=5)
        lines = [f"{name:<12} {text}" for name, text in self._facts()]
        lines.append(f"{'':<6} {'offer':<{width}} {'value':>12} {'pays':>12} {'left':>12}  why")
        lines += [
            f"{'given' if d.given else '-':<6} {_label(d):<{width}} {d.value:>12,.4f} "
            f"{d.value - d.reduced:>12,.4f} {d.reduced:>12,.4f}  {d.reason}"
            for d in self.decisions
        ]
        return "\n".join(one_line(line, None) for line in lines)

    def __str__(self) -> str:
        return self.summary()

    def _facts(self) -> list[tuple[str, str]]:
        """Names and texts of what is said of the customer."""
        given = len(self.given)
        facts = [
            ("campaign", self.campaign),
            ("customer", f"{self._who()}: {given} of {len(self.decisions)} candidates given"),
            ("worth", f"{self.value:,.6g}, {self.reduced:,.6g} of it after the limits' prices"),
        ]
        if self.lost > 0:
            facts.append(("moved", f"{self.lost:,.6g} less than the best choice at these prices"))
        return facts

    def _who(self) -> str:
        """The customer, and what it is decided on with."""
        return repr(self.customer) + (f" of {self.unit}" if self.unit else "")

    def _repr_html_(self) -> str:
        rows = [
            (
                "given" if d.given else "",
                _label(d),
                f"{d.value:,.4f}",
                Cell(f"{d.value - d.reduced:,.4f}", hint=_payments(d)),
                f"{d.reduced:,.4f}",
                d.reason,
            )
            for d in self.decisions
        ]
        columns = ("", "offer", "value", "pays", "left", "why")
        return rows_table(columns, rows, facts=self._facts())


def _label(decision: Decision) -> str:
    """Offer and role."""
    role = "" if decision.role is None else f" ({decision.role})"
    whose = "" if decision.customer is None else f" for {decision.customer}"
    return f"{decision.offer}{role}{whose}"


def _payments(decision: Decision) -> str:
    """What a candidate pays to which limit, in words."""
    return ", ".join(f"{payment.label}: {payment.amount:,.4g}" for payment in decision.paid)
