"""Random campaigns that are feasible by construction: tables, customer rules and limits from a seed.

Every campaign starts from an allocation that keeps random customer rules; the hard limits' bounds are then set around
what it achieves, some of them tight.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.newer_rules import NewerRules
from tests.support.oracle import Oracle
from tests.support.random_limits import LimitDraw
from tests.support.random_tables import EVERYTHING
from tests.support.sum_rules import KINDS, SumRules

from couponry import Campaign, CustomerRule, Limit

NEWER = 1000
"""Campaigns of this seed and later ones have rules of the kinds that `newer_rules` draws, besides all others. Every
rule of earlier ones counts the history."""

SUMS = 3000
"""Campaigns of this seed and later ones have rules that `sum_rules` draws, besides. Of each fifty, ten have rules about
sums alone, ten requirements, ten different values, and twenty all."""


@dataclass(frozen=True)
class RandomCampaign:
    """A campaign's tables, rules and limits; `planted` is an allocation that keeps them all (bool per candidate)."""

    seed: int
    offers: pa.Table
    candidates: pa.Table
    customers: pa.Table
    rules: list[CustomerRule]
    limits: list[Limit]
    value: str
    planted: NDArray[np.bool_]
    features: set[str] = field(default_factory=set)
    history: pa.Table | None = None

    @property
    def parts(self) -> dict[str, Any]:
        names = ("rules", "limits", "value", "history")
        return {name: getattr(self, name) for name in names}

    def campaign(self, **changes: Any) -> Campaign:
        """For couponry."""
        parts = self.parts | changes
        return Campaign(self.offers, self.candidates, self.customers, **parts)

    def oracle(self, **changes: Any) -> Oracle:
        """For HiGHS."""
        parts = self.parts | changes
        return Oracle(self.offers, self.candidates, self.customers, **parts)


def draw(seed: int, largest: int = 2000, *, narrow: bool = False) -> RandomCampaign:
    """The campaign of a seed, of 300 to about `largest` customers; most are below a thousand.

    narrow: every hard limit is a corridor, as narrow as any.
    """
    drawing = CampaignDraw(seed, largest)
    drawing.narrow = narrow
    return drawing.campaign()


class CampaignDraw(LimitDraw):
    """One campaign being drawn."""

    def campaign(self) -> RandomCampaign:
        offers, candidates, customers = self.tables()
        history = None
        if self.shape == EVERYTHING:
            rules = self.all_rules(offers)
            if self.seed < NEWER:
                rules = [replace(rule, history=True) for rule in rules]
            candidates = self.with_mandatory(candidates)
            history = self.history(offers, candidates)
        else:
            rules = self.rules()
        if self.seed >= NEWER:
            newer = NewerRules(self.seed)
            history = newer.history(offers, candidates, history)
            rules = newer.rules(rules, offers)
            self.features |= newer.features
        if self.seed >= SUMS:
            part = self.seed // 10 % 5
            sums = SumRules(self.seed, KINDS[part : part + 1] if part < 3 else KINDS)
            rules = sums.rules(rules, offers, candidates, history)
            self.features |= sums.features
        return self.planted((offers, candidates, customers), rules, history)

    def planted(
        self,
        tables: tuple[pa.Table, pa.Table, pa.Table],
        rules: list[CustomerRule],
        history: pa.Table | None,
    ) -> RandomCampaign:
        """The campaign of these tables and rules, with limits around an allocation that keeps the rules."""
        offers, candidates, customers = tables
        value = self.objective
        bare = Oracle(offers, candidates, customers, rules=rules, value=value, history=history)
        reach = bare.reach()
        if reach.missing.any():
            self.features.add("customers who cannot reach their min")
        taste = self.rng.normal(size=len(bare.value))
        spread = float(bare.value.std()) or 1.0
        greed = self.rng.choice([0.0, 0.5, 2.0])
        weight = taste + greed * bare.value / spread + self.rng.choice([-1.0, 0.0, 1.0])
        planted = bare.best_under_rules(weight, reach)
        limits = self.limits(bare, planted)
        return RandomCampaign(
            self.seed,
            offers,
            candidates,
            customers,
            rules,
            limits,
            value,
            planted,
            self.features,
            history,
        )
