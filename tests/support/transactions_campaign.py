"""A small campaign whose candidates are made of transactions, on one machine and on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.instances.synthetic_purchases import Shoppers

from couponry import Campaign, ClusterCampaign, CustomerRule, Limit, Targeting
from couponry.engines import Cluster

SIZE = Shoppers(1200, rows=20, products=200, types=15, offers=30, weeks=20)
AGREED: dict[str, Any] = {
    "targeting": Targeting(kind="type", reward=4, activation=4, innovation=2),
    "rules": [
        CustomerRule("slots", max=3),
        CustomerRule("new", where={"role": ["innovation"]}, max=1),
    ],
    "limits": [Limit("caps", by="offer", max=90.0)],
    "value": "response",
}

HOME = "a `home`, no. 1"
"""A name that expressions of Spark must quote."""


@cache
def tables() -> dict[str, pa.Table]:
    """Offers, transactions, and what offers cover."""
    return {
        "offers": SIZE.offers_table(),
        "transactions": SIZE.block(0),
        "covers": SIZE.covers_table(),
        "products": SIZE.products_table(),
    }


def some() -> dict[str, Any]:
    """Five of six customers alone may be candidates."""
    known = tables()["transactions"]["customer"].unique().sort()
    customers = pa.table({"customer": known}).filter([row % 6 != 0 for row in range(len(known))])
    return {"customers": customers}


def homes(text: bool = False) -> dict[str, Any]:
    """Households that are spread over all ids, some customers of none, and members who have bought nothing.

    Rewards alone are candidates, so that some have bought and have none, the first ones of their households among them.
    """
    made, random = tables(), np.random.default_rng(12)
    known = made["transactions"]["customer"].unique().sort().to_pylist()
    who = [*known, *range(max(known) + 1, max(known) + 60)]
    home = random.integers(0, len(who) // 3, len(who))
    names = [f"c{n}" for n in who] if text else who
    customers = {
        "customer": names,
        HOME: [(None, "")[n % 2] if n % 7 == 0 else f"h{h}" for n, h in enumerate(home.tolist())],
        "kind": random.choice(["gold", "new"], len(who)),
    }
    offer = made["covers"]["offer"].to_numpy()
    covers = made["covers"].filter(pa.array((offer < 5) | (offer > 21)))
    gold = {"customers": {"kind": ["gold"]}}
    fair = Limit("fair", customers={"kind": ["new"]}, relative_to=gold, per_head=True, min=0.9)
    changes: dict[str, Any] = {
        "customers": pa.table(customers).filter(pc.not_equal(pa.array(who), known[1])),
        "covers": covers,
        "unit": HOME,
        "rules": [
            CustomerRule("in a home", max=4),
            CustomerRule("each", max=2, each="customer"),
        ],
        "limits": [Limit("caps", by="offer", max=40.0), fair],
        "targeting": Targeting(kind="type", reward=4, activation=0, innovation=0),
    }
    if text:
        bought = made["transactions"]
        ids = [f"c{n}" for n in bought["customer"].to_pylist()]
        changes["transactions"] = bought.set_column(0, "customer", pa.array(ids))
    return changes


def on_one_machine(**changes: Any) -> Campaign:
    """The campaign here."""
    return Campaign.from_transactions(**tables() | AGREED | changes)


def on_cluster(
    engine: Cluster, take: Callable[[pa.Table], Any] = lambda table: table, **changes: Any
) -> ClusterCampaign:
    """The campaign on a cluster, whose tables `take` makes."""
    given = tables() | AGREED | changes
    for name in ("transactions", "customers"):
        if name in given:
            given[name] = take(given[name])
    if "previous" in given:
        given["previous"] = replace(given["previous"], table=take(given["previous"].table))
    return ClusterCampaign.from_transactions(engine, **given)
