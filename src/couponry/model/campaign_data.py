"""A campaign as its user stated it: tables, customer rules and limits, checked and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pyarrow as pa

from ..data import tables
from ..data.candidate_batches import CandidateBlocks
from ..data.candidate_store import open_or_build, open_or_make
from ..data.candidates import Candidates, build_candidates
from ..data.roles import ROLES
from ..data.streams import Stream, stream
from ..data.tables import Table
from ..utils.array_store import MemoryStore
from ..utils.blocks import row_blocks
from ..utils.errors import InvalidInput
from ..utils.parallel import worker_count
from .contact_history import check_history
from .limits import Limit
from .measures import MONEY
from .rules import CustomerRule

Part = TypeVar("Part", CustomerRule, Limit)

COUPON_COLUMNS = ("value", "response", "cost")
"""What the allocation says of each coupon, where it exists."""


@dataclass(frozen=True, eq=False)
class CampaignData:
    """Which coupons exist, who may get them, and what has been agreed. Nothing of it changes once it is made.

    Attributes
    ----------
    offers : pyarrow.Table
        In ascending order of its ids.
    candidates : Candidates
        In canonical order: by customer, then by offer.
    customers, history : pyarrow.Table or None
    rules : tuple of CustomerRule
        Each with a name.
    limits : tuple of Limit
        Each with a name.
    value : str
        The column whose sum is maximised.
    name : str
    seconds : mapping of str to float
        What stages before the solve took, by name: making candidates of transactions, for instance.
    """

    offers: pa.Table
    candidates: Candidates
    customers: pa.Table | None
    history: pa.Table | None
    rules: tuple[CustomerRule, ...]
    limits: tuple[Limit, ...]
    value: str
    name: str
    seconds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        offers: Table,
        candidates: Table,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        store: str | Path | None = None,
    ) -> CampaignData:
        """Check everything, and put candidates into canonical order. Arguments are those of `couponry.Campaign`.

        Raises
        ------
        InvalidInput
            With one line that names what is wrong.
        """
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"value: expected the name of a column, got {value!r}")
        checked_rules = checked(rules, "rule", CustomerRule)
        checked_limits = checked(limits, "limit", Limit)
        offer_table = sorted_offers(tables.as_table(offers, "offers"))
        rows = candidates
        if not isinstance(rows, (Stream, CandidateBlocks)):
            wanted = candidate_columns(checked_limits, value)
            rows = stream(candidates, "candidates", sorted(wanted))
        customer_table = None if customers is None else tables.as_table(customers, "customers")
        if customer_table is not None:
            check_customers(customer_table)
        history_table = None if history is None else tables.as_table(history, "history")
        if history_table is not None:
            check_history(history_table)
        return cls(
            offers=offer_table,
            candidates=_gathered(rows, tables.ids(offer_table, "offers", "offer"), store),
            customers=customer_table,
            history=history_table,
            rules=checked_rules,
            limits=checked_limits,
            value=value,
            name=name,
        )

    def with_limits(self, limits: Sequence[Limit]) -> CampaignData:
        """The same campaign under other limits; the tables are shared.

        Raises
        ------
        InvalidInput
            Where a limit sums a column of candidates that this campaign has not read.
        """
        named = checked(limits, "limit", Limit)
        have = {*self.candidates.columns, *self.offers.column_names, "count", "cost", "value"}
        for limit in named:
            for column in limit.columns():
                if column not in have:
                    raise InvalidInput(
                        f"{limit.label}: the campaign has not read a column {column!r}"
                    )
        return replace(self, limits=named, seconds={})

    def with_rules(self, rules: Sequence[CustomerRule]) -> CampaignData:
        """The same campaign under other customer rules; the tables are shared."""
        return replace(self, rules=checked(rules, "rule", CustomerRule), seconds={})

    def with_offers(self, offers: pa.Table) -> CampaignData:
        """The same campaign with other attributes of the same offers, in the same order."""
        return replace(self, offers=offers, seconds={})

    def is_same_as(self, other: CampaignData) -> bool:
        """Whether both are about the same candidates, and ask the same of them."""
        shared = (
            self.candidates is other.candidates
            and self.customers is other.customers
            and self.history is other.history
            and self.value == other.value
        )
        agreed = _same_parts(self.rules, other.rules) and _same_parts(self.limits, other.limits)
        return shared and agreed and self.offers.equals(other.offers)

    @property
    def tells_roles_apart(self) -> bool:
        """Whether any rule or limit tells roles apart."""
        parts: list[CustomerRule | Limit] = [*self.rules, *self.limits]
        return any(part.by == "role" or "role" in part.where for part in parts)

    def coupon_columns(self) -> list[str]:
        """Which of value, response and cost the allocation can state for each coupon."""
        have = {*self.candidates.columns, *self.offers.column_names}
        follows = {
            "value": "response" in have,
            "response": False,
            "cost": bool({"issue_cost", "face_value"} & have),
        }
        return [name for name in COUPON_COLUMNS if name in have or follows[name]]

    def candidates_tables(self) -> Iterator[pa.Table]:
        """The candidates in canonical order, with the columns that the campaign uses, a block at a time."""
        candidates = self.candidates
        offers = tables.ids(self.offers, "offers", "offer")
        roles = pa.array([None, *ROLES])
        for start, stop in row_blocks(candidates.indptr):
            ends = candidates.indptr[start : stop + 1]
            rows = slice(ends[0], ends[-1])
            customer = np.repeat(np.arange(start, stop), np.diff(ends))
            columns: dict[str, Any] = {
                "customer": candidates.customers.take(pa.array(customer)),
                "offer": offers.take(pa.array(candidates.offer[rows])),
                **{name: column[rows] for name, column in candidates.columns.items()},
            }
            if candidates.role is not None:
                columns["role"] = roles.take(pa.array(candidates.role[rows]))
            if candidates.mandatory is not None:
                columns["mandatory"] = pa.array(candidates.mandatory[rows] != 0)
            yield pa.table(columns)

    def facts(self) -> dict[str, str]:
        """Sizes, rules and limits as text, for summaries."""
        return {
            "campaign": self.name,
            "offers": f"{self.offers.num_rows:,}",
            "customers": f"{len(self.candidates.customers):,}",
            "candidates": f"{len(self.candidates):,}",
            "maximises": f"sum of {self.value}",
            "rules": ", ".join(rule.name for rule in self.rules) or "none",
            "limits": ", ".join(limit.name for limit in self.limits) or "none",
        }


def candidate_columns(limits: Iterable[Limit], value: str) -> set[str]:
    """The columns of the candidates table that a campaign with these limits and this objective reads."""
    summed = {column for limit in limits for column in limit.columns()}
    known = {"customer", "offer", "role", "mandatory", value, *MONEY, *COUPON_COLUMNS}
    return (known | summed) - {"count"}


def checked(
    parts: Sequence[Part], kind: Literal["rule", "limit"], expected: type[Part]
) -> tuple[Part, ...]:
    """The rules or limits, each with a name, refused where they make no sense in themselves."""
    if isinstance(parts, expected) or not isinstance(parts, Iterable):
        raise InvalidInput(
            f"{kind}s: expected a list of {expected.__name__}, got {type(parts).__name__}"
        )
    named: list[Part] = []
    for number, part in enumerate(parts, 1):
        if not isinstance(part, expected):
            raise InvalidInput(
                f"{kind}s: {kind} {number}: expected a {expected.__name__}, got {type(part).__name__}"
            )
        named.append(replace(part, name=f"{kind} {number}") if part.name == "" else part)
        named[-1].check()
    return tuple(named)


def sorted_offers(table: pa.Table) -> pa.Table:
    """The offers table, checked, in ascending order of its ids."""
    tables.require(table, "offers", "offer")
    if table.num_rows == 0:
        raise InvalidInput("table offers: expected at least one row, got none")
    values = tables.ids(table, "offers", "offer")
    rank, distinct = tables.ranks(values)
    if len(distinct) < len(values):
        first_row: dict[int, int] = {}
        for row, code in enumerate(rank.tolist()):
            if first_row.setdefault(code, row) != row:
                raise InvalidInput(
                    f"table offers, column 'offer', row {row}: offer {values[row].as_py()!r} is there twice"
                )
    return table.take(pa.array(np.argsort(rank, kind="stable"))).combine_chunks()


def check_customers(table: pa.Table) -> None:
    """Refuse a customers table without ids or with one that is there twice."""
    tables.require(table, "customers", "customer")
    values = tables.ids(table, "customers", "customer")
    if tables.ascends(values):
        return
    rank, distinct = tables.ranks(values)
    if len(distinct) < len(values):
        _, first = np.unique(rank, return_index=True)
        row = int(np.setdiff1d(np.arange(len(rank)), first)[0])
        raise InvalidInput(
            f"table customers, column 'customer', row {row}: customer {values[row].as_py()!r} is there twice"
        )


def _same_parts(own: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether rules or limits are the same; parts with tables are compared by the tables they hold."""
    if own is others:
        return True
    if len(own) != len(others):
        return False
    return all(a is b or _same_part(a, b) for a, b in zip(own, others, strict=True))


def _same_part(own: Any, other: Any) -> bool:
    for name in own.__dataclass_fields__:
        a, b = getattr(own, name), getattr(other, name)
        if name in ("table", "conflicts"):
            same = a is b or (isinstance(a, pa.Table) and isinstance(b, pa.Table) and a.equals(b))
        else:
            same = a == b
        if not same:
            return False
    return True


def _gathered(
    rows: Stream | CandidateBlocks, offers: pa.Array, store: str | Path | None
) -> Candidates:
    if isinstance(rows, CandidateBlocks):
        if not rows.offers.equals(offers):
            raise InvalidInput(
                f"candidates: expected to be of the {len(offers):,} offers of table offers, "
                f"got those of {len(rows.offers):,} others"
            )
        if store is None:
            return rows.collect(MemoryStore(), worker_count())
        return open_or_make(store, rows.source, lambda space: rows.collect(space, worker_count()))
    if store is None:
        return build_candidates(rows, offers, MemoryStore(), worker_count())
    return open_or_build(store, rows, offers, worker_count())
