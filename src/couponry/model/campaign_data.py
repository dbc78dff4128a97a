"""A campaign as its user stated it: tables, customer rules and limits, checked and frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..data import tables
from ..data.candidate_batches import CandidateBlocks
from ..data.candidate_store import open_or_build, open_or_make
from ..data.candidates import Candidates, build_candidates
from ..data.roles import ROLES
from ..data.streams import Stream, stream
from ..data.table_files import all_columns
from ..utils.arrays.array_store import MemoryStore
from ..utils.arrays.blocks import row_blocks
from ..utils.checks import check_name, is_text, shown
from ..utils.errors import InvalidInput
from ..utils.parallel import reader_count
from ..utils.table_types import Table
from .amount_checks import check_amounts
from .campaign_checks import (
    COUPON_COLUMNS,
    candidate_columns,
    check_customers,
    check_limit_columns,
    check_parts,
    same_parts,
    sorted_offers,
)
from .contact_history import check_history
from .limits import Limit
from .rules import CustomerRule


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
    candidate_names : tuple of str
        All columns of the candidates table, read or not.
    customer_type : pyarrow.DataType
        Of the customers' ids, as they came.
    seconds : mapping of str to float
        What stages before the solve took, by name: making candidates of transactions, for instance.
    folder : str or None
        The campaign folder that it was read from, as an absolute path; None for what was changed since.
    """

    offers: pa.Table
    candidates: Candidates
    customers: pa.Table | None
    history: pa.Table | None
    rules: tuple[CustomerRule, ...]
    limits: tuple[Limit, ...]
    value: str
    name: str
    candidate_names: tuple[str, ...] = ()
    customer_type: pa.DataType = field(default_factory=pa.int64)
    seconds: Mapping[str, float] = field(default_factory=dict)
    folder: str | None = None

    @classmethod
    def make(
        cls,
        offers: Table,
        candidates: Any,
        customers: Table | None = None,
        history: Table | None = None,
        *,
        rules: Sequence[CustomerRule] = (),
        limits: Sequence[Limit] = (),
        value: str = "value",
        name: str = "campaign",
        store: str | Path | None = None,
    ) -> CampaignData:
        """Check everything, and put candidates into canonical order.

        Parameters
        ----------
        offers, candidates, customers, history, rules, limits, value, name, store
            As `couponry.Campaign` takes them.

        Returns
        -------
        CampaignData
            Checked.

        Raises
        ------
        InvalidInput
            With one line that names what is wrong.
        """
        if not is_text(value):
            raise InvalidInput(f"value: expected the name of a column, got {shown(value)}")
        check_name(name, "campaign")
        checked_rules = check_parts(rules, "rule", CustomerRule)
        checked_limits = check_parts(limits, "limit", Limit)
        offer_table = sorted_offers(tables.as_table(offers, "offers"))
        rows = candidates
        if not isinstance(rows, (Stream, CandidateBlocks, Candidates)):
            rows = stream(
                candidates, "candidates", sorted(candidate_columns(checked_limits, value))
            )
        check_amounts(offer_table, _names_of(rows), value, checked_limits)
        customer_table = _checked(customers, "customers", check_customers)
        history_table = _checked(history, "history", check_history)
        return cls(
            offers=offer_table,
            candidates=_collect(rows, tables.ids(offer_table, "offers", "offer"), store),
            customers=customer_table,
            history=history_table,
            rules=checked_rules,
            limits=checked_limits,
            value=value,
            name=name,
            candidate_names=_names_of(rows),
            customer_type=(
                rows.schema.field("customer").type
                if isinstance(rows, Stream)
                else _type_of_customers(rows)
            ),
        )

    def with_limits(self, limits: Sequence[Limit]) -> CampaignData:
        """Return the same campaign under other limits; the tables are shared.

        Parameters
        ----------
        limits : sequence of Limit
            Instead of those of this campaign.

        Returns
        -------
        CampaignData
            Another campaign.

        Raises
        ------
        InvalidInput
            Where a limit sums a column of candidates that this campaign has not read.
        """
        named = check_parts(limits, "limit", Limit)
        have = {*self.candidates.columns, *self.offers.column_names}
        check_limit_columns(named, have, self.candidate_names)
        check_amounts(self.offers, self.candidates.columns, self.value, named)
        return replace(self, limits=named, seconds={}, folder=None)

    def with_rules(self, rules: Sequence[CustomerRule]) -> CampaignData:
        """Return the same campaign under other customer rules; the tables are shared.

        Parameters
        ----------
        rules : sequence of CustomerRule
            Instead of those of this campaign.

        Returns
        -------
        CampaignData
            Another campaign.

        Raises
        ------
        InvalidInput
        """
        return replace(
            self, rules=check_parts(rules, "rule", CustomerRule), seconds={}, folder=None
        )

    def with_offers(self, offers: pa.Table) -> CampaignData:
        """Return the same campaign with other attributes of the same offers, in the same order.

        Parameters
        ----------
        offers : pyarrow.Table
            In ascending order of its ids.

        Returns
        -------
        CampaignData
            Another campaign.

        Raises
        ------
        InvalidInput
            Where a column that is summed holds no numbers.
        """
        check_amounts(offers, self.candidates.columns, self.value, self.limits)
        return replace(self, offers=offers, seconds={}, folder=None)

    def is_same_as(self, other: CampaignData) -> bool:
        """Tell whether both are about the same candidates, and ask the same of them.

        Parameters
        ----------
        other : CampaignData
            To compare with.

        Returns
        -------
        bool
            Whether results of one are results of the other.
        """
        shared = (
            self.candidates is other.candidates
            and self.customers is other.customers
            and self.history is other.history
            and self.value == other.value
        )
        same = same_parts(self.rules, other.rules) and same_parts(self.limits, other.limits)
        return shared and same and self.offers.equals(other.offers)

    @property
    def tells_roles_apart(self) -> bool:
        """Whether any rule or limit tells roles apart."""
        parts: list[CustomerRule | Limit] = [*self.rules, *self.limits]
        return any(part.by == "role" or "role" in part.where for part in parts)

    def coupon_columns(self) -> list[str]:
        """List what the allocation states of each coupon: of value, response and cost those that there are.

        Where the sum of another column is maximised, that is stated, too, so that the coupons add up to the objective.

        Returns
        -------
        list of str
            Names of columns.
        """
        have = {*self.candidates.columns, *self.offers.column_names}
        follows = {
            "value": "response" in have,
            "response": False,
            "cost": bool({"issue_cost", "face_value"} & have),
        }
        stated = [name for name in COUPON_COLUMNS if name in have or follows[name]]
        of_ids = ("customer", "offer")
        return [*stated, *({self.value} - {*stated, *COUPON_COLUMNS, *of_ids})]

    def candidates_tables(self) -> Iterator[pa.Table]:
        """Yield the candidates in canonical order, with the columns that the campaign uses, a block at a time.

        Yields
        ------
        pyarrow.Table
            Candidates of some customers.
        """
        candidates = self.candidates
        offers = tables.ids(self.offers, "offers", "offer")
        roles = pa.array([None, *ROLES])
        for start, stop in row_blocks(candidates.indptr):
            indptr = candidates.indptr[start : stop + 1]
            rows = slice(indptr[0], indptr[-1])
            customer = np.repeat(np.arange(start, stop), np.diff(indptr))
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
        """Say sizes, rules and limits in text, for summaries.

        Returns
        -------
        dict of str to str
            Text of each fact by its name.
        """
        return {
            "campaign": self.name,
            "offers": f"{self.offers.num_rows:,}",
            "customers": f"{len(self.candidates.customers):,}",
            "candidates": f"{len(self.candidates):,}",
            "maximises": f"sum of {self.value}",
            "rules": ", ".join(rule.name for rule in self.rules) or "none",
            "limits": ", ".join(limit.name for limit in self.limits) or "none",
            **({"notes": "; ".join(self.candidates.notes)} if self.candidates.notes else {}),
        }


