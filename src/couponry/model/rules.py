"""Customer rules: bounds that hold for the coupons of each customer alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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

MANDATORY = "mandatory offers"
"""What infeasible campaigns call mandatory offers: no rule has this name."""

CUSTOMER = "customer"
"""What `each` may be."""

MOST_DAYS = 100_000
"""The longest window: some 270 years."""


@dataclass(frozen=True)
class CustomerRule:
    """Bounds on the coupons of each customer, or pairs of offers of which a customer gets at most one.

    Every `max` and every conflict is kept. A customer who cannot have as many coupons as `min` gets as many as it can.
    Rules may overlap in any way.

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
    conflicts : table or path, optional
        Instead of bounds: pairs of offers in the columns `offer_a` and `offer_b`. A customer gets at most one of each
        pair.
    within : int, optional
        Of `conflicts`: only offers whose `day` is at most so many days apart are in conflict. Default: however far.
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
        about a `day` (by `where`, `by` or `window`) and in conflicts, and in no others.
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
    max: int | str | None = None
    min: int | str | None = None
    by: str | None = None
    where: Where = field(default_factory=dict)
    customers: Where = field(default_factory=dict)
    window: int | None = None
    conflicts: Table | None = None
    within: int | None = None
    ordered: bool = False
    each: str | None = None
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
        return self.conflicts is None and not narrowed

    @property
    def counts_history(self) -> bool:
        """Whether coupons of the history count: where nothing is said, those of rules about days and of conflicts."""
        if self.history is not None:
            return self.history is not False
        return self.conflicts is not None or self.is_about_days

    @property
    def is_about_days(self) -> bool:
        """Whether the rule says something of days."""
        return self.measures_days or self.by == DAY or DAY in self.where

    @property
    def measures_days(self) -> bool:
        """Whether the rule asks how many days lie between coupons."""
        return self.window is not None or self.within is not None or self.ordered

    @property
    def asked_of_offers(self) -> set[str]:
        """Columns of offers that the rule asks for, `role` among them."""
        named = {self.by, *self.where, DAY if self.measures_days else None}
        return {name for name in named if name is not None}

    @property
    def asked_of_customers(self) -> set[str]:
        """Columns of customers that the rule asks for."""
        named = {bound for bound in (self.min, self.max) if isinstance(bound, str)}
        return (
            named | {cost for cost in self.cost or () if isinstance(cost, str)} | {*self.customers}
        )

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
        if self.each not in (None, CUSTOMER):
            raise InvalidInput(f"{label}: each: expected {CUSTOMER!r}, got {shown(self.each)}")
        self._check_scope()
        if self.cost is not None:
            check_costs(self)
            return
        if self.conflicts is not None:
            given = [
                key for key in ("max", "min", "by", "window") if getattr(self, key) is not None
            ]
            if not isinstance(self.where, Mapping) or len(self.where):
                given.append("where")
            if given:
                raise InvalidInput(f"{label}: expected conflicts or {given[0]}, got both")
            self._check_days("within", 0)
            return
        if self.within is not None or self.ordered:
            key = "ordered" if self.within is None else "within"
            raise InvalidInput(f"{label}: {key}: expected conflicts beside it, got none")
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

    def _check_bounds(self) -> None:
        """Refuse bounds that make no sense, and a rule without any."""
        label = self.label
        for key in ("max", "min"):
            bound = getattr(self, key)
            if bound is None or is_text(bound):
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


MOST_MESSAGES = 64
"""Costs of a rule, at most: each of them is a candidate more of every unit."""


def check_costs(rule: CustomerRule) -> None:
    """Refuse a rule whose costs of messages make no sense.

    Parameters
    ----------
    rule : CustomerRule
        With costs.

    Raises
    ------
    InvalidInput
    """
    label, costs = f"{rule.label}: cost", rule.cost
    for key in ("max", "min", "by", "window", "conflicts", "each"):
        if getattr(rule, key) is not None:
            raise InvalidInput(f"{label}: expected a rule of its own, got {key} beside it")
    if isinstance(costs, (str, Mapping)) or not isinstance(costs, Sequence) or not len(costs):
        raise InvalidInput(
            f"{label}: expected a list of numbers or of columns of customers, got {shown(costs)}"
        )
    if len(costs) > MOST_MESSAGES:
        raise InvalidInput(f"{label}: expected at most {MOST_MESSAGES} costs, got {len(costs):,}")
    if all(is_text(cost) for cost in costs):
        return
    before = 0.0
    for number, cost in enumerate(costs, 1):
        if not is_number(cost) or not 0 <= cost <= LARGEST_COST:
            raise InvalidInput(
                f"{label} {number}: expected a number from 0 up, as the others, or columns for all of them, "
                f"got {shown(cost)}"
            )
        if cost < before:
            raise InvalidInput(
                f"{label} {number}: {cost} is below {before}, that of the one before: {WHY_NOT_LESS}"
            )
        before = float(cost)


LARGEST_COST = 1e30
"""Of a message."""

WHY_NOT_LESS = (
    "messages that grow cheaper may pay together alone, and the best ones are not found one by one"
)
"""Why costs must not fall."""


def expected_constraints(rules: Sequence[CustomerRule], width: float, n_offers: int) -> float:
    """Estimate how many cardinality constraints rules come to, for a customer.

    Pairs in conflict count one by one, though some of them share a constraint; a rule by a column as often as its bound
    can be too much.

    Parameters
    ----------
    rules : sequence of CustomerRule
    width : float
        Candidates of a customer, taken to be any of the offers.
    n_offers : int

    Returns
    -------
    float
        0.0 where no customer needs any: unless rules overlap, conflict or ask for minimums.
    """
    within = [rule for rule in rules if rule.conflicts is None and not rule.is_about_all]
    pairs = [
        tables.as_table(rule.conflicts, f"of {rule.label}").num_rows
        for rule in rules
        if rule.conflicts is not None
    ]
    laminar = all(rule.min is None and rule.window is None for rule in within)
    if not pairs and len(within) < 2 and laminar:
        return 0.0
    share = sum(pairs) / max(1.0, n_offers * (n_offers - 1) / 2)
    expected: float = min(1.0, share) * width * max(0.0, width - 1) / 2
    for rule in within:
        most = rule.max if isinstance(rule.max, (int, float)) and rule.min is None else 0
        expected += width / (most + 1) if rule.by or rule.window else 1.0
    return expected
