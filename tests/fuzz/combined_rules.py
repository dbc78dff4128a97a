"""Households, sums, requirements, different values and costs of messages, drawn after all else of a campaign."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.fuzz.reading import Reading
from tests.fuzz.small_campaign import Row, SmallCampaign

from couponry import CustomerRule

UNIT = "household"

MOST_OF_A_UNIT = 9
"""Candidates of a household: every set of them is looked at."""


class CombinedRules:
    """Adds rules, and puts customers into households.

    The generator is one of its own, made of the tables: what is drawn besides stays what it is.
    """

    def __init__(self, small: SmallCampaign, features: set[str]):
        self.small, self.features = small, features
        self.random = random.Random(repr((small.offers, small.candidates)))

    def chance(self, probability: float, feature: str) -> bool:
        """Whether something is drawn, which is remembered."""
        happens = self.random.random() < probability
        if happens:
            self.features.add(feature)
        return happens

    def campaign(self) -> SmallCampaign:
        """The campaign with more rules; half of them stay as they are."""
        if self.random.random() < 0.5:
            return self.small
        small = self.small
        if small.customers is not None and self.chance(0.6, "households"):
            small = self.in_households(small.customers)
        rules = [*small.rules, *self.sums(), *self.different(), *self.requirements()]
        rules += self.costs()
        if small.unit is not None:
            rules = [self.each_or_together(rule) for rule in rules]
        self.random.shuffle(rules)
        return replace(small, rules=rules)

    def in_households(self, customers: list[Row]) -> SmallCampaign:
        """Customers of one to three in a household; some have none."""
        rng = self.random
        count: dict[Any, int] = {}
        for row in self.small.candidates:
            count[row["customer"]] = count.get(row["customer"], 0) + 1
        home: dict[Any, str | None] = {}
        number, inside, size = 0, 0, rng.randrange(1, 4)
        people = [row["customer"] for row in customers]
        for who in rng.sample(people, len(people)):
            if inside + count.get(who, 0) > MOST_OF_A_UNIT or not size:
                number, inside, size = number + 1, 0, rng.randrange(1, 4)
            home[who] = None if rng.random() < 0.1 else f"h{number}"
            inside, size = inside + count.get(who, 0), size - 1
        named = [{**row, UNIT: home[row["customer"]]} for row in customers]
        return replace(self.small, customers=named, unit=UNIT)

    def each_or_together(self, rule: CustomerRule) -> CustomerRule:
        """A rule for each customer of a household, where it must be so: what they say may differ."""
        asks = rule.customers or isinstance(rule.max, str) or isinstance(rule.min, str)
        if rule.cost is not None:
            return rule
        if not asks and not self.chance(0.4, "rule: each"):
            return rule
        return replace(rule, each="customer")

    def where(self) -> dict[str, Any]:
        """Some offers."""
        if self.random.random() < 0.6:
            return {}
        points = sorted({row["points"] for row in self.small.offers})
        return {"points": self.random.sample(points, self.random.randrange(1, len(points) + 1))}

    def keys(self) -> dict[str, Any]:
        """What a rule may have besides."""
        keys: dict[str, Any] = {"where": self.where()}
        if self.random.random() < 0.25:
            keys["by"] = self.random.choice(["brand", "channels", "product"])
        if self.random.random() < 0.3:
            keys["history"] = True
        return keys

    def sums(self) -> list[CustomerRule]:
        """Sums of whole numbers: what is counted in millionths is not rounded."""
        rng, found = self.random, []
        if self.chance(0.4, "rule: sum max"):
            keys = self.keys()
            if rng.random() < 0.4:
                keys["window"] = rng.randrange(1, 8)
            most = rng.randrange(0, 9)
            found.append(CustomerRule("weight", sum="points", max=most, **keys))
        if self.chance(0.3, "rule: sum min"):
            least = rng.randrange(1, 7)
            keys = self.keys()
            if rng.random() < 0.4:
                keys["max"] = least + rng.randrange(0, 4)
            found.append(CustomerRule("worth it", sum="points", min=least, **keys))
        return found

    def different(self) -> list[CustomerRule]:
        """Numbers of different values."""
        rng, found = self.random, []
        if self.chance(0.3, "rule: distinct min"):
            name = rng.choice(["brand", "product"])
            found.append(
                CustomerRule("wide", distinct=name, min=rng.randrange(1, 4), **self.keys())
            )
        if self.chance(0.25, "rule: distinct max"):
            keys = self.keys()
            if rng.random() < 0.4:
                keys["window"] = rng.randrange(1, 8)
            name = rng.choice(["brand", "product"])
            found.append(CustomerRule("narrow", distinct=name, max=rng.randrange(0, 3), **keys))
        return found

    def requirements(self) -> list[CustomerRule]:
        """Offers that are given only with others."""
        rng = self.random
        ids = [row["offer"] for row in self.small.offers]
        if len(ids) < 2 or not self.chance(0.4, "rule: requires"):
            return []
        drawn = [sorted(rng.sample(range(len(ids)), 2)) for _ in range(rng.randrange(1, 4))]
        table: dict[str, Any] = {
            "offer": [ids[b] for _, b in drawn],
            "requires": [ids[a] for a, _ in drawn],
        }
        keys: dict[str, Any] = {}
        if rng.random() < 0.4:
            keys["within"] = rng.randrange(0, 9)
        if rng.random() < 0.3:
            keys["history"] = False
        return [CustomerRule("only with", requires=table, **keys)]

    def costs(self) -> list[CustomerRule]:
        """What messages cost, around what coupons are worth."""
        rng = self.random
        if not self.chance(0.4, "rule: costs of messages"):
            return []
        values = sorted(abs(value) for value in Reading(self.small).value)
        typical = float(values[len(values) // 2]) or 1.0
        steps = sorted(rng.choice([0.0, rng.random(), 2 * rng.random()]) for _ in range(3))
        cost = [typical * step for step in steps[: rng.randrange(1, 4)]]
        keys = self.keys()
        keys.pop("by", None)
        return [CustomerRule("messages", cost=cost, **keys)]


def scaled(rules: Sequence[CustomerRule], factor: float) -> list[CustomerRule]:
    """The rules with costs of messages times so much."""
    return [
        rule
        if rule.cost is None
        else replace(rule, cost=[float(cost) * factor for cost in rule.cost])
        for rule in rules
    ]
