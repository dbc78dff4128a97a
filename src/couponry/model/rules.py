"""Customer rules: bounds that hold for the coupons of each customer alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..data import tables
from ..data.where.days import DAY
from ..data.where.filters import Where
from ..solver.rule_names import UNLIMITED
from ..utils.checks import (
    check_flag,
    check_name,
    is_number,
    is_text,
    is_whole,
    refuse_unknown_keys,
    shown,
)
from ..utils.errors import InvalidInput
from ..utils.table_types import Table
from .arguments.message_costs import check_costs

MANDATORY = "mandatory offers"
"""What infeasible campaigns call mandatory offers: no rule has this name."""

BOUNDS_AND_PAIRS = (
    *("max", "min", "by", "window", "sum", "resolution", "distinct"),
    *("conflicts", "requires"),
)
"""Fields of which some say what a rule is about."""

CUSTOMER = "customer"
"""What `each` may be."""

MOST_DAYS = 100_000
"""The longest window: some 270 years."""

FINEST = 1e-6
"""What sums are counted in whole multiples of, unless a rule says otherwise: a ten-thousandth of a cent."""

LARGEST_AMOUNT = 1e30
"""The largest bound of a sum."""

WITHIN = "within"
"""Column of a table of requirements: at most how many days earlier."""


@dataclass(frozen=True)
class CustomerRule:
    """Bounds on the coupons of each customer, or pairs of offers that a customer does not, or only does, get together.

    Every `max`, every conflict and every requirement is kept, and so are all bounds of sums and of different values. A
    customer who cannot have as many coupons as `min` gets as many as it can. Rules may overlap in any way.

    Parameters
    ----------
    name : str
        What results and messages call the rule. Default: ``"rule 1"``, ``"rule 2"``, and so on.
    max : int or str, optional
        At most so many coupons; or the name of an integer column of `customers` that says how many.
    min : int or str, optional
        At least so many coupons, likewise.
    by : str, optional
        A column of `offers`, or ``"role"``: the bounds hold for each of its distinct values. Where the column holds
        lists an offer counts for each of its values.
    where : mapping, optional
        Which offers the rule is about: conditions on columns of `offers` and on ``role``. A condition is a value, a
        list of values (any of them), or a range ``{"min": ..., "max": ...}`` (both ends in). Default: all offers.
    customers : mapping, optional
        Which customers the rule is about: conditions on columns of `customers`. Default: all customers.
    window : int, optional
        Days: `max` holds for every so many days on end of the column `day`, whichever they begin with. ``window=7,
        max=1`` also keeps any two coupons a week apart.
    sum : str, optional
        `max` and `min` bound the sum of this column of candidates, offers or customers, `"cost"` or `"value"` over the
        coupons of each customer, in place of their number; any numbers, or numeric columns of `customers`. Bounds hold
        wherever a customer is given any of the offers that the rule is about: ``min=10`` says at least 10, or nothing.
    resolution : float, optional
        Of `sum`: amounts are added up in whole multiples of it. What lies between two of them is rounded to the side on
        which bounds are kept. Default: a millionth.
    distinct : str, optional
        `max` and `min` bound how many different values of this column of `offers` the coupons of each customer have, in
        place of their number: ``min=3`` says at least three, or as many as its candidates have, or nothing.
    requires : table or path, optional
        Instead of bounds: offers in the column `offer` that are given only with those in the column `requires`: earlier
        or together in this plan, or in the history. A column `within` says at most how many days earlier.
    conflicts : table or path, optional
        Instead of bounds: pairs of offers in the columns `offer_a` and `offer_b`. A customer gets at most one of each
        pair.
    within : int, optional
        Of `conflicts`: only offers whose `day` is at most so many days apart are in conflict. Of `requires`: at most so
        many days earlier. Default: however far.
    ordered : bool
        Of `conflicts`: only an `offer_b` whose `day` is that of `offer_a` or later is in conflict with it.
    each : {"customer"}, optional
        In a campaign whose unit is several customers, a household: the rule holds for each customer of it. Default: for
        what its customers get together.
    cost : sequence of float or of str, optional
        In place of bounds: what a customer's first message costs, the second, and so on, off the objective; or the
        names of columns of `customers` that say so. A customer gets at most as many as there are costs, and no cost is
        below the one before.
    history : bool or mapping, optional
        Whether coupons of the history count, or which: conditions on columns of `history`. Default: they count in rules
        about a `day` (by `where`, `by` or `window`), in conflicts and `requires`, and in no others.
    may_be_empty : bool
        Whether it is meant that the rule may concern nobody, because values of its conditions occur nowhere. Else
        `solve` warns, and refuses values that can only be slips of others.

    Raises
    ------
    InvalidInput
        When a campaign is made with it, if the rule makes no sense.

    See Also
    --------
    Limit : Bounds over the coupons of many customers.

    Examples
    --------
    At most 16 coupons for each customer, and one of each product:

    >>> import couponry
    >>> rules = [
    ...     couponry.CustomerRule("slots", max=16),
    ...     couponry.CustomerRule("one per product", by="product", max=1),
    ... ]

    At most three e-mails in any four weeks, and never two offers together:

    >>> rules += [
    ...     couponry.CustomerRule("e-mails", max=3, window=28, where={"channel": "email"}),
    ...     couponry.CustomerRule("apart", conflicts={"offer_a": [1], "offer_b": [2]}),
    ... ]
    >>> offers = {"offer": [1, 2], "product": ["x", "y"], "channel": ["email", "mail"], "day": [3, 9]}
    >>> candidates = {"customer": [7, 7], "offer": [1, 2], "value": [2.0, 3.0]}
    >>> result = couponry.Campaign(offers, candidates, rules=rules).solve()
    >>> result.allocation.to_arrow().to_pylist()
    [{'customer': 7, 'offer': 2, 'value': 3.0}]
    """

    name: str = ""
    max: float | str | None = None
    min: float | str | None = None
    by: str | None = None
    where: Where = field(default_factory=dict)
    customers: Where = field(default_factory=dict)
    window: int | None = None
    sum: str | None = None
    resolution: float | None = None
    distinct: str | None = None
    requires: Table | None = None
    conflicts: Table | None = None
    within: int | None = None
    ordered: bool = False
    each: Literal["customer"] | None = None
    cost: Sequence[float | str] | None = None
    history: bool | Where | None = None
    may_be_empty: bool = False

    @property
    def label(self) -> str:
        """What messages call the rule."""
        return f"customer_rule {self.name!r}"

    @property
    def is_about_all(self) -> bool:
        """Whether the rule bounds all coupons of a unit. A field that narrows its offers belongs in here."""
        narrowed = self.by or self.where or self.window is not None or self.each is not None
        return self.has_bounds and not self.is_measured and not narrowed

    @property
    def has_bounds(self) -> bool:
        """Whether the rule has bounds, rather than pairs of offers."""
        return self.conflicts is None and self.requires is None

    @property
    def is_measured(self) -> bool:
        """Whether its bounds are those of a sum, or of a number of different values, rather than of coupons."""
        return self.sum is not None or self.distinct is not None

    @property
    def resolution_of_sum(self) -> float:
        """What amounts are counted in whole multiples of."""
        return FINEST if self.resolution is None else float(self.resolution)

    @property
    def counts_history(self) -> bool:
        """Whether coupons of the history count: where nothing is said, those of rules about days and of conflicts."""
        if self.history is not None:
            return self.history is not False
        return not self.has_bounds or self.is_about_days

    @property
    def is_about_days(self) -> bool:
        """Whether the rule says something of days."""
        return self.measures_days or self.by == DAY or DAY in self.where

    @property
    def measures_days(self) -> bool:
        """Whether the rule asks how many days lie between coupons."""
        if self.window is not None or self.within is not None or self.ordered:
            return True
        return self.requires is not None and has_column(self.requires, WITHIN, self.label)

    @property
    def asked_of_offers(self) -> set[str]:
        """Columns of offers that the rule asks for, `role` among them."""
        named = {self.by, self.distinct, *self.where, DAY if self.measures_days else None}
        return {name for name in named if name is not None}

    @property
    def asked_of_customers(self) -> set[str]:
        """Columns of customers that the rule asks for."""
        named = {bound for bound in (self.min, self.max) if isinstance(bound, str)}
        return (
            named | {cost for cost in self.cost or () if isinstance(cost, str)} | {*self.customers}
        )

    @property
    def asked_of_history(self) -> set[str]:
        """Columns of the history, or of its rows' offers, that the rule asks for where the history counts."""
        return self.asked_of_offers | ({self.sum} if self.sum is not None else set())

    @property
    def asked_of_history_alone(self) -> Where:
        """Conditions on columns that only the history has."""
        return self.history if isinstance(self.history, Mapping) else {}

    @classmethod
    def parse(cls, spec: Mapping[str, Any], number: int) -> CustomerRule:
        """Make a rule of a table of campaign.toml.

        Parameters
        ----------
        spec : mapping
            The table; keys are the parameters of this class.
        number : int
            Which rule of the file it is, for its name where it has none.

        Returns
        -------
        CustomerRule

        Raises
        ------
        InvalidInput
            Where a key is unknown or the name is no text.
        """
        name = spec.get("name")
        label = f"customer_rule {name!r}" if is_text(name) else f"customer_rule {number}"
        refuse_unknown_keys(spec, cls.__dataclass_fields__, label)
        if "name" in spec:
            check_name(spec["name"], label)
        return cls(**{"name": f"rule {number}", **spec})

    def check(self) -> None:
        """Refuse a rule that makes no sense, whatever the campaign.

        Raises
        ------
        InvalidInput
        """
        label = self.label
        check_flag(self.may_be_empty, f"{label}: may_be_empty")
        check_flag(self.ordered, f"{label}: ordered")
        if self.each is not None and not (is_text(self.each) and self.each == CUSTOMER):
            raise InvalidInput(f"{label}: each: expected {CUSTOMER!r}, got {shown(self.each)}")
        self._check_scope()
        if self.cost is not None:
            self._check_costs(self.cost)
            return
        if not self.has_bounds:
            self._check_pairs("requires" if self.conflicts is None else "conflicts")
            return
        if self.within is not None or self.ordered:
            key = "ordered" if self.within is None else "within"
            raise InvalidInput(f"{label}: {key}: expected conflicts beside it, got none")
        self._check_measure()
        self._check_bounds()
        if not isinstance(self.where, Mapping):
            raise InvalidInput(
                f"{label}: where: expected a table of conditions, got {shown(self.where)}"
            )
        if self.by is not None and not isinstance(self.by, str):
            raise InvalidInput(f"{label}: by: expected a column of offers, got {shown(self.by)}")
        self._check_days("window", 1)
        if self.window is not None and self.min is not None:
            raise InvalidInput(f"{label}: window: expected max, got min {shown(self.min)}")

    def _check_costs(self, costs: Any) -> None:
        """Refuse costs of messages that make no sense, or stand beside something else."""
        for key in (*BOUNDS_AND_PAIRS, "each"):
            if getattr(self, key) is not None:
                raise InvalidInput(
                    f"{self.label}: cost: expected a rule of its own, got {key} beside it"
                )
        check_costs(costs, f"{self.label}: cost")

    def _check_pairs(self, what: str) -> None:
        """Refuse what makes no sense beside pairs of offers."""
        given = [key for key in BOUNDS_AND_PAIRS if key != what and getattr(self, key) is not None]
        if not isinstance(self.where, Mapping) or len(self.where):
            given.append("where")
        if self.ordered and what == "requires":
            given.append("ordered")
        if given:
            raise InvalidInput(f"{self.label}: expected {what} or {given[0]}, got both")
        self._check_days("within", 0)

    def _check_measure(self) -> None:
        """Refuse a sum or a number of different values that makes no sense."""
        for key in ("sum", "distinct"):
            column = getattr(self, key)
            if column is not None and not is_text(column):
                raise InvalidInput(f"{self.label}: {key}: expected a column, got {shown(column)}")
        if self.sum is not None and self.distinct is not None:
            raise InvalidInput(f"{self.label}: expected sum or distinct, got both")
        resolution = self.resolution
        if resolution is None:
            return
        if self.sum is None:
            raise InvalidInput(f"{self.label}: resolution: expected sum beside it, got none")
        if not is_number(resolution) or not 1e-30 <= resolution <= 1e30:
            raise InvalidInput(
                f"{self.label}: resolution: expected a number above 0, from 1e-30 to 1e30, got {shown(resolution)}"
            )

    def _check_bounds(self) -> None:
        """Refuse bounds that make no sense, and a rule without any."""
        label = self.label
        for key in ("max", "min"):
            bound = getattr(self, key)
            if bound is None or is_text(bound):
                continue
            if self.sum is not None:
                if not is_number(bound) or not abs(bound) <= LARGEST_AMOUNT:
                    raise InvalidInput(
                        f"{label}: {key}: expected a number from {-LARGEST_AMOUNT:g} to {LARGEST_AMOUNT:g} or a column "
                        f"of customers, got {shown(bound)}"
                    )
                continue
            if not is_number(bound) or not 0 <= bound <= UNLIMITED or bound != int(bound):
                raise InvalidInput(
                    f"{label}: {key}: expected a whole number from 0 to {UNLIMITED:,} or a column of customers, "
                    f"got {shown(bound)}"
                )
        if self.max is None and self.min is None:
            raise InvalidInput(f"{label}: expected max, min or conflicts, got none of them")
        if is_number(self.min) and is_number(self.max) and self.min > self.max:
            raise InvalidInput(f"{label}: min {self.min} is above max {self.max}")

    def _check_scope(self) -> None:
        """Refuse a scope or a part of the history that makes no sense."""
        if not isinstance(self.customers, Mapping):
            raise InvalidInput(
                f"{self.label}: customers: expected a table of conditions, got {shown(self.customers)}"
            )
        if isinstance(self.history, Mapping) and self.history:
            return
        if self.history is not None and not isinstance(self.history, bool):
            raise InvalidInput(
                f"{self.label}: history: expected true, false or a table of conditions, got {shown(self.history)}"
            )

    def _check_days(self, key: str, least: int) -> None:
        """Refuse a number of days that is none."""
        days = getattr(self, key)
        if days is None or (is_whole(days) and least <= days <= MOST_DAYS):
            return
        raise InvalidInput(
            f"{self.label}: {key}: expected a whole number of days from {least} to {MOST_DAYS:,}, got {shown(days)}"
        )


def has_column(table: Table, name: str, label: str) -> bool:
    """Tell whether a rule's table has a column.

    Parameters
    ----------
    table : table or path
    name : str
    label : str
        The rule, for messages.

    Returns
    -------
    bool
    """
    return name in tables.as_table(table, f"of {label}").column_names
