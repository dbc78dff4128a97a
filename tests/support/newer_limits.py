"""Limits of random campaigns by customers' columns, and relative to other coupons."""

from __future__ import annotations

from typing import Any

import numpy as np

from couponry import Limit

LIMITS_TOO = 2000
"""Campaigns of this seed and later ones have limits of the kinds that are drawn here, besides all others."""


class NewerLimits:
    """Draws limits of a campaign, from a generator of its own; what came of the draws is remembered in `features`."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng([20261130, seed])
        self.features: set[str] = set()

    def chance(self, probability: float, feature: str) -> bool:
        happens = bool(self.rng.random() < probability)
        if happens:
            self.features.add(feature)
        return happens

    def drafts(self) -> list[Limit]:
        """Limits without bounds."""
        found = [*self.by_customers(), *self.relative()]
        if not found:
            self.features.add("limit by a column of customers")
            found = [Limit("segments", by="segment")]
        return found

    def by_customers(self) -> list[Limit]:
        """By columns of customers, alone and with one of offers; and sums of such a column."""
        rng, found = self.rng, []
        if self.chance(0.6, "limit by a column of customers"):
            column = str(rng.choice(["count", "cost", "few"]))
            keys: dict[str, Any] = {"sum": column}
            if self.chance(0.4, "limit by a column of customers, of some offers"):
                keys["where"] = {"channel": ["mail", "app", "till"]}
            found.append(Limit("segments", by="segment", **keys))
        if self.chance(0.6, "limit by customers and offers"):
            other = str(rng.choice(["brand", "channels", "role", "offer"]))
            pair = ("segment", other) if rng.random() < 0.5 else (other, "segment")
            some = {"tags": ["a", "b"]} if self.chance(0.3, "limit by both, of some") else {}
            found.append(Limit("stock", by=pair, customers=some))
        if self.chance(0.4, "sum of a column of customers"):
            found.append(Limit("most", sum="most", where={"points": [1, 2, 3]}))
        return found

    def relative(self) -> list[Limit]:
        """Shares, and sums relative to others."""
        rng, found = self.rng, []
        if self.chance(0.5, "share"):
            column = str(rng.choice(["count", "response"]))
            by = "brand" if self.chance(0.4, "share by a column") else None
            where = {} if by else {"channel": ["mail", "app"]}
            found.append(Limit("share", sum=column, share=True, by=by, where=where))
        if self.chance(0.5, "share within a segment"):
            pair = ("segment", "channel")
            found.append(Limit("within", by=pair, relative_to={"by": "segment"}))
        if self.chance(0.6, "relative to other customers"):
            gold, silver = {"segment": "gold"}, {"segment": ["silver", "bronze"]}
            each = self.chance(0.7, "per head")
            whole = {"customers": silver}
            found.append(Limit("fair", customers=gold, relative_to=whole, per_head=each))
        return found
