"""Random campaigns with one kind of rule or limit beside slots and limits, to be solved beside HiGHS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.newer_limits import NewerLimits
from tests.support.newer_rules import NewerRules
from tests.support.oracle import Oracle
from tests.support.random_campaigns import SUMS, CampaignDraw, RandomCampaign, draw
from tests.support.random_units import UnitCampaign, draw_units, in_households, message_costs
from tests.support.sum_rules import SumRules

from couponry import Campaign, CustomerRule, Limit, PreviousPlan

RULES = ("sum", "requires", "distinct", "window", "conflicts within", "customers", "messages")
LIMITS = ("by customers", "relative")
KINDS = (*RULES, *LIMITS, "previous", "household", "all", "all of households")
"""What campaigns have: one kind of rule or limit, a plan before, households, or rules of all kinds."""


@dataclass(frozen=True)
class CampaignAfterAnother:
    """A random campaign of customers who were given something before, of which some has to stay.

    given: what they were given, bool (e). keep: share of it that stays, or None. bonus: of each pair that stays, or
    None.
    """

    drawn: RandomCampaign
    given: NDArray[np.bool_]
    keep: float | None
    bonus: float | None

    @property
    def seed(self) -> int:
        return self.drawn.seed

    @property
    def planted(self) -> NDArray[np.bool_]:
        return self.drawn.planted

    def campaign(self, **changes: Any) -> Campaign:
        """For couponry."""
        pairs = self.drawn.candidates.select(["customer", "offer"]).filter(pa.array(self.given))
        previous = PreviousPlan(pairs, self.keep, self.bonus)
        return self.drawn.campaign(previous=previous, **changes)

    def oracle(self, **changes: Any) -> Oracle:
        """For HiGHS: a column of candidates, and limits that sum it."""
        column = pa.array(self.given.astype(float))
        candidates = self.drawn.candidates.append_column("previous", column)
        limits, count = list(self.drawn.limits), int(self.given.sum())
        if self.keep is not None:
            limits.append(Limit("kept", sum="previous", min=float(ceil(self.keep * count))))
        if self.bonus is not None:
            keys: dict[str, Any] = {"mode": "soft", "penalty": self.bonus}
            limits.append(Limit("kept, by bonus", sum="previous", min=float(count), **keys))
        parts = self.drawn.parts | {"limits": limits} | changes
        return Oracle(self.drawn.offers, candidates, self.drawn.customers, **parts)


Drawn = RandomCampaign | UnitCampaign | CampaignAfterAnother


class _OneRule(CampaignDraw):
    """Draws a campaign with slots, limits of old kinds, and what a kind adds."""

    def __init__(self, kind: str, seed: int, largest: int):
        super().__init__(seed, largest)
        self.kind, self.shape = kind, "slots"
        self.features = {kind}

    def campaign(self) -> RandomCampaign:
        offers, candidates, customers = self.tables()
        newer, history = NewerRules(self.seed), None
        if self.kind in RULES:
            history = newer.history(offers, candidates, None)
        rules, extra = self.rules(), list[CustomerRule]()
        sums = SumRules(self.seed, (self.kind,))
        ways: dict[str, Callable[[], list[CustomerRule]]] = {
            "window": newer.windows,
            "conflicts within": lambda: newer.conflicts(offers),
            "customers": newer.of_some_customers,
            "sum": lambda: sums.budgets(candidates) + sums.floors(candidates),
            "requires": lambda: sums.requirements(offers, history),
            "distinct": sums.different,
            "messages": lambda: [message_costs(self.worth(candidates), self.rng)],
            "household": lambda: [CustomerRule("one per product", by="product", max=1)],
        }
        while self.kind in ways and not extra:
            extra = ways[self.kind]()
        self.features |= newer.features | sums.features
        return self.planted((offers, candidates, customers), [*rules, *extra], history)

    def worth(self, candidates: pa.Table) -> NDArray[np.float64]:
        """What coupons are worth, roughly: the first column of money that there is."""
        names = [n for n in ("profit", "value", "margin") if n in candidates.column_names]
        return candidates[names[0]].to_numpy() if names else np.ones(1)

    def drafts(self) -> list[Limit]:
        """Limits of old kinds, and those of this one."""
        found, newer = super().drafts(), NewerLimits(self.seed)
        ways = {"by customers": newer.by_customers, "relative": newer.relative}
        extra: list[Limit] = []
        while self.kind in ways and not extra:
            extra = ways[self.kind]()
        self.features |= newer.features
        return found + extra


def draw_kind(kind: str, number: int, largest: int = 2000, *, narrow: bool = False) -> Drawn:
    """The campaign of a kind and a number, of 300 to about `largest` customers.

    narrow: every hard limit is a corridor, as narrow as any.

    Those of households with all rules are of 300: HiGHS takes minutes for the minimums of larger ones.
    """
    if kind in ("all", "all of households"):
        seed = SUMS + 30 + 50 * (number // 20) + number % 20  # those with rules of all kinds
        if kind == "all":
            return draw(seed, largest, narrow=narrow)
        return draw_units(seed, min(largest, 300), narrow=narrow)
    seed = len(KINDS) * number + KINDS.index(kind)
    drawing = _OneRule(kind, seed, largest)
    drawing.narrow = narrow
    drawn = drawing.campaign()
    if kind == "household":
        return in_households(drawn, with_costs=False)
    return after_another(drawn) if kind == "previous" else drawn


def after_another(drawn: RandomCampaign) -> CampaignAfterAnother:
    """A campaign after another: what an allocation under the same rules gave, some coupons of it no more."""
    rng = np.random.default_rng([20261203, drawn.seed])
    given = drawn.planted.copy()
    lost = rng.random(len(given)) < rng.uniform(0.0, 0.4)
    other = rng.random(len(given)) < 0.5 * given.mean()
    given = np.where(lost, other, given)
    stay = int((given & drawn.planted).sum())
    keep = (stay - 0.5) / max(1, int(given.sum())) * rng.choice([1.0, 0.98, 0.9])
    value = drawn.oracle().value
    bonus = float(np.median(np.abs(value)) * rng.uniform(0.0, 1.0))
    ways = [(max(0.0, keep), None), (None, bonus), (max(0.0, keep), bonus)]
    return CampaignAfterAnother(drawn, given, *ways[rng.integers(len(ways))])
