"""What is checked before anything is compiled: a campaign's tables, rules and limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from ..compiling.measures import MONEY
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

    @property
    def summed(self) -> set[str]:
        """Columns that the objective and limits sum."""
        return {self.value, *(column for limit in self.limits for column in limit.columns())}

    @property
    def asked_of_offers(self) -> set[str]:
        """Columns of offers that rules and limits ask for."""
        of_rules = {name for rule in self.rules for name in rule.asked_of_offers}
        of_limits = {name for limit in self.limits for name in (limit.by, *limit.where)}
        return of_rules | {name for name in of_limits if name is not None}

    @property
    def asked_of_customers(self) -> set[str]:
        """Columns of customers that rules and limits ask for."""
        of_rules = {name for rule in self.rules for name in rule.asked_of_customers}
        return of_rules | {name for limit in self.limits for name in limit.customers}

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
