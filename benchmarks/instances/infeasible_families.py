"""Families of campaigns that ask for a share of what can just be kept: below 1 they can be kept, above they cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from couponry import Campaign, CustomerRule, Limit

WIDTH, SLOTS = 8, 3
"""Candidates of each customer, and the coupons that it may have."""

SEGMENTS, DAYS, OFFERS, BRANDS = 5, 28, 40, 16

RATIO_ROOM = 0.05
"""Share of ratios by group by which campaigns that can be kept ask for less: near the most each is hard to repair."""

Family = Callable[[float], Campaign]
"""Makes a campaign that asks for such a share of what can just be kept."""


class Tables:
    """Offers of some brands and days, and WIDTH candidates of each customer, drawn at random.

    Attributes
    ----------
    offers, candidates, customers : pa.Table
    offer, segment : ndarray of int64, shape (n_customers, WIDTH)
        Of each candidate.
    value, cost : ndarray of float64, shape (n_customers, WIDTH)
    """

    def __init__(self, customers: int, brands: int = BRANDS, offers: int = OFFERS):
        random = np.random.default_rng([customers, brands])
        offer = np.argsort(random.random((customers, offers)), axis=1)[:, :WIDTH]
        value = random.gamma(2.0, 1.0, offer.shape)
        cost = random.uniform(0.5, 1.5, offer.shape)
        number, every = np.arange(customers), np.arange(offers)
        self.offer, self.value, self.cost = offer, value, cost
        self.segment = np.repeat(number % SEGMENTS, WIDTH).reshape(offer.shape)
        self.candidates = pa.table(
            {
                "customer": np.repeat(number, WIDTH),
                "offer": offer.ravel(),
                "value": value.ravel(),
                "cost": cost.ravel(),
            }
        )
        self.offers = pa.table(
            {
                "offer": every,
                "brand": every % brands,
                "day": 1 + every % DAYS,
                "kind": every % 2,
            }
        )
        self.customers = pa.table({"customer": number, "segment": number % SEGMENTS})

    def campaign(self, limits: list[Limit], *rules: CustomerRule) -> Campaign:
        """A campaign under some rules; by default nobody gets more than SLOTS coupons."""
        slots = (CustomerRule("slots", max=SLOTS),)
        return Campaign(
            self.offers, self.candidates, self.customers, rules=rules or slots, limits=limits
        )

    def with_column(self, name: str, values: NDArray[Any]) -> Tables:
        """The same with one more column of candidates, or another in its place."""
        other = Tables.__new__(Tables)
        other.__dict__.update(self.__dict__)
        table = self.candidates
        table = table.drop_columns(name) if name in table.column_names else table
        other.candidates = table.append_column(name, pa.array(values.ravel()))
        return other


def bounds(column: str, many: int, **bound: Any) -> pa.Table:
    """A table of bounds by a column of numbers from 0."""
    return pa.table(
        {column: np.arange(many), **{k: np.broadcast_to(v, many) for k, v in bound.items()}}
    )


def largest(values: NDArray[np.float64], slots: int = SLOTS) -> NDArray[np.float64]:
    """The largest values of each customer, one for each slot."""
    return np.asarray(np.sort(values, axis=1)[:, -slots:])


def best_ratio(value: NDArray[np.float64], cost: NDArray[np.float64], coupons: int) -> float:
    """The largest ratio of sums over so many candidates (Dinkelbach 1967)."""
    ratio = 0.0
    while True:
        taken = np.argsort(ratio * cost - value)[:coupons]
        better = float(value[taken].sum() / cost[taken].sum())
        if better <= ratio * (1.0 + 1e-9):
            return better
        ratio = better


# ---- minimums that together ask for all slots


def minimums(customers: int, brands: int = BRANDS, offers: int = OFFERS, **more: Limit) -> Family:
    """As many coupons of each brand as there are slots for, about."""
    tables = Tables(customers, brands, max(offers, 2 * brands))

    def build(ask: float) -> Campaign:
        least = np.floor(ask * customers * SLOTS / brands)
        limit = Limit("brands", by="brand", table=bounds("brand", brands, min=least))
        return tables.campaign([limit, *more.values()])

    return build


def equalities(customers: int) -> Family:
    """Exactly so many coupons of each brand."""
    tables = Tables(customers)

    def build(ask: float) -> Campaign:
        asked = np.floor(ask * customers * SLOTS / BRANDS)
        table = bounds("brand", BRANDS, min=asked, max=asked)
        return tables.campaign([Limit("brands", by="brand", table=table)])

    return build


def by_offer(customers: int, offers: int) -> Family:
    """A minimum of each offer."""
    tables = Tables(customers, BRANDS, offers)

    def build(ask: float) -> Campaign:
        table = bounds("offer", offers, min=np.floor(ask * customers * SLOTS / offers))
        return tables.campaign([Limit("offers", by="offer", table=table)])

    return build


def by_segment_and_offer(customers: int) -> Family:
    """A minimum of each offer in each segment."""
    tables = Tables(customers)

    def build(ask: float) -> Campaign:
        least = np.floor(ask * customers * SLOTS / SEGMENTS / OFFERS)
        table = bounds("offer", OFFERS, min=least)
        return tables.campaign(
            [
                Limit(f"segment {s}", by="offer", table=table, customers={"segment": s})
                for s in range(SEGMENTS)
            ]
        )

    return build


def hard_and_soft(customers: int) -> Family:
    """Minimums by brand, hard for one half of them and soft for all, beside soft wishes by segment."""
    tables = Tables(customers)

    def build(ask: float) -> Campaign:
        kind = np.where(tables.offers["kind"].to_numpy()[tables.offer] == 1, 1.0, 0.0)
        reach = largest(kind).sum()
        per_brand = np.floor(ask * reach / (BRANDS // 2))
        odd = pa.table({"brand": np.arange(1, BRANDS, 2), "min": np.full(BRANDS // 2, per_brand)})
        limits = [
            Limit("brands", by="brand", table=odd, where={"kind": 1}),
            Limit("wish", by="brand", min=customers / 8, mode="soft", penalty=0.5),
            Limit("soft budget", sum="cost", max=2.0 * customers, mode="soft", penalty=0.2),
        ]
        limits += [
            Limit(
                f"segment {s}",
                min=0.5 * customers,
                customers={"segment": s},
                mode="soft",
                penalty=0.1,
            )
            for s in range(SEGMENTS)
        ]
        return tables.campaign(limits)

    return build


# ---- money


def one_sum(customers: int) -> Family:
    """A single minimum of a sum."""
    tables = Tables(customers)
    reach = largest(tables.cost).sum()
    return lambda ask: tables.campaign([Limit("cost", sum="cost", min=ask * reach)])


def budget(customers: int) -> Family:
    """A budget that is too small for as many coupons as each segment is promised."""
    tables = Tables(customers)
    least = customers * SLOTS // SEGMENTS // 2
    cheapest = np.sort(tables.cost, axis=1)[:, :SLOTS]
    needed = sum(
        np.sort(cheapest[tables.segment[:, 0] == s].ravel())[:least].sum() for s in range(SEGMENTS)
    )

    def build(ask: float) -> Campaign:
        promised = [
            Limit(f"segment {s}", min=least, customers={"segment": s}) for s in range(SEGMENTS)
        ]
        return tables.campaign([Limit("budget", sum="cost", max=needed / ask), *promised])

    return build


def one_ratio(customers: int) -> Family:
    """A ratio over all coupons, nearly all slots of which have to be filled."""
    tables = Tables(customers)
    coupons = int(0.98 * SLOTS * customers)
    ratio = 0.0
    for _ in range(20):  # the best three of each customer at the ratio itself
        order = np.argsort(ratio * tables.cost - tables.value, axis=1)[:, :SLOTS]
        value, cost = (np.take_along_axis(a, order, 1).ravel() for a in (tables.value, tables.cost))
        taken = np.argsort(ratio * cost - value)[:coupons]
        ratio = float(value[taken].sum() / cost[taken].sum())
    return lambda ask: tables.campaign(
        [Limit("coupons", min=coupons), Limit("return", ratio=("value", "cost"), min=ask * ratio)]
    )


def ratios_by(customers: int, column: str) -> Family:
    """A ratio by brand or offer, each by itself too high for the coupons that it has to have."""
    tables = Tables(customers)
    group = tables.offers[column].to_numpy()[tables.offer].ravel()
    many = int(group.max()) + 1
    coupons = customers * SLOTS // many // 4
    value, cost = tables.value.ravel(), tables.cost.ravel()
    ratio = np.array(
        [best_ratio(value[group == g], cost[group == g], coupons) for g in range(many)]
    )

    def build(ask: float) -> Campaign:
        asked = ratio * (ask if ask > 1.0 else ask - RATIO_ROOM)
        return tables.campaign(
            [
                Limit("coupons", by=column, min=coupons),
                Limit(
                    "return", by=column, ratio=("value", "cost"),
                    table=bounds(column, many, min=asked),
                ),
            ]
        )  # fmt: skip

    return build


def two_conflicts(customers: int) -> Family:
    """Minimums of two kinds of brands that have nothing to do with each other, each more than there are slots for."""
    tables = Tables(customers)
    kind = tables.offers["kind"].to_numpy()[tables.offer]
    few = BRANDS // 2

    def build(ask: float) -> Campaign:
        limits = []
        for k in range(2):
            reach = largest(np.where(kind == k, 1.0, 0.0), 2).sum()
            least = np.full(few, np.floor(ask * reach / few))
            table = pa.table({"brand": np.arange(k, BRANDS, 2), "min": least})
            limits.append(Limit(f"kind {k}", by="brand", table=table, where={"kind": k}))
        return tables.campaign(limits, CustomerRule("two of a kind", by="kind", max=2))

    return build


# ---- customer rules


def windows(customers: int, groups: int) -> Family:
    """Rules over days that overlap, and more coupons of each brand asked for than they leave."""
    tables = Tables(customers, groups)
    rules = [
        CustomerRule(f"days {day}", max=1, where={"day": {"min": day, "max": day + 8}})
        for day in range(1, DAYS - 7, 2)
    ]
    alike = tables.with_column("value", np.ones(tables.offer.shape))
    given = alike.campaign([], *rules).solve(threads=1).allocation.to_arrow()["offer"].to_numpy()
    reach = np.bincount(given % groups, minlength=groups)

    def build(ask: float) -> Campaign:
        least = np.floor(ask * reach)
        limit = Limit("brands", by="brand", table=bounds("brand", groups, min=least))
        return tables.campaign([limit], *rules)

    return build


def print_runs(customers: int) -> Family:
    """A customer rule that asks for more coupons than are printed."""
    tables = Tables(customers)

    def build(ask: float) -> Campaign:
        limit = Limit("print run", by="offer", max=np.floor(2 * customers / OFFERS / ask))
        return tables.campaign([limit], CustomerRule("two or three", min=2, max=SLOTS))

    return build


def mandatory(customers: int) -> Family:
    """Offers that must be given, and a maximum below that."""
    tables = Tables(customers)
    must = np.random.default_rng(customers).random(tables.offer.shape) < 0.2
    reach = np.minimum(must.sum(axis=1), SLOTS).sum()
    tables = tables.with_column("mandatory", must)
    return lambda ask: tables.campaign(
        [Limit("coupons", max=np.floor(reach / ask)), Limit("cost", sum="cost", min=0.5 * reach)]
    )
