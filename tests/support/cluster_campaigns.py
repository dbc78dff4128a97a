"""Campaigns for engines over shards, one of each kind that passes differ by, and fingerprints of their results."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from couponry import (
    Campaign,
    ClusterCampaign,
    ClusterResult,
    CustomerRule,
    Limit,
    PreviousPlan,
)
from couponry.engines import Cluster
from couponry.result import Result
from couponry.solver.options import SampleSize, SamplingOptions, SizeOptions, SolverOptions

CUSTOMERS, OFFERS, WIDTH = 1_920, 40, 8

AS_THE_LARGEST = SolverOptions(
    sizes=SizeOptions(tiny_candidates=0, in_memory_candidates=0),
    sampling=SamplingOptions(
        first_candidates=1 << 10,
        curvature=SampleSize(1 << 11, 0.0, 1 << 11),
        regret=SampleSize(1 << 11, 0.0, 1 << 11),
    ),
)
"""Solves these campaigns as the largest are solved: by samples, with most customers fixed."""


def tables(ties: bool = False, customers: int = CUSTOMERS) -> dict[str, pa.Table]:
    """Offers of eight brands; each customer has some of them, and text for an id."""
    random = np.random.default_rng(1)
    offer = np.argsort(random.random((customers, OFFERS)), axis=1)[:, :WIDTH].ravel()
    value = random.gamma(2.0, 1.0, len(offer)).astype(np.float32)
    customer = np.char.add("c", np.arange(customers).astype(str))
    return {
        "offers": pa.table(
            {
                "offer": np.arange(OFFERS),
                "brand": np.array([f"b{j % 8}" for j in range(OFFERS)]),
                "product": np.arange(OFFERS) // 2,
            }
        ),
        "candidates": pa.table(
            {
                "customer": np.repeat(customer, WIDTH),
                "offer": offer,
                "value": np.ones(len(offer)) if ties else value,
                "cost": random.uniform(0.2, 1.0, len(offer)),
            }
        ),
        "customers": pa.table(
            {
                "customer": customer,
                "segment": random.choice(["gold", "silver", "new"], customers),
                "slots": random.integers(1, 5, customers),
            }
        ),
    }


SLOTS = CustomerRule("slots", max=3)
CAPS = Limit("caps", by="brand", max=500)


def mixed() -> Campaign:
    """Caps, a promise and a budget."""
    limits = [CAPS, Limit("promise", where={"brand": "b1"}, min=450)]
    return Campaign(**tables(), rules=[SLOTS], limits=[*limits, Limit("b", sum="cost", max=2_200)])


def segments(customers: int = CUSTOMERS) -> Campaign:
    """Bounds that differ by customer, and limits on some customers alone."""
    rules = [CustomerRule("slots", max="slots"), CustomerRule("brands", by="brand", max=1)]
    limits = [
        Limit("gold", max=700, customers={"segment": ["gold"]}),
        Limit("new", min=300, where={"brand": ["b2", "b3"]}, customers={"segment": ["new"]}),
    ]
    return Campaign(**tables(customers=customers), rules=rules, limits=[CAPS, *limits])


def contacts() -> Campaign:
    """A history, and rules that overlap, so that customers are searched."""
    made = tables()
    random = np.random.default_rng(5)
    who = random.integers(0, CUSTOMERS, 1_500)
    had = pa.table(
        {"customer": np.char.add("c", who.astype(str)), "offer": random.integers(0, OFFERS, 1_500)}
    )
    rules = [
        CustomerRule("slots", min=1, max="slots"),
        CustomerRule("brands", by="brand", max=1),
        CustomerRule("products", by="product", max=1),
        CustomerRule("apart", conflicts={"offer_a": [1, 2, 5], "offer_b": [10, 23, 30]}),
    ]
    return Campaign(**made, history=had, rules=rules, limits=[CAPS])


def matching() -> Campaign:
    """Everybody is alike, so that only noise tells them apart."""
    limits = [Limit("each", by="offer", max=23), Limit("budget", sum="cost", max=480)]
    return Campaign(**tables(ties=True), rules=[CustomerRule("one", max=1)], limits=limits)


def soft() -> Campaign:
    """A soft limit, and ratios, hard and soft."""
    limits = [
        CAPS,
        Limit("wish", min=700, where={"brand": "b3"}, mode="soft", penalty=0.4),
        Limit("return", ratio=("value", "cost"), min=5.5),
        Limit("mix", ratio=("value", "cost"), min=9.0, mode="soft", penalty=20.0),
    ]
    return Campaign(**tables(), rules=[SLOTS], limits=limits)


def infeasible() -> Campaign:
    """A promise that caps and rules of single customers do not leave room for."""
    rules = [CustomerRule("slots", max="slots"), CustomerRule("brands", by="brand", max=1)]
    caps = Limit("caps", by="brand", max=64)
    limits = [caps, Limit("promise", where={"brand": ["b1", "b2"]}, min=160)]
    return Campaign(**tables(customers=320), rules=rules, limits=limits)


def sums() -> Campaign:
    """Rules about sums and different values, and offers that require others."""
    needs = {"offer": [3, 1, 7], "requires": [2, 4, 12]}
    rules = [
        CustomerRule("slots", max="slots"),
        CustomerRule("purse", sum="cost", max=1.6),
        CustomerRule("worth it", sum="value", min=1.5),
        CustomerRule("wide", distinct="brand", max=2),
        CustomerRule("follow-up", requires=needs),
    ]
    return Campaign(**tables(), rules=rules, limits=[CAPS])


def messages() -> Campaign:
    """What the k-th message costs, in all and of some offers, of which customers have had some."""
    random = np.random.default_rng(6)
    had = pa.table(
        {
            "customer": np.char.add("c", random.integers(0, CUSTOMERS, 900).astype(str)),
            "offer": random.integers(0, OFFERS, 900),
        }
    )
    rules = [
        CustomerRule("messages", cost=["first", "second", "third"], history=True),
        CustomerRule("mails", cost=[0.0, 0.3], where={"brand": ["b1", "b2", "b3"]}),
    ]
    made = tables()
    first = random.choice([0.1, 0.2, 0.4], CUSTOMERS)
    for number, name in enumerate(["first", "second", "third"]):
        made["customers"] = made["customers"].append_column(name, pa.array(first * (1 + number)))
    return Campaign(**made, history=had, rules=rules, limits=[CAPS])


FAIR = Limit(
    "fair",
    customers={"segment": ["new"]},
    relative_to={"customers": {"segment": ["gold"]}},
    per_head=True,
    min=0.9,
)


def heads() -> Campaign:
    """A limit per head, which counts customers who have no candidates, too."""
    made = tables()
    nobody = {"customer": [f"n{n}" for n in range(90)], "segment": ["gold", "new", "new"] * 30}
    others = pa.table(nobody | {"slots": [1] * 90}, made["customers"].schema)
    made["customers"] = pa.concat_tables([made["customers"], others])
    return Campaign(**made, rules=[SLOTS], limits=[CAPS, FAIR])


def households() -> Campaign:
    """Customers of whom some are one unit, and a limit per head of theirs."""
    made = tables()
    house = np.arange(CUSTOMERS) // 3
    alone = np.arange(CUSTOMERS) % 5 == 0
    made["customers"] = made["customers"].append_column("house", pa.array(house, mask=alone))
    rules = [CustomerRule("in a house", max=4), CustomerRule("each", max=2, each="customer")]
    return Campaign(**made, unit="house", rules=rules, limits=[CAPS, FAIR])


def homes() -> Campaign:
    """Households that are spread over all ids, with members who have no candidates, a history and costs of messages."""
    made, random = tables(), np.random.default_rng(8)
    who = [f"n{n}" for n in range(60)] + [f"c{n}" for n in range(CUSTOMERS)]
    house = random.integers(0, 900, len(who))
    first = random.choice([0.1, 0.2, 0.4], 900)
    everybody = {
        "customer": who,
        "segment": random.choice(["gold", "new"], len(who)),
        "home": [None if n % 7 == 0 else f"h{h}" for n, h in enumerate(house.tolist())],
        **{f"cost {k}": first[house] * k for k in (1, 2, 3)},
    }
    had = {
        "customer": [who[n] for n in random.integers(0, len(who), 700)],
        "offer": random.integers(0, OFFERS, 700),
    }
    rules = [
        CustomerRule("messages", cost=["cost 1", "cost 2", "cost 3"], history=True),
        CustomerRule("each", max=2, each="customer"),
        CustomerRule("brands", by="brand", max=1),
    ]
    made["customers"] = pa.table(everybody)
    made["candidates"] = made["candidates"].filter(pa.array(random.random(WIDTH * CUSTOMERS) < 0.8))
    return Campaign(**made, history=had, unit="home", rules=rules, limits=[CAPS, FAIR], backups=2)


def kept() -> Campaign:
    """A plan before, of which much is to stay; some of its pairs are no candidates any more."""
    return _again(np.arange(1, 2 * CUSTOMERS, 3), keep=0.3, bonus=0.05)


def again() -> Campaign:
    """A plan before, of which much is to stay, and backups."""
    return _again(np.arange(0, 3 * CUSTOMERS, 2), 2, keep=0.3, bonus=0.05)


def _again(pairs: Any, backups: int = 0, **asked: Any) -> Campaign:
    made = tables()
    last = (
        made["candidates"]
        .select(["customer", "offer"])
        .slice(0, 3 * CUSTOMERS)
        .take(pa.array(pairs))
    )
    if not backups:
        gone = {
            "customer": last["customer"][:3],
            "offer": pa.array([10_000] * 3, last["offer"].type),
        }
        last = pa.concat_tables([last, pa.table(gone)])
    before = PreviousPlan(last, **asked)
    return Campaign(**made, rules=[SLOTS], limits=[CAPS], previous=before, backups=backups)


KINDS: dict[str, Callable[[], Campaign]] = {
    made.__name__: made
    for made in (
        mixed, segments, contacts, matching, soft, infeasible, sums, heads, kept, messages, households,
        homes, again,
    )
}  # fmt: skip

STAY_THERE = (
    "mixed",
    "segments",
    "contacts",
    "matching",
    "soft",
    "infeasible",
    "sums",
    "heads",
    "kept",
    "messages",
    "households",
    "homes",
    "again",
)
"""Kinds whose customers may stay on a cluster."""


def on_cluster(
    campaign: Campaign, engine: Cluster, take: Callable[[pa.Table], Any] | None = None
) -> ClusterCampaign:
    """The same campaign with its customers on a cluster; rows in any order, each table as `take` makes it."""
    made, random = campaign.data, np.random.default_rng(11)
    candidates = pa.concat_tables(made.candidates_tables())
    given = [
        table if table is None else table.take(random.permutation(len(table)))
        for table in (candidates, made.customers, made.history)
    ]
    given = [table if table is None or take is None else take(table) for table in given]
    agreed: dict[str, Any] = {"rules": made.rules, "limits": made.limits, "value": made.value}
    agreed |= {"backups": made.backups, "unit": made.unit}
    if made.previous is not None:
        last = pa.concat_tables(made.previous_tables())
        last = last.take(random.permutation(len(last)))
        gone = made.previous.pairs - made.previous.candidates
        agreed["previous"] = PreviousPlan(last if take is None else take(last), gone=gone)
    return ClusterCampaign(engine, made.offers, *given, **agreed)


GAPS = dict.fromkeys(KINDS, 4e-3) | {"matching": 1e-4}
"""Gap that each kind is solved to: matching ends under noise, and nothing takes long."""


def solved(kind: str, **options: Any) -> Result:
    """Solve a campaign of a kind as the largest are solved."""
    return KINDS[kind]().solve(gap=GAPS[kind], solver_options=AS_THE_LARGEST, **options)


def solved_on_cluster(
    kind: str, engine: Cluster, take: Any = None, **options: Any
) -> ClusterResult:
    """The same with customers on a cluster."""
    campaign = on_cluster(KINDS[kind](), engine, take)
    return campaign.solve(gap=GAPS[kind], solver_options=AS_THE_LARGEST, **options)


def fingerprint(result: Result | ClusterResult) -> str:
    """SHA-256 of the allocation, the prices, the limits, and every figure that depends on no clock or machine."""
    digest = hashlib.sha256()
    allocation = None if result.allocation is None else result.allocation.to_arrow()
    backups = None if result.backups is None else result.backups.to_arrow()
    for table in (allocation, result.limits, backups):
        if table is not None:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table.combine_chunks())
            digest.update(sink.getvalue())
    digest.update(result.prices.tobytes())
    digest.update(repr(figures(result)).encode())
    return digest.hexdigest()


def figures(result: Result | ClusterResult) -> dict[str, Any]:
    """What a result says beside its tables."""
    names = (
        "status", "message", "objective", "objective_error", "bound", "gap", "max_violation", "nit",
        "allocated", "customers_below_min", "customers_without_mandatory", "customers_cut_off",
        "method", "infeasible", "message_costs", "previous",
    )  # fmt: skip
    return {name: getattr(result, name) for name in names}
