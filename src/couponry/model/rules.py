"""Customer rules: what holds for every customer on its own, and what is known of the customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..data import tables
from ..data.filters import Where
from ..solver.rule_names import UNLIMITED
from ..utils.checks import check_name, is_number, refuse_unknown_keys
from ..utils.errors import InvalidInput

MANDATORY = "mandatory offers"
"""What infeasible campaigns call mandatory offers: no rule has this name."""


@dataclass(frozen=True)
class CustomerRule:
    """At least `min` and at most `max` coupons for each customer, among those that `where` is about.

    max, min: a whole number, or the name of an integer column of `customers`.
    by: a column of offers, or `role`: the bound holds for each distinct value; where the column holds lists an offer
    counts for each of its values.
    where: conditions on columns of offers and on `role`; see the campaign format.
    conflicts: instead of all these, pairs of offers of which a customer gets at most one: a table with the columns
    `offer_a` and `offer_b`, a path or anything Arrow.

    A customer who cannot have as many as `min` gets as many as it can.
    """

    name: str = ""
    max: int | str | None = None
    min: int | str | None = None
    by: str | None = None
    where: Where = field(default_factory=dict)
    conflicts: Any = None

    @property
    def label(self) -> str:
        return f"customer_rule {self.name!r}"

    @classmethod
    def parse(cls, spec: Mapping[str, Any], number: int) -> CustomerRule:
        """From a table of campaign.toml; unknown keys and wrong types are refused."""
        label = f"customer_rule {spec.get('name', number)!r}"
        refuse_unknown_keys(spec, cls.__dataclass_fields__, label)
        if "name" in spec:
            check_name(spec["name"], label)
        return cls(**{"name": f"rule {number}", **spec})

    def check(self) -> None:
        """Refuse what makes no sense in itself, by name."""
        label = self.label
        if self.conflicts is not None:
            for key in ("max", "min", "by", "where"):
                if getattr(self, key):
                    raise InvalidInput(f"{label}: expected conflicts or {key}, got both")
            return
        for key in ("max", "min"):
            bound = getattr(self, key)
            if bound is None or (isinstance(bound, str) and bound):
                continue
            if not is_number(bound) or not 0 <= bound <= UNLIMITED or bound != int(bound):
                raise InvalidInput(
                    f"{label}: {key}: expected a whole number from 0 up or a column of customers, got {bound!r}"
                )
        if self.max is None and self.min is None:
            raise InvalidInput(f"{label}: expected max, min or conflicts, got none of them")
        if not isinstance(self.where, Mapping):
            raise InvalidInput(
                f"{label}: where: expected a table of conditions, got {self.where!r}"
            )
        if self.by is not None and not isinstance(self.by, str):
            raise InvalidInput(f"{label}: by: expected a column of offers, got {self.by!r}")
        if is_number(self.min) and is_number(self.max) and self.min > self.max:
            raise InvalidInput(f"{label}: min {self.min} is above max {self.max}")


def expected_sets(rules: Sequence[CustomerRule], width: float, offers: int) -> float:
    """About how many sets rules that overlap, conflict or ask for minimums come to, for a customer.

    width: candidates of a customer, taken to be any of the offers. Pairs in conflict count one by one, though some of
    them share a set; a rule by a column as often as its bound can be too much; 0.0 where no customer needs sets.
    """
    within = [rule for rule in rules if rule.conflicts is None and (rule.by or rule.where)]
    pairs = [
        tables.as_table(rule.conflicts, f"of {rule.label}").num_rows
        for rule in rules
        if rule.conflicts is not None
    ]
    if not pairs and len(within) < 2 and all(rule.min is None for rule in within):
        return 0.0
    share = sum(pairs) / max(1.0, offers * (offers - 1) / 2)
    expected = min(1.0, share) * width * max(0.0, width - 1) / 2
    for rule in within:
        most = rule.max if isinstance(rule.max, (int, float)) and rule.min is None else 0
        expected += width / (most + 1) if rule.by else 1.0
    return expected
