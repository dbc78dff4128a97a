"""Customer rules of random campaigns that are about days on end, some customers, or parts of the history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from couponry import CustomerRule

CHANNELS = ("mail", "email", "app", "till")


class NewerRules:
    """Draws rules of a campaign, from a generator of its own; what came of the draws is remembered in `features`."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng([20261129, seed])
        self.features: set[str] = set()

    def part_of_history(self) -> Any:
        """Whether history counts for a rule, or which of it."""
        kinds = [None, False, *([{"redeemed": True}] if "dated history" in self.features else [])]
        return kinds[self.rng.integers(len(kinds))]

    def chance(self, probability: float, feature: str) -> bool:
        happens = bool(self.rng.random() < probability)
        if happens:
            self.features.add(feature)
        return happens

    def history(
        self, offers: pa.Table, candidates: pa.Table, known: pa.Table | None
    ) -> pa.Table | None:
        """What customers have had, some of it long ago, some of it redeemed."""
        rng = self.rng
        if not self.chance(0.8, "dated history"):
            return known
        rows = rng.integers(0, candidates.num_rows, candidates.num_rows // 12)
        day = [int(d) if d > -25 else None for d in rng.integers(-30, 29, len(rows))]
        drawn = rng.random(len(rows))
        return pa.table(
            {
                "customer": candidates["customer"].take(pa.array(rows)),
                "offer": candidates["offer"].take(pa.array(rng.permutation(rows))),
                "day": pa.array(day, pa.int64()),
                "redeemed": pa.array([None if d > 0.95 else bool(d < 0.3) for d in drawn]),
            }
        )

    def rules(self, rules: list[CustomerRule], offers: pa.Table) -> list[CustomerRule]:
        """Rules of these kinds among others."""
        found = [*rules, *self.windows(), *self.of_some_customers(), *self.conflicts(offers)]
        if self.chance(0.3, "history that counts in all"):
            found.append(CustomerRule("in all", max=int(self.rng.integers(6, 8)), history=True))
        return [found[i] for i in self.rng.permutation(len(found))]

    def windows(self) -> list[CustomerRule]:
        """Rolling windows, of all coupons or of some."""
        rng, found = self.rng, []
        if self.chance(0.6, "rolling window"):
            most, days = int(rng.integers(1, 3)), int(rng.integers(2, 11))
            where: dict[str, Any] = {}
            if self.chance(0.5, "rolling window where"):
                where = {"channel": rng.choice(CHANNELS, 2, replace=False).tolist()}
            history = self.part_of_history()
            self.features.add(f"history {history}")
            rule = CustomerRule("rolling", max=most, window=days, where=where, history=history)
            found.append(rule)
        if self.chance(0.4, "rolling window by a column"):
            by = str(rng.choice(["brand", "channels"]))
            days = int(rng.integers(3, 21))
            found.append(CustomerRule("rolling by", by=by, max=1, window=days))
        return found

    def of_some_customers(self) -> list[CustomerRule]:
        """Rules about some segments."""
        rng, found = self.rng, []
        if self.chance(0.5, "max of some customers"):
            few, gold = int(rng.integers(1, 4)), {"segment": "gold"}
            three = {"channel": ["mail", "app", "till"]}
            found.append(CustomerRule("gold", max=few, where=three, customers=gold))
            found.append(CustomerRule("gold slots", max=6, customers=gold))
        if self.chance(0.3, "min of all coupons of some customers"):
            found.append(CustomerRule("some at all", min=1, customers={"segment": "silver"}))
        if self.chance(0.4, "min of some customers"):
            young = {"age": {"max": 50}, "segment": ["silver", "bronze"]}
            post = {"channel": ["mail", "email"]}
            found.append(CustomerRule("post", where=post, min=1, customers=young))
        if self.chance(0.4, "groups of some customers"):
            some = {"segment": str(rng.choice(["gold", "silver"]))}
            found.append(CustomerRule("brands", by="brand", max="few", customers=some))
        return found

    def conflicts(self, offers: pa.Table) -> list[CustomerRule]:
        """Pairs in conflict within some days, or for some customers."""
        rng, found = self.rng, []
        ids = offers["offer"].to_pylist()
        for name, feature in (
            ("soon", "conflicts within"),
            ("some", "conflicts of some customers"),
        ):
            if not self.chance(0.5, feature):
                continue
            share = float(rng.choice([0.02, 0.08]))
            pairs = [(a, b) for a in ids for b in ids if rng.random() < share]
            if not pairs:
                continue
            a, b = zip(*pairs, strict=True)
            keys: dict[str, Any] = {}
            if name == "soon":
                keys["within"] = int(rng.integers(0, 15))
            if self.chance(0.3, "conflicts in one order"):
                keys["ordered"] = True
            if name == "some" or rng.random() < 0.3:
                keys["customers"] = {"segment": ["gold", "bronze"]}
            if rng.random() < 0.4:
                keys["history"] = self.part_of_history()
            table = pa.table({"offer_a": list(a), "offer_b": list(b)})
            found.append(CustomerRule(name, conflicts=table, **keys))
        return found
