"""Limits of random campaigns: drawn without bounds, which a planted allocation then gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.newer_limits import LIMITS_TOO, NewerLimits
from tests.support.oracle import Oracle
from tests.support.oracle_tables import Measure
from tests.support.random_rules import RuleDraw

from couponry import Limit


class LimitDraw(RuleDraw):
    """Draws the limits of one campaign; `narrow`: every hard one is bounded on both sides, as narrowly as any is."""

    narrow = False

    def limits(self, bare: Oracle, planted: NDArray[np.bool_]) -> list[Limit]:
        drafts = self.drafts()
        if self.seed >= LIMITS_TOO:
            newer = NewerLimits(self.seed)
            drafts += newer.drafts()
            self.features |= newer.features
        limits: list[Limit] = []
        for n, draft in enumerate(drafts):
            named = replace(draft, name=f"{n} {draft.name}")
            measures = bare.measures_of(replace(named, mode="report"))
            if measures:
                limits.append(self.bounded(named, measures, bare, planted))
        return limits

    def drafts(self) -> list[Limit]:
        """Limits without bounds: what they sum, over what; their mode is already theirs."""
        rng = self.rng
        sums = [
            "count",
            "count",
            "count",
            "cost",
            "response",
            "value",
            "effort",
            "weight",
            "points",
        ]
        bys = ["offer", "product", "brand", "supplier", "category", "channel", "channels", "role"]
        wheres: list[dict[str, Any]] = [
            {"channel": ["mail", "app"]},
            {"day": {"min": 1, "max": 14}},
            {"channels": "mail", "day": {"max": 21}},
            {"channels": ["till", "app"]},
            {"points": [1, 2, 3], "channel": ["mail", "email", "app"]},
            {"role": ["reward", "innovation"]},
            {"weight": {"min": 0.8}},
        ]
        segments: list[dict[str, Any]] = [
            {"segment": ["gold"]},
            {"segment": ["gold", "silver"]},
            {"age": {"min": 30, "max": 60}},
            {"tags": ["a", "b"]},
            {"tags": "c", "segment": "bronze"},
        ]
        ratios = [
            ("value", "cost"),
            ("response", "count"),
            ("cost", "response"),
            ("effort", "count"),
        ]
        drafts: list[Limit] = []
        if self.chance(0.35, "overlapping: offer, brand, supplier, total"):
            column = str(rng.choice(["count", "cost", "response"]))
            drafts += [
                Limit(f"{column} by {by}", sum=column, by=by)
                for by in ("offer", "brand", "supplier")
            ]
            drafts.append(Limit(f"{column} in total", sum=column))
        for _ in range(int(rng.integers(1, 6))):
            column = str(rng.choice(sums))
            changes: dict[str, Any] = {"sum": column}
            if self.chance(0.5):
                changes["by"] = str(rng.choice([by for by in bys if by != "category"]))
                self.features.add(f"limit by {changes['by']}")
            if self.chance(0.4, "limit where"):
                changes["where"] = wheres[int(rng.integers(len(wheres)))]
                self.features |= {f"limit where {column}" for column in changes["where"]}
            if self.chance(0.4, "limit on customers"):
                changes["customers"] = segments[int(rng.integers(len(segments)))]
            if self.chance(0.2):
                changes["ratio"] = ratios[int(rng.integers(len(ratios)))]
                changes.pop("sum")
                if changes.get("by") == "offer":
                    changes["by"] = "brand"
            mode = str(rng.choice(["hard", "hard", "hard", "hard", "soft", "report"]))
            if mode == "soft" and "ratio" in changes:
                mode = "report"
            changes["mode"] = mode
            about = " / ".join(changes["ratio"]) if "ratio" in changes else column
            self.features.add(f"sum of {column}" if "sum" in changes else f"ratio {about}")
            drafts.append(Limit(about, **changes))
        return drafts

    def bounded(
        self,
        limit: Limit,
        measures: Sequence[Measure],
        bare: Oracle,
        planted: NDArray[np.bool_],
    ) -> Limit:
        """The limit with bounds around what the planted allocation achieves, so that it is kept if it is hard."""
        rng = self.rng
        self.features.add(f"mode {limit.mode}")
        achieved = [bare.activity(measure, planted) for measure in measures]
        whole = [measure.below is None and not (measure.weight % 1).any() for measure in measures]
        # a ratio to nothing says nothing
        achieved = [0.0 if np.isnan(got) and limit.mode != "hard" else got for got in achieved]
        sides = str(rng.choice(["max", "max", "min", "both", "equal"]))
        is_narrow = self.narrow and limit.mode == "hard"
        sides = "both" if is_narrow else sides
        if limit.is_divided and sides in ("both", "equal"):
            sides = str(rng.choice(["max", "min"]))
        if sides == "equal" and not all(whole):
            sides = "both"
        ratio = " of a ratio" if limit.is_divided else ""
        self.features.add(f"limit {sides}{ratio}")

        def slack(got: float, is_whole: bool) -> float:
            """How much room a bound leaves, in the limit's own unit: none, little or much."""
            if limit.mode == "soft":
                share = float(rng.uniform(-0.3, 0.1))
            else:
                least = 0.0 if is_whole else 2e-3 if sides == "both" else 1e-6
                share = float(
                    rng.choice([least, rng.uniform(least, 0.03), rng.uniform(0.03, 0.3), 1.0])
                )
                share = least if is_narrow else share
            room = share * abs(got)
            return float(np.ceil(room)) if is_whole else room

        def bounds(got: float, is_whole: bool) -> tuple[float | None, float | None]:
            if sides == "equal":
                return got, got
            low, high = got - slack(got, is_whole), got + slack(got, is_whole)
            if low > high:
                low, high = high, low
            if limit.share:
                high = min(high, 1.0)
            return (None if sides == "max" else low), (None if sides == "min" else high)

        penalty = None
        if limit.mode == "soft":
            typical = float(np.abs(bare.value).mean())
            penalty = float(rng.uniform(0.0, 3.0)) * typical
        limit = replace(limit, penalty=penalty)
        known = [n for n, got in enumerate(achieved) if not np.isnan(got)]
        pairs = {n: bounds(achieved[n], whole[n]) for n in known}
        if limit.by is None:
            if not known:
                return replace(limit, mode="report")
            low, high = pairs[0]
            return replace(limit, min=low, max=high)
        if sides != "equal" and self.chance(0.4, "by without table"):
            if not known or len(known) < len(measures):
                return replace(limit, mode="report")
            lows = [low for low, _ in pairs.values() if low is not None]
            highs = [high for _, high in pairs.values() if high is not None]
            return replace(limit, min=min(lows, default=None), max=max(highs, default=None))
        self.features.add("by with table")
        kept = [n for n in known if rng.random() < 0.9] or known
        if not kept:
            return replace(limit, mode="report")
        return replace(
            limit,
            table=pa.table(
                {
                    **{
                        name: [measures[n].values[at] for n in kept]
                        for at, name in enumerate(limit.by_columns)
                    },
                    "min": pa.array([pairs[n][0] for n in kept], pa.float64()),
                    "max": pa.array([pairs[n][1] for n in kept], pa.float64()),
                }
            ),
        )
