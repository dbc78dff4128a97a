"""A small campaign whose candidates are made of transactions, on one machine and on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pyarrow as pa
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


@cache
def tables() -> dict[str, pa.Table]:
    """Offers, transactions, and what offers cover."""
    return {
        "offers": SIZE.offers_table(),
        "transactions": SIZE.block(0),
        "covers": SIZE.covers_table(),
        "products": SIZE.products_table(),
    }


def some_customers() -> pa.Table:
    """Five of six customers, for a table customers."""
    known = tables()["transactions"]["customer"].unique().sort()
    return pa.table({"customer": known}).filter([row % 6 != 0 for row in range(len(known))])


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
