"""What is checked before anything is compiled: a campaign's tables, rules and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from ..compiling.coupon_columns import MONEY, summable
from ..limits import Limit
from ..rules import CustomerRule


class Statement(NamedTuple):
    """A campaign as it was stated.

    Attributes
    ----------
    offers : pyarrow.Table
    candidate_names : tuple of str
        All columns of the candidates table, read or not.
    customers, history : pyarrow.Table or None
    rules : sequence of CustomerRule
        Each with a name, and checked by itself, like the limits.
    limits : sequence of Limit
    value : str
        The column whose sum is maximised.
    notes : sequence of str
        What is to be known of the candidates' numbers.
    """

    offers: pa.Table
    candidate_names: tuple[str, ...]
    customers: pa.Table | None
    history: pa.Table | None
    rules: Sequence[CustomerRule]
    limits: Sequence[Limit]
    value: str
    notes: Sequence[str] = ()

    def has(self, name: str) -> bool:
        """Tell whether candidates or offers have a column.

        Parameters
        ----------
        name : str

        Returns
        -------
        bool
        """
        return name in self.candidate_names or name in self.offers.column_names

    def by_table(self, limit: Limit, name: str) -> pa.Table | None:
        """Return the table whose column `by` of a limit names; None where it is of none, or a role.

        Parameters
        ----------
        limit : Limit
        name : str
            One of its columns.

        Returns
        -------
        pyarrow.Table or None
        """
        if name in self.offers.column_names or name == "role":
            return self.offers if name in self.offers.column_names else None
        there = self.customers is not None and name in self.customers.column_names
        return self.customers if there else None

    @property
    def summed(self) -> set[str]:
        """Columns that the objective, limits and customer rules sum."""
        of_rules = {rule.sum for rule in self.rules if rule.sum is not None}
        of_limits = {column for limit in self.limits for column in limit.columns()}
        return {self.value} | of_rules | of_limits

    @property
    def asked_of_offers(self) -> set[str]:
        """Columns of offers that rules and limits ask for."""
        of_rules = {name for rule in self.rules for name in rule.asked_of_offers}
        of_limits = {
            n for limit in self.limits for n in (*limit.by_columns, *limit.asked_of_offers)
        }
        return of_rules | of_limits

    @property
    def asked_of_customers(self) -> set[str]:
        """Columns of customers that rules and limits ask for."""
        of_rules = {name for rule in self.rules for name in rule.asked_of_customers}
        known = () if self.customers is None else summable(self.customers.column_names)
        summed = {name for name in self.summed if not self.has(name) and name in known}
        by = {
            name
            for limit in self.limits
            for name in limit.by_columns
            if name != "role" and name not in self.offers.column_names
        }
        return of_rules | by | summed | {n for x in self.limits for n in x.asked_of_customers}

    @property
    def computed(self) -> set[str]:
        """Which of `cost` and `value` are summed and follow from other columns."""
        return {name for name in self.summed & {"cost", "value"} if not self.has(name)}

    @property
    def money_needed(self) -> set[str]:
        """Columns that what is summed is made of, whether they are there or not."""
        needed = set(self.summed)
        if "cost" in self.computed:
            needed |= {"response", "issue_cost", "face_value"}
        if "value" in self.computed:
            needed |= {"response", *MONEY}
        return needed

    @property
    def has_minimum(self) -> bool:
        """Whether anything asks for coupons, whatever they are worth."""
        asking = (
            any(rule.min is not None for rule in self.rules) or "mandatory" in self.candidate_names
        )
        return asking or any(
            limit.mode != "report" and (limit.min is not None or limit.table is not None)
            for limit in self.limits
        )
