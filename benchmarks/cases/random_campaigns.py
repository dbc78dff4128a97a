"""Random campaigns that are feasible by construction, solved by couponry and by HiGHS, and compared.

    python benchmarks/cases/random_campaigns.py --seeds 200              JSON on standard output
    python benchmarks/cases/random_campaigns.py --seeds 200 --method both   also without the exact core

Every campaign starts from an allocation that keeps random customer rules; the hard limits' bounds are then set around
what it achieves, some of them tight. Times are of one thread each.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.support.hardware import describe
from benchmarks.support.processes import in_order
from numpy.typing import NDArray
from tests.support.oracle import ROLES, Measure, Optimum, Oracle, Reach

import couponry
import couponry.solver.solve
from couponry import Campaign, CustomerRule, Limit
from couponry.result import Result

# how the groups of the customer rules of a campaign lie in each other; "crossing" ones overlap without nesting
SHAPES = (
    "hierarchy",
    "windows",
    "roles",
    "hierarchy",
    "channels",
    "crossing",
    "windows",
    "slots",
    "roles",
    "none",
)
# of every score of seeds those of its second half have rules of every kind at once
EVERYTHING = "everything"
SEGMENTS = ("gold", "silver", "bronze")
CHANNELS = ("mail", "email", "app", "till")


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


# ---- drawing


def draw(seed: int, largest: int = 2000) -> RandomCampaign:
    """The campaign of a seed, of 300 to about `largest` customers; most are below a thousand."""
    return _Draw(seed, largest).campaign()


class _Draw:
    """One campaign being drawn."""

    def __init__(self, seed: int, largest: int):
        self.seed = seed
        self.rng = np.random.default_rng([20240229, seed])
        self.shape = SHAPES[seed % len(SHAPES)] if seed % 20 < 10 else EVERYTHING
        self.features = {f"rules: {self.shape}"}
        sizes = [300, 300, 400, 500, 600, 800, 1000, 1400, 2000]
        self.customers = int(self.rng.choice([s for s in sizes if s <= largest]))
        self.offers = int(self.rng.integers(12, 60))
        widest = {300: 30, 400: 24, 500: 18, 600: 15}.get(self.customers, 10)
        if self.shape == "crossing":
            self.customers, widest = min(self.customers, 400), 12
        self.widest = min(widest, self.offers)

    def chance(self, probability: float, feature: str = "") -> bool:
        """True with this probability; what came of it is remembered as a feature."""
        happens = bool(self.rng.random() < probability)
        if happens and feature:
            self.features.add(feature)
        return happens

    def campaign(self) -> RandomCampaign:
        offers, candidates, customers = self.tables()
        value = self.objective
        history = None
        if self.shape == EVERYTHING:
            rules = self.all_rules(offers)
            candidates = self.with_mandatory(candidates)
            history = self.history(offers, candidates)
        else:
            rules = self.rules()
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

    # -- tables

    def tables(self) -> tuple[pa.Table, pa.Table, pa.Table]:
        rng, count, people = self.rng, self.offers, self.customers
        # offers inside products inside brands inside suppliers
        product = np.sort(rng.integers(0, max(2, count // 2), count))
        brand_of = np.sort(rng.integers(0, max(2, count // 5), product.max() + 1))
        brand = brand_of[product]
        supplier = np.sort(rng.integers(0, max(2, count // 12), brand.max() + 1))[brand]
        # days and channels of a brand, so that its rules lie inside windows and channels; else of an offer
        nests = self.shape in ("windows", "channels")
        unit = brand if nests else np.arange(count)
        day = rng.integers(1, 29, unit.max() + 1)[unit]
        channel = rng.integers(0, len(CHANNELS), unit.max() + 1)[unit]
        strings = self.chance(0.4, "string ids")
        offer_id = rng.permutation(10 * count)[:count] - 20
        customer_id = rng.permutation(7 * people)[:people]
        offers: dict[str, Any] = {
            "offer": [f"o{i}" for i in offer_id] if strings else offer_id,
            "product": product,
            "brand": [f"b{b}" for b in brand],
            "supplier": [None if s == 0 and strings else f"s{s}" for s in supplier],
            "channel": [CHANNELS[c] for c in channel],
            "channels": [
                sorted(set(rng.choice(CHANNELS, rng.integers(0, 4)).tolist())) for _ in range(count)
            ],
            "day": day,
            "weight": np.round(rng.lognormal(0.0, 0.7, count), 3),
            "points": rng.integers(0, 5, count),
        }
        size = rng.integers(5, self.widest + 1, people) if self.widest > 5 else np.full(people, 5)
        few = rng.random(people) < 0.05
        size[few] = rng.integers(1, 4, few.sum())
        popularity = rng.gamma(1.0, 1.0, count) + 0.05
        keys = rng.gumbel(size=(people, count)) + np.log(popularity)
        customer = np.repeat(np.arange(people), size)
        best_first = np.argsort(-keys, axis=1)
        offer = np.concatenate([best_first[i, :m] for i, m in enumerate(size)])
        candidates: dict[str, Any] = self.money(offers, offer, len(customer))
        mixed = self.shape in ("crossing", "hierarchy", "slots") or self.chance(0.3)
        unit = np.arange(len(customer)) if mixed and self.shape != "roles" else product[offer]
        role = rng.integers(0, 4, unit.max() + 1)[unit]
        candidates["role"] = [(*ROLES, None)[r] for r in role]
        candidates["effort"] = np.round(rng.gamma(2.0, 1.0, len(customer)), 4)
        candidates["customer"] = (
            [f"c{i:05d}" for i in customer_id[customer]] if strings else customer_id[customer]
        )
        candidates["offer"] = np.asarray(offers["offer"], object)[offer]
        if not strings:
            candidates["offer"] = candidates["offer"].astype(np.int64)
        everybody = customer_id
        if self.chance(0.3, "customers without candidates"):
            everybody = np.append(customer_id, 7 * people + np.arange(5))
        slots = rng.integers(1, 6, len(everybody))
        customers = {
            "customer": [f"c{i:05d}" for i in everybody] if strings else everybody,
            "segment": rng.choice(SEGMENTS, len(everybody)),
            "age": [None if a < 20 else int(a) for a in rng.integers(18, 90, len(everybody))],
            "tags": [
                sorted(set(rng.choice(list("abcd"), rng.integers(0, 3)).tolist()))
                for _ in everybody
            ],
            "most": slots,
            "least": np.maximum(0, slots - rng.integers(0, 4, len(everybody))),
            "few": rng.integers(1, 3, len(everybody)),
        }
        tables = [pa.table(columns) for columns in (offers, candidates, customers)]
        shuffled = [table.take(pa.array(rng.permutation(table.num_rows))) for table in tables]
        return shuffled[0], shuffled[1], shuffled[2]

    def money(self, offers: dict[str, Any], offer: NDArray[np.int64], pairs: int) -> dict[str, Any]:
        """Columns of candidates; the offers' money columns are added where the defaults are to be used."""
        rng, count = self.rng, self.offers
        response = np.clip(
            rng.beta(1.5, 8.0, pairs) * rng.uniform(0.3, 1.5, count)[offer], 0.0, 1.0
        )
        response = np.round(response, int(rng.choice([2, 6])))
        scale = rng.lognormal(0.0, 0.5, count)
        worth = rng.lognormal(0.0, 0.6, pairs) * scale[offer]
        kind = self.rng.choice(["explicit", "explicit value", "defaults", "own column"])
        self.features.add(f"money: {kind}")
        columns: dict[str, Any] = {"response": response}
        if self.chance(0.25, "ties"):
            worth = rng.choice([1.0, 2.0, 3.0, 5.0], pairs)
        if self.chance(0.25, "negative values"):
            worth = worth - np.quantile(worth, 0.3)
        if kind != "defaults":
            columns["profit" if kind == "own column" else "value"] = worth
        if kind == "explicit":
            columns["cost"] = np.round(rng.gamma(2.0, 0.5, pairs) + 0.05, 2)
        else:
            face = np.round(rng.uniform(0.3, 3.0, count), 2)
            offers["face_value"] = face
            offers["margin"] = np.round(face + rng.gamma(2.0, 1.5, count), 2)
            if self.chance(0.6):
                offers["issue_cost"] = np.round(rng.uniform(0.01, 0.08, count), 3)
            if self.chance(0.3, "money column of candidates"):
                columns["margin"] = offers.pop("margin")[offer] * rng.uniform(0.8, 1.2, pairs)
        self.objective = "profit" if kind == "own column" else "value"
        return columns

    # -- rules

    def rules(self) -> list[CustomerRule]:
        rng = self.rng
        rules: list[CustomerRule] = []
        if self.shape == "none":
            return rules
        most: int | str
        least: int | str | None
        if self.chance(0.35, "slots by columns of customers"):
            most, least = "most", "least" if self.chance(0.6, "min by column") else None
        else:
            most = highest = int(rng.integers(1, 7))
            least = (
                int(rng.integers(0, highest + 1)) if self.chance(0.6, "min as a number") else None
            )
        rules.append(CustomerRule("slots", max=most, min=least))
        few = "few" if self.chance(0.2, "group bound by column") else int(rng.integers(1, 3))
        if self.shape in ("hierarchy", "windows", "roles", "channels", "crossing"):
            rules.append(CustomerRule("one per product", by="product", max=1))
        if self.shape == "hierarchy":
            rules.append(CustomerRule("brand", by="brand", max=2))
            if self.chance(0.5, "three levels"):
                rules.append(CustomerRule("supplier", by="supplier", max=3))
        if self.shape == "windows":
            rules.append(CustomerRule("brand", by="brand", max=few))
            rules.append(CustomerRule("first week", where={"day": {"min": 1, "max": 7}}, max=1))
            rules.append(CustomerRule("fortnight", where={"day": {"max": 14}}, max=2))
            rules.append(CustomerRule("month", where={"day": {"min": 1, "max": 28}}, max=4))
        if self.shape == "roles":
            if self.chance(0.5, "role mix by"):
                rules.append(CustomerRule("role mix", by="role", max=2))
            else:
                self.features.add("role mix where")
                rules.append(CustomerRule("rewards", where={"role": ["reward"]}, max=1))
                both = {"role": ["activation", "innovation"]}
                rules.append(CustomerRule("others", where=both, max=2))
        if self.shape == "channels":
            rules.append(CustomerRule("mail", where={"channel": ["mail", "email"]}, max=2))
            rules.append(
                CustomerRule("till", where={"channel": "till", "day": {"min": 8}}, max=few)
            )
        if self.shape == "crossing":
            rules.append(CustomerRule("brand", by="brand", max=1))
            if self.chance(0.6, "role mix crosses brand"):
                rules.append(CustomerRule("role mix", by="role", max=1))
            else:
                rules.append(CustomerRule("week", where={"day": {"min": 1, "max": 10}}, max=1))
                rules.append(CustomerRule("mail", where={"channel": ["mail", "app"]}, max=1))
        order = rng.permutation(len(rules))
        return [rules[i] for i in order]

    def all_rules(self, offers: pa.Table) -> list[CustomerRule]:
        """Rules that overlap, conflict, and ask for minimums, some of which not everybody can have."""
        rng = self.rng
        by_column = self.chance(0.5, "slots by columns of customers")
        most: int | str = "most" if by_column else int(rng.integers(2, 6))
        least: int | str | None = None
        if self.chance(0.5, "min of coupons"):
            least = "least" if by_column else int(rng.integers(1, 3))
        rules = [CustomerRule("slots", max=most, min=least)]
        for n in range(int(rng.integers(1, 4))):
            first, length = int(rng.integers(1, 20)), int(rng.integers(5, 14))
            window = {"day": {"min": first, "max": first + length}}
            self.features.add("overlapping windows")
            rules.append(CustomerRule(f"window {n}", where=window, max=int(rng.integers(1, 3))))
        if self.chance(0.7, "conflicts"):
            ids, days = offers["offer"].to_pylist(), offers["day"].to_pylist()
            lag, share = int(rng.integers(1, 4)), float(rng.choice([0.03, 0.1, 0.5]))
            pairs = [
                (ids[a], ids[b])
                for a in range(len(ids))
                for b in range(a)
                if abs(days[a] - days[b]) < lag and rng.random() < share
            ]
            if pairs:
                a, b = zip(*pairs, strict=True)
                table = pa.table({"offer_a": list(a), "offer_b": list(b)})
                rules.append(CustomerRule("never together", conflicts=table))
        if self.chance(0.5, "one per product"):
            rules.append(CustomerRule("one per product", by="product", max=1))
        if self.chance(0.4, "bound by column and group"):
            rules.append(CustomerRule("brand", by="brand", max="few"))
        if self.chance(0.5, "role mix with minimums"):
            low = int(rng.integers(0, 2))
            rules.append(CustomerRule("role mix", by="role", min=low, max=low + 1))
        if self.chance(0.4, "min where"):
            channels = {"channel": ["mail", "email"]}
            rules.append(CustomerRule("some post", where=channels, min=1))
        if self.chance(0.3, "min by a list column"):
            rules.append(CustomerRule("channels", by="channels", min=1, max=3))
        order = rng.permutation(len(rules))
        return [rules[i] for i in order]

    def with_mandatory(self, candidates: pa.Table) -> pa.Table:
        """Some candidates must be given, as far as rules allow."""
        if not self.chance(0.6, "mandatory candidates"):
            return candidates
        drawn = self.rng.random(candidates.num_rows)
        share = float(self.rng.choice([0.005, 0.03]))
        must = [None if d > 0.9 else bool(d < share) for d in drawn]
        return candidates.append_column("mandatory", pa.array(must, pa.bool_()))

    def history(self, offers: pa.Table, candidates: pa.Table) -> pa.Table | None:
        """What some customers have had: mostly candidates of theirs, some on another day than the offer's."""
        rng = self.rng
        if not self.chance(0.6, "history"):
            return None
        rows = rng.integers(0, candidates.num_rows, candidates.num_rows // 25)
        customer = candidates["customer"].take(pa.array(rows))
        offer = candidates["offer"].take(pa.array(rng.permutation(rows)))
        day = [int(d) if d <= 28 else None for d in rng.integers(1, 57, len(rows))]
        table = {"customer": customer, "offer": offer}
        if self.chance(0.5, "history with its own day"):
            table["day"] = pa.array(day, pa.int64())
        return pa.table(table)

    # -- limits

    def limits(self, bare: Oracle, planted: NDArray[np.bool_]) -> list[Limit]:
        drafts = self.drafts()
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
        if limit.ratio is not None and sides in ("both", "equal"):
            sides = str(rng.choice(["max", "min"]))
        if sides == "equal" and not all(whole):
            sides = "both"
        ratio = " of a ratio" if limit.ratio is not None else ""
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
            room = share * abs(got)
            return float(np.ceil(room)) if is_whole else room

        def bounds(got: float, is_whole: bool) -> tuple[float | None, float | None]:
            if sides == "equal":
                return got, got
            low, high = got - slack(got, is_whole), got + slack(got, is_whole)
            if low > high:
                low, high = high, low
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
        labels = self.labels(limit, bare)
        return replace(
            limit,
            table=pa.table(
                {
                    limit.by: [labels[measures[n].group] for n in kept],
                    "min": pa.array([pairs[n][0] for n in kept], pa.float64()),
                    "max": pa.array([pairs[n][1] for n in kept], pa.float64()),
                }
            ),
        )

    def labels(self, limit: Limit, bare: Oracle) -> dict[str | None, Any]:
        """The values that the groups' names stand for."""
        return {str(label): label for label in bare.groups(str(limit.by))}


# ---- solving and comparing


@dataclass(frozen=True)
class Comparison:
    """One campaign solved by both. Values are None where there is no allocation.

    wrong: everything that does not hold, in words. shortfall: of couponry's objective to HiGHS's, in % of the
    latter (below 0 where HiGHS was the one that stopped early). above: how far couponry's bound is above the best
    allocation known, in % of it; below 0 the bound is wrong. behind_bound: couponry's shortfall to HiGHS's bound.
    """

    seed: int
    status: str
    method: str
    customers: int
    candidates: int
    objective: float | None
    bound: float | None
    highs: Optimum
    seconds: float
    highs_seconds: float
    wrong: list[str]

    @property
    def unit(self) -> float:
        return max(abs(self.highs.value or 0.0), abs(self.objective or 0.0), 1e-9)

    @property
    def shortfall(self) -> float | None:
        if self.objective is None or self.highs.value is None:
            return None
        return 100.0 * (self.highs.value - self.objective) / self.unit

    @property
    def behind_bound(self) -> float | None:
        if self.objective is None or not np.isfinite(self.highs.bound):
            return None
        return 100.0 * (self.highs.bound - self.objective) / self.unit

    @property
    def above(self) -> float | None:
        known = [value for value in (self.objective, self.highs.value) if value is not None]
        if self.bound is None or not known:
            return None
        return 100.0 * (self.bound - max(known)) / self.unit


def positions(oracle: Oracle, allocation: pa.Table) -> tuple[NDArray[np.bool_], list[str]]:
    """The candidates that an allocation table gives, and what is wrong with it as a table."""
    row_of = {
        pair: n for n, pair in enumerate(zip(oracle.customer_id, oracle.offer_id, strict=True))
    }
    pairs = list(
        zip(allocation["customer"].to_pylist(), allocation["offer"].to_pylist(), strict=True)
    )
    wrong = []
    if len(set(pairs)) < len(pairs):
        wrong.append("a coupon is given twice")
    if [customer for customer, _ in pairs] != sorted(customer for customer, _ in pairs):
        wrong.append("the allocation is not ordered by customer")
    rows = np.array([row_of.get(pair, -1) for pair in pairs], np.int64)
    if (rows < 0).any():
        wrong.append("a pair is given that is no candidate")
    rows = rows[rows >= 0]
    chosen = np.zeros(len(oracle.offer), bool)
    chosen[rows] = True
    for name in ("value", "response", "cost"):
        if name in allocation.column_names and len(rows) == len(pairs):
            stated = allocation[name].to_numpy()
            if not np.allclose(stated, oracle.amount(name)[rows], rtol=1e-12, atol=1e-12):
                wrong.append(f"column {name} of the allocation is not that of the candidates")
    return chosen, wrong


def verify(
    oracle: Oracle, reach: Reach, result: Result
) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """The choice behind a result, and everything that does not hold of it, recomputed from the tables."""
    if result.allocation is None or result.limits is None:
        return None, [f"no allocation: {result.status}, {result.message}"]
    chosen, wrong = positions(oracle, result.allocation)
    wrong += oracle.broken(chosen, reach)
    objective = oracle.objective(chosen)
    size = float(np.abs(oracle.value[chosen]).sum()) + abs(objective)
    if abs((result.objective or 0.0) - objective) > TOLERANCE_OBJECTIVE * size:
        wrong.append(f"objective {result.objective} is {objective} by the tables")
    stated = {(row["name"], row["group"]): row["achieved"] for row in result.limits.to_pylist()}
    for measure in oracle.measures:
        got, said = oracle.activity(measure, chosen), stated.get(measure.key, "nothing")
        if np.isnan(got) and (said is None or said != said):
            continue
        size = float(np.abs(measure.weight[chosen]).sum()) if measure.below is None else abs(got)
        if not isinstance(said, float) or abs(said - got) > TOLERANCE_OBJECTIVE * max(size, 1e-9):
            wrong.append(f"limit {measure.key}: achieved {said}, by the tables {got}")
    return chosen, wrong


TOLERANCE_OBJECTIVE = 1e-9  # relative to the sum of absolute values: two orders of a float64 sum


@dataclass(frozen=True)
class Yardstick:
    """A campaign's oracle, what each customer can have, and HiGHS's best with the seconds that it took."""

    oracle: Oracle
    reach: Reach
    found: Optimum
    seconds: float


def measure_by_highs(drawn: RandomCampaign, seconds: float = 5.0, gap: float = 1e-5) -> Yardstick:
    """Solve a campaign by HiGHS; where it finds nothing better in time, the planted allocation stands."""
    oracle = drawn.oracle()
    reach = oracle.reach()
    broken = oracle.broken(drawn.planted, reach)
    if broken:
        raise RuntimeError(f"seed {drawn.seed} is not feasible by construction: {broken}")
    started = time.perf_counter()
    found = oracle.solve(reach, time_limit=seconds, gap=gap)
    taken = time.perf_counter() - started
    if found.chosen is not None and oracle.broken(found.chosen, reach):
        # HiGHS keeps rows to its own tolerance: such a choice is no allocation, its value no yardstick
        found = replace(found, value=None, chosen=None)
    floor = oracle.objective(drawn.planted)
    if found.value is None or found.value < floor:
        found = replace(found, value=floor, chosen=drawn.planted)
    return Yardstick(oracle, reach, found, taken)


def compare(drawn: RandomCampaign, by: Yardstick, *, time_limit: float | None = None) -> Comparison:
    """Solve by couponry with its default settings on one thread; check, and compare with HiGHS."""
    result: Result | None = None
    chosen = None
    started = time.perf_counter()
    try:
        result = drawn.campaign().solve(threads=1, time_limit=time_limit)
    except Exception as error:  # one crash must not hide what the other seeds show
        wrong = [f"{type(error).__name__}: {error}"]
    seconds = time.perf_counter() - started
    if result is not None:
        chosen, wrong = verify(by.oracle, by.reach, result)
    return Comparison(
        drawn.seed,
        "crashed" if result is None else result.status,
        "none" if result is None else result.method,
        len(by.oracle.customers),
        len(by.oracle.offer),
        None if chosen is None else by.oracle.objective(chosen),
        None if result is None else result.bound,
        by.found,
        seconds,
        by.seconds,
        wrong,
    )


def report(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """The figures of a run."""
    kept = [c for c in comparisons if not c.wrong]
    shortfalls = {c.seed: c.shortfall for c in kept if c.shortfall is not None}
    above = {c.seed: c.above for c in kept if c.above is not None}
    worst = sorted(shortfalls, key=lambda seed: -shortfalls[seed])[:10]
    return {
        "seeds": len(comparisons),
        "feasible": len(kept),
        "failures": {c.seed: c.wrong[:5] for c in comparisons if c.wrong},
        "statuses": Counter(c.status for c in comparisons),
        "methods": Counter(c.method for c in comparisons),
        "worst_shortfall_percent": max(shortfalls.values(), default=None),
        "mean_shortfall_percent": sum(max(0.0, s) for s in shortfalls.values())
        / max(1, len(shortfalls)),
        "worst_shortfalls": {seed: round(shortfalls[seed], 5) for seed in worst},
        "worst_shortfall_to_highs_bound_percent": max(
            (c.behind_bound for c in kept if c.behind_bound is not None), default=None
        ),
        "least_bound_above_optimum_percent": min(above.values(), default=None),
        "bounds_below_optimum": {seed: a for seed, a in above.items() if a < -1e-7},
        "highs_proved": sum(c.highs.status == "optimal" for c in comparisons),
        "seconds": {
            "couponry": round(sum(c.seconds for c in comparisons), 2),
            "couponry_worst": round(max(c.seconds for c in comparisons), 2),
            "highs": round(sum(c.highs_seconds for c in comparisons), 2),
            "highs_worst": round(max(c.highs_seconds for c in comparisons), 2),
        },
    }


@contextmanager
def core_switched(on: bool) -> Iterator[None]:
    """With the exact core, or without it."""
    solver = couponry.solver.solve
    before = solver.CORE_CANDIDATES
    solver.CORE_CANDIDATES = before if on else 0
    try:
        yield
    finally:
        solver.CORE_CANDIDATES = before


def measured(options: argparse.Namespace, seed: int) -> tuple[set[str], dict[str, Comparison]]:
    """What a seed's campaign has in it, and how it compares with each method that was asked for."""
    drawn = draw(seed, options.largest)
    by = measure_by_highs(drawn, options.highs_seconds, options.highs_gap)
    found = {}
    for method in methods_of(options):
        with core_switched(method == "default"):
            found[method] = compare(drawn, by, time_limit=options.time_limit)
    return drawn.features, found


def methods_of(options: argparse.Namespace) -> list[str]:
    return ["default", "dual"] if options.method == "both" else [options.method]


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where every campaign's allocation holds and no bound is below what is possible."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="how many campaigns")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--method", choices=["default", "dual", "both"], default="default")
    parser.add_argument("--largest", type=int, default=2000, help="customers at most")
    parser.add_argument("--time-limit", type=float, help="seconds that couponry has for each")
    parser.add_argument("--highs-seconds", type=float, default=5.0, help="that HiGHS has for each")
    parser.add_argument("--highs-gap", type=float, default=1e-5, help="relative gap HiGHS stops at")
    parser.add_argument("--processes", type=int, default=1, help="that campaigns are shared out to")
    options = parser.parse_args(arguments)
    # HiGHS prints a line of its own at times, past Python: standard output is for the figures only
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    comparisons: dict[str, list[Comparison]] = {method: [] for method in methods_of(options)}
    features = Counter[str]()
    seeds = range(options.first, options.first + options.seeds)
    for found, by_method in in_order(partial(measured, options), seeds, options.processes):
        features.update(found)
        for method, now in by_method.items():
            comparisons[method].append(now)
            shown = " ".join(
                f"{name} {value:+.5f}%"
                for name, value in (("shortfall", now.shortfall), ("bound above", now.above))
                if value is not None
            )
            print(
                f"seed {now.seed} {method}: {now.status} {now.method} {now.customers}x{now.candidates} "
                f"{shown} {now.seconds:.2f} s, HiGHS {now.highs.status} {now.highs_seconds:.2f} s "
                f"{'; '.join(now.wrong[:3])}",
                file=sys.stderr,
                flush=True,
            )
    reports = {method: report(found) for method, found in comparisons.items()}
    settings = {
        name: getattr(options, name)
        for name in ("first", "largest", "time_limit", "highs_seconds", "highs_gap", "processes")
    }
    figures = {"settings": settings, **reports, "features": features, **describe(1)}
    with output:
        print(json.dumps(figures, indent=1), file=output)
    failed = [r for r in reports.values() if r["failures"] or r["bounds_below_optimum"]]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