def _checked(given: Table | None, what: str, check: Callable[[pa.Table], None]) -> pa.Table | None:
    """A table that a campaign need not have, checked."""
    if given is None:
        return None
    table = tables.as_table(given, what)
    check(table)
    return table


def _names_of(rows: Stream | CandidateBlocks | Candidates) -> tuple[str, ...]:
    """All columns of the candidates."""
    if isinstance(rows, Stream):
        return tuple(all_columns(rows.schema))
    roles = rows.role is not None if isinstance(rows, Candidates) else rows.roles
    return ("customer", "offer", *(["role"] if roles else []), *rows.columns)


def _type_of_customers(rows: CandidateBlocks | Candidates) -> pa.DataType:
    """Type of the customers' ids."""
    return rows.customers.type if isinstance(rows, Candidates) else rows.customer


def _collect(
    rows: Stream | CandidateBlocks | Candidates, offers: pa.Array, store: str | Path | None
) -> Candidates:
    """The candidates, in memory or in a store."""
    if isinstance(rows, Candidates):
        return rows
    if isinstance(rows, CandidateBlocks):
        if not rows.offers.equals(offers):
            raise InvalidInput(
                f"candidates: expected to be of the {len(offers):,} offers of table offers, "
                f"got those of {len(rows.offers):,} others"
            )
        if store is None:
            return rows.collect(MemoryStore(), reader_count())
        return open_or_make(store, rows.source, lambda arrays: rows.collect(arrays, reader_count()))
    if store is None:
        return build_candidates(rows, offers, MemoryStore(), reader_count())
    return open_or_build(store, rows, offers, reader_count())
