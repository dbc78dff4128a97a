"""Rules of small campaigns about days on end, some customers, or parts of the history, drawn after all else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.fuzz.small_campaign import Row

from couponry import CustomerRule


class NewerRules:
    """Changes some rules, and adds some.

    The generator is one of its own, made of the tables: what is drawn besides stays what it is.
    """

    def __init__(self, offers: list[Row], features: set[str]):
        self.offers, self.features = offers, features
        self.random = random.Random(repr(offers))

    def chance(self, probability: float, feature: str) -> bool:
        """Whether something is drawn, which is remembered."""
        happens = self.random.random() < probability
        if happens:
            self.features.add(feature)
        return happens

    def rules(
        self,
        known: Sequence[CustomerRule],
        customers: list[Row] | None,
        history: list[Row] | None,
    ) -> list[CustomerRule]:
        """All rules."""
        rng, found = self.random, list(known)
        if rng.random() < 0.5:
            return found
        if self.chance(0.5, "rule: rolling window"):
            most, days = rng.randrange(0, 3), rng.randrange(1, 8)
            by = rng.choice([None, None, "brand", "channels"])
            found = [*found, CustomerRule("rolling", max=most, window=days, by=by)]
        if self.chance(0.3, "rule: conflicts within"):
            ids = [row["offer"] for row in self.offers]
            table = {"offer_a": rng.choices(ids, k=3), "offer_b": rng.choices(ids, k=3)}
            within, ordered = rng.choice([None, *range(9)]), rng.random() < 0.5
            rule = CustomerRule("soon", conflicts=table, within=within, ordered=ordered)
            found = [*found, rule]
        if history is not None and self.chance(0.6, "rule: history said"):
            found = [replace(rule, history=rng.choice([None, True, False])) for rule in found]
        segments = sorted({row["segment"] for row in customers or ()} - {None})
        if segments and self.chance(0.5, "rule: customers"):
            some = {"segment": rng.choice(segments)}
            found = [
                replace(rule, customers=some)
                if rng.random() < 0.5 and not rule.is_about_all
                else rule
                for rule in found
            ]
        return found
