"""Limits that cannot be kept, built in one of six ways into a random campaign that is feasible by construction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.programme import Stop
from tests.support.random_campaigns import RandomCampaign

from couponry import Limit

BREAK = "built to break"


class Contradiction:
    """Limits that cannot be kept in one campaign; each way returns None where the campaign has no use for it."""

    def __init__(self, drawn: RandomCampaign):
        self.drawn = drawn
        self.rng = np.random.default_rng([20240301, drawn.seed])
        self.bare = drawn.oracle(limits=[])
        self.reach = self.bare.reach()
        self.channel = str(self.rng.choice(["mail", "email", "app", "till"]))

    def most(self, weight: NDArray[np.float64]) -> float:
        """The largest sum of weights that the customer rules allow."""
        return float(weight[self.bare.best_under_rules(weight, self.reach)].sum())

    def promise(self) -> list[Limit] | None:
        """More of a channel than the rules allow."""
        where = {"channel": [self.channel]}
        most = self.most(self.bare.about(where).astype(float))
        return [Limit(BREAK, where=where, min=most + int(self.rng.integers(1, 6)))]

    def two(self) -> list[Limit] | None:
        """A promise above a print run of more offers."""
        where = {"channel": [self.channel], "day": {"max": 20}}
        most = int(self.most(self.bare.about(where).astype(float)))
        if most < 4:
            return None
        return [
            Limit(BREAK, where=where, min=most // 2 + 1),
            Limit(f"{BREAK} 2", where={"channel": [self.channel]}, max=most // 2),
        ]

    def total(self) -> list[Limit] | None:
        """Promises by brand, each of which holds, above a total."""
        rows = self.bare.groups("brand")
        least = {brand: int((mask & self.drawn.planted).sum()) for brand, mask in rows.items()}
        least = {brand: count for brand, count in least.items() if count > 0}
        if not least:
            return None
        table = pa.table({"brand": list(least), "min": [float(m) for m in least.values()]})
        return [
            Limit(BREAK, by="brand", table=table),
            Limit(f"{BREAK} 2", max=sum(least.values()) - 1),
        ]

    def budget(self) -> list[Limit] | None:
        """A budget below what a promise costs at least."""
        if "response" not in self.bare.candidates.column_names:
            return None
        effort = self.bare.amount("effort")
        where = {"channel": [self.channel]}
        promise = Limit(
            BREAK, where=where, min=int(self.most(self.bare.about(where).astype(float))) // 2
        )
        measures = self.bare.measures_of(promise)
        found = self.bare.best(-effort, self.bare.rules, measures, self.reach, Stop(1e-4))
        if found.chosen is None or not promise.min:
            return None
        return [promise, Limit(f"{BREAK} 2", sum="effort", max=-0.97 * found.bound)]

    def mandatory(self) -> list[Limit] | None:
        """Fewer coupons than must be given."""
        must = int(self.reach.mandatory.sum())
        return [Limit(BREAK, max=must - 1)] if must else None

    def few(self) -> list[Limit] | None:
        """Fewer coupons than the rules ask for."""
        fewest = int(-self.most(-np.ones(len(self.bare.offer))))
        return [Limit(BREAK, max=fewest - 1)] if fewest else None

    def limits(self) -> tuple[str, list[Limit]]:
        ways: list[Callable[[], list[Limit] | None]] = [
            self.promise, self.two, self.total, self.budget, self.mandatory, self.few,
        ]  # fmt: skip
        first = self.drawn.seed % len(ways)
        for way in (*ways[first:], *ways[:first]):
            limits = way()
            if limits is not None:
                place = int(self.rng.integers(0, len(self.drawn.limits) + 1))
                mine = self.drawn.limits
                return way.__name__, [*mine[:place], *limits, *mine[place:]]
        raise RuntimeError("no way to break this campaign")
