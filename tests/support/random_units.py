"""Random campaigns whose customers live in households."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.oracle import Oracle
from tests.support.random_campaigns import SUMS, RandomCampaign, draw

from couponry import Campaign, CustomerRule, Limit

UNIT = "household"
ALIKE = ("segment", "most", "least", "few", "age")


@dataclass(frozen=True)
class UnitCampaign:
    """A random campaign with households; every limit's bounds are set around an allocation that keeps the rules."""

    drawn: RandomCampaign
    customers: pa.Table
    rules: list[CustomerRule]
    limits: list[Limit]
    features: set[str]
    planted: NDArray[np.bool_]

    @property
    def seed(self) -> int:
        return self.drawn.seed

    @property
    def parts(self) -> dict[str, Any]:
        return {
            "rules": self.rules,
            "limits": self.limits,
            "value": self.drawn.value,
            "history": self.drawn.history,
            "unit": UNIT,
        }

    def campaign(self, **changes: Any) -> Campaign:
        """For couponry."""
        parts = self.parts | changes
        return Campaign(self.drawn.offers, self.drawn.candidates, self.customers, **parts)

    def oracle(self, **changes: Any) -> Oracle:
        """For HiGHS."""
        parts = self.parts | changes
        return Oracle(self.drawn.offers, self.drawn.candidates, self.customers, **parts)


def draw_units(seed: int, largest: int = 300, *, narrow: bool = False) -> UnitCampaign:
    """The campaign of a seed with households of one to five; some customers have none."""
    return in_households(draw(seed, largest, narrow=narrow), with_costs=seed >= SUMS)


def in_households(drawn: RandomCampaign, *, with_costs: bool) -> UnitCampaign:
    """A campaign's customers in households, whose messages may cost something."""
    seed = drawn.seed
    rng = np.random.default_rng([20261130, seed])
    features: set[str] = set()
    count = drawn.customers.num_rows
    household = rng.integers(0, max(1, int(count / rng.uniform(1.2, 2.6))), count)
    size = np.bincount(household)
    while size.max() > 6:  # a few candidates each: HiGHS has to keep up
        crowded = np.flatnonzero(size[household] > 6)
        household[crowded] = rng.integers(0, len(size), len(crowded))
        size = np.bincount(household, minlength=len(size))
    alone = rng.random(count) < 0.1
    names = [None if a else f"h{h}" for h, a in zip(household, alone, strict=True)]
    customers = drawn.customers.append_column(UNIT, pa.array(names, pa.string()))
    alike = bool(rng.random() < 0.5)
    if alike:
        features.add("households alike")
        first = {name: n for n, name in reversed(list(enumerate(names))) if name is not None}
        row = pa.array([first.get(name, n) for n, name in enumerate(names)])
        for column in ALIKE:
            place = customers.column_names.index(column)
            customers = customers.set_column(place, column, customers[column].take(row))
    rules = []
    for rule in drawn.rules:
        by_customer = rule.customers or isinstance(rule.max, str) or isinstance(rule.min, str)
        each = (by_customer and not alike) or rng.random() < 0.4
        kind = kind_of(rule, by_customer=by_customer)
        features.add(f"{kind} of {'each' if each else 'units'}")
        rules.append(replace(rule, each="customer" if each else None))
    if with_costs and rng.random() < 0.5:
        features.add("costs of messages")
        rules.append(message_costs(drawn.oracle().value, rng))
    limits = [limit for limit in drawn.limits if limit.mode != "hard"]
    found = UnitCampaign(drawn, customers, rules, [], features, drawn.planted)
    bare = found.oracle()
    reach = bare.reach()
    weight = rng.normal(size=len(bare.value)) + bare.value / (float(bare.value.std()) or 1.0)
    planted = bare.best_under_rules(weight, reach)
    for limit in drawn.limits:
        if limit.mode == "hard" and limit.table is None:
            limits += _around(found.oracle(limits=[limit]), planted, limit, rng)
    if any(limit.customers for limit in limits):
        features.add("segments within households" if not alike else "segments of households")
    return replace(found, limits=limits, planted=planted)


def message_costs(value: NDArray[np.float64], rng: np.random.Generator) -> CustomerRule:
    """What messages cost, a share of what coupons (e) are worth."""
    typical = float(np.median(np.abs(value)))
    steps = np.sort(rng.choice([0.0, 0.1, 0.3], 6) * rng.random(6)) * typical
    return CustomerRule("messages", cost=steps.tolist())


def kind_of(rule: CustomerRule, *, by_customer: bool) -> str:
    """What a rule is about."""
    for key in ("conflicts", "requires", "distinct", "sum"):
        if getattr(rule, key) is not None:
            return key + (" by customer" if by_customer else "")
    return "bounds by customer" if by_customer else "bounds"


def _around(
    oracle: Oracle, planted: np.ndarray, limit: Limit, rng: np.random.Generator
) -> list[Limit]:
    """A limit whose bounds an allocation just keeps."""
    achieved = [oracle.activity(measure, planted) for measure in oracle.measures]
    achieved = [value for value in achieved if np.isfinite(value)]
    if not achieved:
        return []
    low, high = min(achieved), max(achieved)
    slack = float(rng.choice([0.0, 0.02, 0.2]))
    return [
        replace(
            limit,
            min=None if limit.min is None else low - slack * abs(low) - 1e-9 * abs(low),
            max=None if limit.max is None else high + slack * abs(high) + 1e-9 * abs(high),
        )
    ]
