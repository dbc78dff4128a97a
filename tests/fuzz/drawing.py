"""Draws small campaigns with every rule, every kind of limit and every scale, by number."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from tests.fuzz.combined_rules import CombinedRules
from tests.fuzz.exhaustive import choices_of
from tests.fuzz.newer_rules import NewerRules
from tests.fuzz.reading import Measure, Reading, labels_of
from tests.fuzz.small_campaign import Row, Settings, SmallCampaign

from couponry import CustomerRule, Limit

MOST_ALLOCATIONS = 20_000
"""Customers are left out until no more are to be looked through."""

SMALLEST, LARGEST = -12.0, 12.0
"""Powers of ten between which scales are drawn."""

PRODUCTS, BRANDS, CHANNELS = ("tea", "jam", "oats"), ("A", "B", "C"), ("mail", "app", "till")
ROLES, SEGMENTS, TAGS = ("reward", "activation", "innovation"), ("gold", "silver"), ("x", "y", "z")


def draw(number: int) -> SmallCampaign:
    """The small campaign of a number."""
    return draw_from(random.Random(f"couponry {number}"))


def draw_from(source: random.Random) -> SmallCampaign:
    """A small campaign of a source of random numbers, whatever that is: Hypothesis has one that it can shrink."""
    return _Draw(source).campaign()


class _Draw:
    """One campaign being drawn; what came of it is remembered in `features`."""

    def __init__(self, source: random.Random):
        self.random = source
        self.features: set[str] = set()
        self.regime = self.random.choice(
            ["plain", "plain", "scaled", "scaled", "by column", "by cell"]
        )
        self.features.add(f"scale: {self.regime}")
        self.scale = self.power() if self.regime == "scaled" else 1.0

    def chance(self, probability: float, feature: str = "") -> bool:
        """True with this probability; remembered where it has a name."""
        happens = self.random.random() < probability
        if happens and feature:
            self.features.add(feature)
        return happens

    def power(self) -> float:
        """A scale between the smallest and the largest; of two half of the time."""
        exponent = self.random.uniform(SMALLEST, LARGEST)
        if self.random.random() < 0.5:
            return 2.0 ** round(exponent * math.log2(10.0))
        return float(10.0 ** round(exponent))

    def near_one(self, spread: float) -> float:
        """A number around 1; other sources of random numbers may draw far too far off."""
        return min(1e3, max(1e-3, self.random.lognormvariate(0.0, spread)))

    def column(self, size: int, least: float = 0.0, money: bool = True) -> list[float]:
        """Numbers of one kind and scale; `least` 0 for none below it, -1 for any sign."""
        rng = self.random
        kind = rng.choice(["real", "real", "cents", "whole", "few", "powers"])
        draws: dict[str, Callable[[], float]] = {
            "real": lambda: self.near_one(0.8),
            "cents": lambda: round(rng.uniform(0.05, 5.0), 2),
            "whole": lambda: float(rng.randrange(1, 9)),
            "few": lambda: rng.choice([1.0, 2.0, 3.0]),
            "powers": lambda: 2.0 ** rng.randrange(-3, 4),
        }
        scale = self.scale if money else 1.0
        if self.regime == "by column":
            scale = self.power()
        numbers = []
        with_zeros, with_negative = rng.random() < 0.2, least < 0 and rng.random() < 0.6
        for _ in range(size):
            number = draws[kind]() * scale
            if self.regime == "by cell" and rng.random() < 0.4:
                number *= self.power()
            if with_zeros and rng.random() < 0.3:
                number = 0.0
            if with_negative and rng.random() < 0.3:
                number = -number
            numbers.append(number)
        return numbers

    # ---- tables

    def campaign(self) -> SmallCampaign:
        """Tables, then rules, then limits around an allocation that keeps the rules; then how it is solved."""
        offers, candidates = self.offers_and_candidates()
        customers = self.customers({row["customer"] for row in candidates})
        rules = self.rules(offers, customers is not None)
        if self.chance(0.25, "mandatory offers"):
            for row in candidates:
                row["mandatory"] = self.random.choice([True, False, False, None])
        history = self.history(offers, candidates) if self.chance(0.25, "history") else None
        rules = NewerRules(offers, self.features).rules(rules, customers, history)
        value = "profit" if "profit" in candidates[0] else "value"
        small = SmallCampaign(offers, candidates, customers, history, rules, [], value)
        small = CombinedRules(small, self.features).campaign()
        small = self.few_enough(small)
        reading = Reading(small)
        planted = self.planted(reading)
        limits = self.limits(small, reading, planted)
        small = replace(small, limits=limits, settings=self.settings())
        changes = self.changes(small)
        written = self.chance(0.06, "written, and verified")
        features = frozenset(self.features)
        return replace(small, changes=changes, is_written=written, features=features)

    def offers_and_candidates(self) -> tuple[list[Row], list[Row]]:
        rng = self.random
        count = rng.randrange(1, 7)
        ids: list[Any] = rng.sample(range(-20, 60), count)
        people: list[Any] = rng.sample(range(100), rng.choice([1, 2, 3, 3, 4, 4, 5, 5, 6, 8]))
        if self.chance(0.3, "ids are text"):
            ids, people = [f"o{n}" for n in ids], [f"c{n:03d}" for n in people]
        nulls = self.chance(0.3, "null attributes")

        def some(values: Sequence[Any]) -> Any:
            return None if nulls and rng.random() < 0.2 else rng.choice(values)

        offers = [
            {
                "offer": one,
                "product": some(PRODUCTS),
                "brand": some(BRANDS),
                "channels": some([rng.sample(CHANNELS, rng.randrange(0, 3))]),
                "day": some(range(1, 15)),
                "points": rng.randrange(0, 5),
            }
            for one in ids
        ]
        self.spread(offers, "weight", self.column(count, -1.0, money=False))
        widest = 3 if len(people) > 5 else 5
        pairs = [
            (who, one)
            for who in people
            for one in rng.sample(ids, min(count, rng.randrange(1, widest + 1)))
        ]
        rng.shuffle(pairs)
        candidates: list[Row] = [{"customer": who, "offer": one} for who, one in pairs]
        if self.chance(0.4, "roles"):
            for row in candidates:
                row["role"] = rng.choice([*ROLES, None])
        self.money(offers, candidates)
        self.spread(candidates, "effort", self.column(len(pairs), 0.0, money=False))
        self.spread(candidates, "net", self.column(len(pairs), -1.0, money=False))
        return offers, candidates

    def spread(self, rows: list[Row], name: str, numbers: Sequence[float]) -> None:
        """Give rows a column."""
        for row, number in zip(rows, numbers, strict=True):
            row[name] = number

    def money(self, offers: list[Row], candidates: list[Row]) -> None:
        """Values, costs and responses: as columns, or by the format's defaults."""
        size = len(candidates)
        kind = self.random.choice(["value and cost", "value and cost", "defaults", "own column"])
        self.features.add(f"money: {kind}")
        digits = self.random.choice([2, 16])
        response = [round(self.random.random(), digits) for _ in candidates]
        if kind == "value and cost":
            self.spread(candidates, "value", self.column(size, -1.0))
            self.spread(candidates, "cost", self.column(size))
            if self.chance(0.5):
                self.spread(candidates, "response", response)
            else:
                self.spread(offers, "response", [self.random.random() for _ in offers])
            return
        self.spread(candidates, "response", response)
        for name in ("margin", "face_value", "issue_cost"):
            rows = candidates if self.chance(0.4) else offers
            if name != "issue_cost" or self.chance(0.5):
                self.spread(rows, name, self.column(len(rows)))
        if kind == "own column":
            self.spread(candidates, "profit", self.column(size, -1.0))

    def customers(self, people: set[Any]) -> list[Row] | None:
        rng = self.random
        if not self.chance(0.7, "customers table"):
            return None
        everybody = [*sorted(people), "c999" if isinstance(next(iter(people)), str) else 999]
        rng.shuffle(everybody)
        return [
            {
                "customer": who,
                "segment": rng.choice([*SEGMENTS, None]),
                "age": rng.choice([None, rng.randrange(18, 80)]),
                "tags": rng.sample(TAGS, rng.randrange(0, 3)),
                "most": (most := rng.randrange(0, 4)),
                "least": rng.randrange(0, most + 1),
                "few": rng.randrange(0, 3),
            }
            for who in everybody
        ]

    # ---- customer rules

    def where(self, offers: list[Row]) -> dict[str, Any]:
        """Conditions over offers and role; on values that offers have, mostly: others may be refused."""
        rng = self.random
        if rng.random() < 0.05:
            return {"day": {"min": rng.randrange(1, 8), "max": rng.randrange(8, 15)}}

        def some(column: str) -> list[Any]:
            return sorted({label for row in offers for label in labels_of(row[column])})

        brands, products, channels = some("brand"), some("product"), some("channels")
        conditions: list[dict[str, Any]] = [{"points": rng.sample(some("points"), 1)}]
        if brands:
            conditions += [{"brand": rng.choice(brands)}, {"brand": brands[:2]}]
        if products:
            conditions.append({"product": products[:2], "points": {"max": max(some("points"))}})
        if channels:
            conditions += [{"channels": rng.choice(channels)}, {"channels": channels[:2]}]
        if some("day"):
            day = rng.choice(some("day"))
            conditions += [{"day": {"min": day}}, {"day": {"min": day - 3, "max": day + 3}}]
        if "roles" in self.features:
            conditions += [{"role": rng.choice(ROLES)}, {"role": list(ROLES[:2])}]
        return rng.choice(conditions)

    def by(self) -> str:
        """A column that makes groups."""
        columns = ["product", "brand", "channels", "day", "offer"]
        return self.random.choice(columns + (["role"] if "roles" in self.features else []))

    def rules(self, offers: list[Row], with_customers: bool) -> list[CustomerRule]:
        rng = self.random
        rules: list[CustomerRule] = []

        def bound(column: str, most: int) -> int | str:
            if with_customers and self.chance(0.3, "rule bound by a column"):
                return column
            return rng.randrange(0 if rng.random() < 0.1 else 1, most + 1)

        most: int | str | None = None
        if self.chance(0.7, "rule: max of all"):
            most = bound("most", 3)
            rules.append(CustomerRule("slots", max=most))
        if self.chance(0.25, "rule: min of all"):
            # not above the max: that is refused
            largest = 2 if most is None or most == "most" else min(2, int(most))
            least = "least" if most == "most" else rng.randrange(0, largest + 1)
            rules.append(CustomerRule("some", min=least))
        if self.chance(0.3, "rule: max by"):
            rules.append(CustomerRule("one of each", max=bound("few", 2), by=self.by()))
        if self.chance(0.15, "rule: max by where"):
            where = self.where(offers)
            rules.append(CustomerRule("some of each", max=1, by=self.by(), where=where))
        if self.chance(0.3, "rule: max where"):
            rules.append(CustomerRule("window", max=bound("few", 2), where=self.where(offers)))
        if self.chance(0.2, "rule: max where"):
            rules.append(CustomerRule("other window", max=1, where=self.where(offers)))
        if self.chance(0.2, "rule: min where"):
            rules.append(CustomerRule("promise", min=bound("least", 2), where=self.where(offers)))
        if self.chance(0.15, "rule: min by"):
            rules.append(CustomerRule("every", min=1, by=self.by()))
        if len(offers) > 1 and self.chance(0.25, "rule: conflicts"):
            ids = [row["offer"] for row in offers]
            pairs = [rng.sample(ids, 2) for _ in range(rng.randrange(1, 4))]
            if rng.random() < 0.3:
                pairs.append([ids[0], ids[0]])
            a, b = zip(*pairs, strict=True)
            table = {"offer_a": list(a), "offer_b": list(b)}
            rules.append(CustomerRule("apart", conflicts=table))
        rng.shuffle(rules)
        return rules

    def history(self, offers: list[Row], candidates: list[Row]) -> list[Row]:
        """What customers have had; some on another day, some of customers who have no candidates."""
        rng = self.random
        with_day = self.chance(0.5, "history with its own day")
        with_role = "roles" in self.features and rng.random() < 0.3
        people = [row["customer"] for row in candidates]
        people.append("c998" if isinstance(people[0], str) else 998)
        rows = []
        for _ in range(rng.randrange(1, 5)):
            row: Row = {"customer": rng.choice(people), "offer": rng.choice(offers)["offer"]}
            if with_day:
                row["day"] = rng.choice([None, rng.randrange(1, 40)])
            if with_role:
                row["role"] = rng.choice([*ROLES, None])
            rows.append(row)
        return rows

    def few_enough(self, small: SmallCampaign) -> SmallCampaign:
        """Without customers who would make too many allocations."""
        reading = Reading(small)
        size, kept = 1, set()
        for i, unit in enumerate(reading.units):
            own = len(choices_of(reading.rules_of(i, small.rules), len(reading.own[i])))
            if size * own > MOST_ALLOCATIONS:
                break
            size *= own
            kept |= {*unit}
        rows = [row for row in small.candidates if row["customer"] in kept]
        return replace(small, candidates=rows)

    # ---- limits

    def planted(self, reading: Reading) -> set[int]:
        """The rows of an allocation that keeps the rules: a random one, or one of the best of a few."""
        rng = self.random
        greedy = rng.random() < 0.5
        rows: set[int] = set()
        for i, own in enumerate(reading.own):
            choices = choices_of(reading.rules_of(i, reading.small.rules), len(own))
            drawn = [rng.choice(choices) for _ in range(3 if greedy else 1)]
            best = max(
                drawn, key=lambda c: sum(reading.value[n] for k, n in enumerate(own) if c >> k & 1)
            )
            rows |= {n for k, n in enumerate(own) if best >> k & 1}
        return rows

    def limits(self, small: SmallCampaign, reading: Reading, planted: set[int]) -> list[Limit]:
        count = self.random.choice([0, 1, 1, 2, 2, 3, 3, 4, 5])
        return [self.limit(n, small, planted) for n in range(count)]

    def limit(self, number: int, small: SmallCampaign, planted: set[int]) -> Limit:
        """One limit: what it sums, over what; then bounds around what an allocation comes to."""
        rng = self.random
        sums = [
            "count",
            "count",
            "cost",
            "cost",
            "response",
            "value",
            "effort",
            "net",
            "weight",
            "points",
        ]
        if "profit" in small.candidates[0]:
            sums.append("profit")
        sum_, ratio = rng.choice(sums), None
        if self.chance(0.2, "limit: ratio"):
            ratio = (
                rng.choice(sums),
                rng.choice(["cost", "count", "effort", "response", "points"]),
            )
            sum_ = "count"
        self.features.add(f"limit: {'ratio' if ratio else sum_}")
        by = self.by() if self.chance(0.3, "limit: by") else None
        where = self.where(small.offers) if self.chance(0.4, "limit: where") else {}
        customers: dict[str, Any] = {}
        if small.customers is not None and self.chance(0.3, "limit: customers"):
            customers = self.whom(small.customers)
        mode = rng.choice(
            ["hard", "hard", "hard", "hard", "hard", "soft", "soft", "soft", "report"]
        )
        draft = Limit(
            f"limit {number}",
            sum_,
            where=where,
            customers=customers,
            by=by,
            ratio=ratio,
            mode="report",
        )
        measures = Reading(replace(small, limits=[draft])).measures()
        weights = [float(abs(w)) for m in measures for w in m.weight if w]
        typical = sorted(weights)[len(weights) // 2] if weights else 1.0
        self.features.add(f"limit: {mode}{' ratio' if ratio else ''}")
        limit = replace(draft, mode=mode)
        if mode == "soft":
            limit = replace(limit, penalty=self.penalty(small, typical, ratio is not None))
        if mode == "report" and self.chance(0.5):
            return limit
        if by is not None and measures and self.chance(0.5, "limit: table"):
            return replace(limit, table=self.bounds_table(by, measures, planted, typical))
        measure = rng.choice(measures) if measures else None
        low, high = self.bounds(measure, planted, typical)
        return replace(limit, min=low, max=high)

    def whom(self, customers: list[Row]) -> dict[str, Any]:
        """A condition over customers, on values that they have."""
        segments = sorted({row["segment"] for row in customers} - {None})
        tags = sorted({tag for row in customers for tag in row["tags"]})
        conditions: list[dict[str, Any]] = [{"age": {"min": 30}}, {"few": [0, 1]}]
        if segments:
            conditions += [{"segment": segments[0]}, {"segment": segments}]
        if tags:
            conditions += [{"tags": tags[:2]}, {"tags": self.random.choice(tags)}]
        return self.random.choice(conditions)

    def penalty(self, small: SmallCampaign, typical: float, is_ratio: bool) -> float:
        """What a unit costs: around the worth of a coupon, or nothing, or a wall."""
        rng = self.random
        values = sorted(abs(v) for v in Reading(small).value)
        worth = float(values[len(values) // 2]) or 1.0
        kind = rng.choice(["near", "near", "near", "none", "wall", "any"])
        if kind == "none":
            return 0.0
        if kind == "any":
            self.features.add("penalty of any scale")
            return self.power()
        unit = worth / (1.0 if is_ratio else typical or 1.0)
        return unit * (1e3 if kind == "wall" else self.near_one(1.0))

    def bounds_table(
        self, by: str, measures: list[Measure], planted: set[int], typical: float
    ) -> dict[str, list[Any]]:
        """Bounds of their own for some groups, some of them null."""
        kept = [m for m in measures if self.random.random() < 0.8] or measures[:1]
        pairs = [self.bounds(measure, planted, typical) for measure in kept]
        keys: list[Any] = [m.group for m in kept]
        if (
            by in ("day", "offer")
            and keys
            and keys[0] is not None
            and keys[0].lstrip("-").isdigit()
        ):
            keys = [int(key) for key in keys]
        low, high = zip(*pairs, strict=True)
        return {by: keys, "min": list(low), "max": list(high)}

    def bounds(
        self, measure: Measure | None, planted: set[int], typical: float
    ) -> tuple[float | None, float | None]:
        """Bounds around what the planted allocation comes to: just there, near it, far from it, or 0."""
        rng = self.random
        got = 0.0
        if measure is not None:
            above = sum((measure.weight[n] for n in planted), Fraction(0))
            below = Fraction(1)
            if measure.below is not None:
                below = sum((measure.below[n] for n in planted), Fraction(0))
            got = float(above / below) if below else rng.choice([0.0, typical])
        sides = rng.choice(["max", "max", "min", "min", "both", "equal"])
        self.features.add(f"limit: {sides}")

        def off() -> float:
            how = rng.choice(["there", "near", "near", "unit", "far"])
            if how == "there":
                return got
            if how == "near":
                return got * rng.uniform(0.7, 1.4)
            if how == "unit":
                return got + typical * rng.choice([-1.0, -0.5, 0.5, 1.0])
            return rng.choice([0.0, -typical, 3 * got, 2 * typical])

        if sides == "equal":
            at = got if rng.random() < 0.7 else off()
            return at, at
        low, high = sorted((off(), off()))
        if sides == "both":
            return low, high
        return (None, high) if sides == "max" else (low, None)

    # ---- how it is solved

    def settings(self) -> Settings:
        rng = self.random
        gap = rng.choice([5e-4, 5e-4, 5e-4, 0.0, 1e-2])
        threads = rng.choice([1, 1, 1, 2, 3])
        backend = "reference" if self.chance(0.06, "backend: reference") else "native"
        stages = rng.choice(["default", "default", "default", "many", "many without columns"])
        readings = rng.randrange(1, 200) if self.chance(0.1, "time limit") else None
        self.features |= {f"gap: {gap:g}", f"threads: {threads}", f"stages: {stages}"}
        return Settings(gap, threads, backend, rng.randrange(3), stages, readings)

    def changes(self, small: SmallCampaign) -> dict[Any, dict[str, float | None]]:
        """Other bounds of one limit, for a second solve."""
        rng = self.random
        able = [m for m in small.limits if m.table is None and (m.min, m.max) != (None, None)]
        if not able or not self.chance(0.15, "changed, and solved from its prices"):
            return {}
        limit = rng.choice(able)
        factor = rng.choice([0.5, 0.9, 1.1, 2.0])
        new: dict[str, float | None] = {}
        for side in ("min", "max"):
            bound = getattr(limit, side)
            if bound is not None:
                new[side] = bound * factor
        if len(new) == 2 and new["min"] > new["max"]:  # type: ignore[operator]
            new["min"], new["max"] = new["max"], new["min"]
        return {limit.name: new}
