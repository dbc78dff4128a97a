"""Customer rules of random campaigns about sums, different values, and offers that require others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from tests.support.newer_rules import CHANNELS

from couponry import CustomerRule

KINDS = ("sum", "requires", "distinct")
"""What `SumRules` draws rules of."""


class SumRules:
    """Draws rules of a campaign, from a generator of its own; what came of the draws is remembered in `features`.

    kinds: those to draw; with one alone it is there in any case.
    """

    def __init__(self, seed: int, kinds: tuple[str, ...] = KINDS):
        self.rng = np.random.default_rng([20261130, seed])
        self.kinds = kinds
        self.features: set[str] = set()

    def chance(self, probability: float, feature: str) -> bool:
        happens = bool(self.rng.random() < probability)
        if happens:
            self.features.add(feature)
        return happens

    def rules(
        self,
        rules: list[CustomerRule],
        offers: pa.Table,
        candidates: pa.Table,
        history: pa.Table | None,
    ) -> list[CustomerRule]:
        """Rules of these kinds among others."""
        found = list(rules)
        if "sum" in self.kinds:
            found += self.budgets(candidates) + self.floors(candidates)
        if "requires" in self.kinds:
            found += self.requirements(offers, history)
        if "distinct" in self.kinds:
            found += self.different()
        if any(rule.sum is not None for rule in found) and not any(
            rule.max is not None and rule.is_about_all for rule in found
        ):
            found.append(CustomerRule("few", max=6))
        return [found[i] for i in self.rng.permutation(len(found))]

    def scope(self) -> dict[str, Any]:
        """Whom a rule is about, and what of the history counts."""
        keys: dict[str, Any] = {}
        if self.rng.random() < 0.2:
            keys["customers"] = {"segment": ["gold", "silver"]}
            self.features.add("sum of some customers")
        return keys

    def budgets(self, candidates: pa.Table) -> list[CustomerRule]:
        """At most so much of something."""
        rng, found = self.rng, []
        has_cost = "cost" in candidates.column_names
        if self.chance(0.8 if len(self.kinds) > 1 else 1.0, "sum max"):
            most: Any = round(float(rng.uniform(0.5, 4.0)), 2)
            if self.chance(0.3, "sum max by a column"):
                most = "most"
            found.append(CustomerRule("budget", sum="cost", max=most, **self.scope()))
        if self.chance(0.4, "sum of a column of offers"):
            keys: dict[str, Any] = {"history": bool(rng.random() < 0.5)}
            if self.chance(0.5, "sum in a window"):
                keys["window"] = int(rng.integers(3, 15))
            most = round(float(rng.uniform(1.0, 5.0)), 2)
            found.append(CustomerRule("weight", sum="weight", max=most, **keys))
        if self.chance(0.3, "sum by a column"):
            most = round(float(rng.uniform(1.5, 5.0)), 3)
            found.append(CustomerRule("effort", sum="effort", by="channel", max=most))
        if has_cost and self.chance(0.3, "sum of cents"):
            most = float(rng.integers(1, 4))
            found.append(CustomerRule("cents", sum="cost", max=most, resolution=0.01))
        return found

    def floors(self, candidates: pa.Table) -> list[CustomerRule]:
        """At least so much of something, or nothing; and sums whose parts may be negative."""
        rng, found = self.rng, []
        if self.chance(0.5, "sum min"):
            where = {"channel": rng.choice(CHANNELS, 2, replace=False).tolist()}
            least = round(float(rng.uniform(0.5, 4.0)), 2)
            found.append(
                CustomerRule("floor", sum="effort", min=least, where=where, **self.scope())
            )
        if self.chance(0.3, "sum min and max"):
            low = float(rng.integers(0, 4))
            found.append(CustomerRule("points", sum="points", min=low, max=low + 3))
        if "value" in candidates.column_names and self.chance(0.3, "sum of the value"):
            found.append(CustomerRule("worth it", sum="value", min=float(rng.uniform(0.0, 3.0))))
        return found

    def requirements(self, offers: pa.Table, history: pa.Table | None) -> list[CustomerRule]:
        """Offers that are given only with others, some of them within days."""
        rng = self.rng
        if not self.chance(0.8 if len(self.kinds) > 1 else 1.0, "requires"):
            return []
        ids = offers["offer"].to_pylist()
        share = float(rng.choice([0.02, 0.06]))
        pairs = [(b, a) for n, b in enumerate(ids) for a in ids[:n] if rng.random() < share]
        if not pairs:
            pairs = [(ids[1], ids[0])]
        table: dict[str, Any] = {"offer": [b for b, _ in pairs], "requires": [a for _, a in pairs]}
        keys: dict[str, Any] = {}
        if self.chance(0.5, "requires within a column's days"):
            days = [None if rng.random() < 0.4 else int(rng.integers(0, 30)) for _ in pairs]
            table["within"] = pa.array(days, pa.int64())
        if self.chance(0.3, "requires within"):
            keys["within"] = int(rng.integers(3, 20))
        if self.chance(0.2, "requires of some customers"):
            keys["customers"] = {"segment": "gold"}
        if history is None or rng.random() < 0.3:
            keys["history"] = False
        return [CustomerRule("only with", requires=pa.table(table), **keys)]

    def different(self) -> list[CustomerRule]:
        """How many different brands, products or channels."""
        rng, found = self.rng, []
        if self.chance(0.7 if len(self.kinds) > 1 else 1.0, "distinct min"):
            name = str(rng.choice(["brand", "supplier", "channel"]))
            found.append(CustomerRule("wide", distinct=name, min=int(rng.integers(2, 4))))
        if self.chance(0.5, "distinct max"):
            keys: dict[str, Any] = {"history": bool(rng.random() < 0.5)}
            if rng.random() < 0.4:
                keys["window"] = int(rng.integers(5, 15))
            name = str(rng.choice(["brand", "channel", "product"]))
            found.append(CustomerRule("narrow", distinct=name, max=int(rng.integers(1, 3)), **keys))
        return found
