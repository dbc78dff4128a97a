"""A campaign as its user stated it: tables, customer rules and limits, checked and frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.candidate_batches import CandidateBlocks
from ..data.candidates import Candidates
from ..data.earlier.previous_pairs import PREVIOUS, PairCounts, with_previous
from ..data.roles import ROLES
from ..data.streams import Stream, stream
from ..utils.arrays.blocks import row_blocks
from ..utils.parallel import worker_count
from ..utils.table_types import Table
from .amount_checks import check_amounts
from .campaign_checks import (
    candidate_columns,
    check_backups,
    check_customers,
    check_limit_columns,
    check_parts,
    check_rule_columns,
    check_unit,
    same_parts,
    sorted_offers,
)
from .compiling.coupon_columns import COUPON_COLUMNS, summable
from .contact_history import check_history
from .customers import Customers, check_column
from .inputs.campaign_inputs import (
    check_named,
    checked_table,
    collect,
    customer_type_of,
    names_of,
    pairs_of,
)
from .inputs.previous_plan import PreviousPlan
from .limits import Limit
from .rules import CustomerRule
from .units.joined_customers import join_customers
from .units.units import Units


@dataclass(frozen=True, eq=False)
class CampaignData:
    """Which coupons exist, who may get them, and what has been agreed. Nothing of it changes once it is made.

    Attributes
    ----------
    offers : pyarrow.Table
        In ascending order of its ids.
    candidates : Candidates
        In canonical order: by unit, then by customer, then by offer.
    customers, history, heads : pyarrow.Table or None
        Heads: columns of customers, and `HEADS`, how many have these values, where their table is not whole here.
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
    backups : int
        Backups of a customer, at most.
    previous : PairCounts or None
        How many pairs an earlier plan gave; candidates then have a column that says which.
    units : Units or None
        What customer rules hold for; None: single customers.
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
    backups: int = 0
    previous: PairCounts | None = None
    units: Units | None = None
    heads: pa.Table | None = None

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
        backups: int = 0,
        previous: PreviousPlan | None = None,
        unit: str | None = None,
    ) -> CampaignData:
        """Check everything, and put candidates into canonical order.

        Parameters
        ----------
        offers, candidates, customers, history, rules, limits, value, name, store, backups, previous, unit
            As `couponry.Campaign` takes them.

        Returns
        -------
        CampaignData

        Raises
        ------
        InvalidInput
            With one line that names what is wrong.
        """
        check_named(value, name)
        check_backups(backups, value, unit)
        checked_rules = check_unit(unit, check_parts(rules, "rule", CustomerRule), value)
        checked_limits = check_parts(limits, "limit", Limit)
        offer_table = sorted_offers(tables.as_table(offers, "offers"))
        rows = candidates
        if not isinstance(rows, (Stream, CandidateBlocks, Candidates)):
            columns = sorted(candidate_columns(checked_limits, value, checked_rules))
            rows = stream(candidates, "candidates", columns)
        check_amounts(offer_table, names_of(rows), value, checked_limits)
        given = pairs_of(previous, (*names_of(rows), *offer_table.column_names), value)
        customer_table = checked_table(customers, "customers", check_customers)
        history_table = checked_table(history, "history", check_history)
        made = cls(
            offers=offer_table,
            candidates=collect(rows, tables.ids(offer_table, "offers", "offer"), store),
            customers=customer_table,
            history=history_table,
            rules=checked_rules,
            limits=checked_limits,
            value=value,
            name=name,
            candidate_names=names_of(rows),
            customer_type=customer_type_of(rows),
            backups=int(backups),
        )
        return made._after(previous, given)._in_units(unit)

    def _in_units(self, unit: str | None) -> CampaignData:
        """The same campaign, whose candidates are in the order of units of several customers."""
        if unit is None:
            return self
        known = Customers(self.customers, self.candidates.customers)
        row = known.rows(f"unit {unit!r}")
        check_column(self.customers, unit, f"unit {unit!r}")
        assert self.customers is not None
        joined, units = join_customers(self.candidates, unit, self.customers[unit], row)
        return replace(self, candidates=joined, units=units)

    def _after(self, previous: PreviousPlan | None, given: Stream | None) -> CampaignData:
        """The same campaign, whose candidates know what an earlier plan gave, under limits on what stays of it."""
        if previous is None or given is None:
            return self
        offers = tables.ids(self.offers, "offers", "offer")
        candidates, counts = with_previous(self.candidates, offers, given, worker_count())
        counts = counts._replace(pairs=counts.pairs + int(previous.gone))
        limits = [*self.limits, *previous.limits(counts, self.limits)]
        return replace(
            self,
            candidates=candidates,
            limits=check_parts(limits, "limit", Limit),
            previous=counts,
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
        of_customers = [] if self.customers is None else summable(self.customers.column_names)
        have = {*self.candidates.columns, *self.offers.column_names, *of_customers}
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
            Where a rule sums a column of candidates that this campaign has not read.
        """
        named = check_unit(self.unit, check_parts(rules, "rule", CustomerRule), self.value)
        have = {*self.candidates.columns, *self.offers.column_names}
        check_rule_columns(named, have, self.candidate_names)
        return replace(self, rules=named, seconds={}, folder=None)

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
            and self.backups == other.backups
            and self.unit == other.unit
        )
        same = same_parts(self.rules, other.rules) and same_parts(self.limits, other.limits)
        return shared and same and self.offers.equals(other.offers)

    @property
    def unit(self) -> str | None:
        """Column of customers that says who is one unit; None: each customer is."""
        return None if self.units is None else self.units.column

    @property
    def n_units(self) -> int:
        """How many units there are that customer rules hold for."""
        return len(self.candidates.customers) if self.units is None else len(self.units)

    @property
    def indptr(self) -> NDArray[np.int64]:
        """Where the candidates of each unit begin, shape (n_units + 1,)."""
        return self.candidates.indptr if self.units is None else self.units.indptr(self.candidates)

    @property
    def tells_roles_apart(self) -> bool:
        """Whether any rule or limit tells roles apart."""
        if any(rule.distinct == "role" for rule in self.rules):
            return True
        return any(part.by == "role" or "role" in part.where for part in self.rules) or any(
            "role" in (*limit.by_columns, *limit.asked_of_offers) for limit in self.limits
        )

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
                **{
                    name: column[rows]
                    for name, column in candidates.columns.items()
                    if name != PREVIOUS or self.previous is None
                },
            }
            if candidates.role is not None:
                columns["role"] = roles.take(pa.array(candidates.role[rows]))
            if candidates.mandatory is not None:
                columns["mandatory"] = pa.array(candidates.mandatory[rows] != 0)
            yield pa.table(columns)

    def previous_tables(self) -> Iterator[pa.Table]:
        """Yield what an earlier plan gave and still can be given, in canonical order, a block at a time.

        Yields
        ------
        pyarrow.Table
            Columns `customer` and `offer`.
        """
        candidates = self.candidates
        offers = tables.ids(self.offers, "offers", "offer")
        for start, stop in row_blocks(candidates.indptr):
            indptr = candidates.indptr[start : stop + 1]
            at = indptr[0] + np.flatnonzero(candidates.columns[PREVIOUS][indptr[0] : indptr[-1]])
            customer = start + np.searchsorted(indptr, at, side="right") - 1
            yield pa.table(
                {
                    "customer": candidates.customers.take(pa.array(customer)),
                    "offer": offers.take(pa.array(candidates.offer[at])),
                }
            )

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
            **({} if self.units is None else {"units": self.units.describe()}),
            "maximises": f"sum of {self.value}",
            "rules": ", ".join(rule.name for rule in self.rules) or "none",
            "limits": ", ".join(limit.name for limit in self.limits) or "none",
            **({"previous": f"{self.previous.pairs:,} coupons"} if self.previous else {}),
            **({"backups": f"{self.backups} a customer at most"} if self.backups else {}),
            **({"notes": "; ".join(self.candidates.notes)} if self.candidates.notes else {}),
        }
