"""What `Result.explain` returns: every candidate of one customer, whether it was given, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from ..utils.html import Cell, rows_table


@dataclass(frozen=True)
class Payment:
    """What a candidate pays for a limit: its price times what the candidate weighs in it, in the objective's unit.

    Below 0 the limit pays: it asks for more than there would be without it.
    """

    limit: str
    group: str | None
    amount: float

    @property
    def label(self) -> str:
        return repr(self.limit) + ("" if self.group is None else f" [{self.group}]")


@dataclass(frozen=True)
class Decision:
    """One candidate and what became of it.

    value: of the campaign's value column. paid: to limits that have a price, the most first. reduced: what is left of
    the value. given: in the allocation. best: in the customer's best choice at these prices; where the two differ,
    repair moved it. reason: why, in a few words; decided_by: the limits or rules that it names.
    instead: offers that would come where a coupon of the best choice goes, or go where another comes; margin: how much
    reduced value that change would lose; None where rules do not allow it.
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


@dataclass(frozen=True)
class Explanation:
    """Why one customer got these coupons and not others.

    decisions: one for each candidate, those given first, then by reduced value. value: of the coupons given.
    reduced: of the coupons given. lost: what the customer's best choice would be worth beyond that, at these prices; 0
    unless repair moved something.
    """

    campaign: str
    customer: Any
    decisions: tuple[Decision, ...]
    value: float
    reduced: float
    lost: float

    @property
    def given(self) -> tuple[Decision, ...]:
        return tuple(decision for decision in self.decisions if decision.given)

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, as JSON has them."""
        return asdict(self)

    def to_arrow(self) -> pa.Table:
        """One row per candidate; `paid` is a list of (limit, group, amount)."""
        payment = pa.struct(
            [("limit", pa.string()), ("group", pa.string()), ("amount", pa.float64())]
        )
        offers = pa.array([decision.offer for decision in self.decisions])
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
        }
        return pa.table(
            {name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()}
        )

    def summary(self) -> str:
        """A few lines for the customer and one for each candidate."""
        lines = [f"{name:<12} {text}" for name, text in self._facts()]
        lines += [
            f"{'given' if d.given else '-':<6} {offer:<{self._width()}} {d.value:>12,.4f} "
            f"{d.value - d.reduced:>12,.4f} {d.reduced:>12,.4f}  {d.reason}"
            for d, offer in ((d, _called(d)) for d in self.decisions)
        ]
        header = f"{'':<6} {'offer':<{self._width()}} {'value':>12} {'pays':>12} {'left':>12}  why"
        lines.insert(len(self._facts()), header)
        return "\n".join(lines)

    def _width(self) -> int:
        return max((len(_called(decision)) for decision in self.decisions), default=5)

    def _facts(self) -> list[tuple[str, str]]:
        given = len(self.given)
        facts = [
            ("campaign", self.campaign),
            ("customer", f"{self.customer!r}: {given} of {len(self.decisions)} candidates given"),
            ("worth", f"{self.value:,.6g}, {self.reduced:,.6g} of it after the limits' prices"),
        ]
        if self.lost > 0:
            facts.append(("moved", f"{self.lost:,.6g} less than the best choice at these prices"))
        return facts

    def _repr_html_(self) -> str:
        rows = [
            (
                "given" if d.given else "",
                _called(d),
                f"{d.value:,.4f}",
                Cell(f"{d.value - d.reduced:,.4f}", _payments(d)),
                f"{d.reduced:,.4f}",
                d.reason,
            )
            for d in self.decisions
        ]
        head = ("", "offer", "value", "pays", "left", "why")
        return rows_table(head, rows, facts=self._facts())


def _called(decision: Decision) -> str:
    role = "" if decision.role is None else f" ({decision.role})"
    return f"{decision.offer}{role}"


def _payments(decision: Decision) -> str:
    return ", ".join(f"{payment.label}: {payment.amount:,.4g}" for payment in decision.paid)
