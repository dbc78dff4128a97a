"""Campaigns with every kind of rule and limit, and customers who come after the solve."""

from __future__ import annotations

from typing import Any

import numpy as np

import couponry

OFFERS = 30
SUMS = 6
"""Campaigns of this seed and later ones have rules about sums, different values and requirements, too."""

ROLES = ("reward", "activation", "innovation")

Tables = dict[str, Any]


def people(ids: Any) -> Tables:
    """What is known of customers."""
    ids = np.asarray(ids)
    return {
        "customer": ids,
        "segment": np.array(["gold", "silver", "tin"])[ids % 3],
        "most": 2 + ids % 3,
    }


def requests(
    seed: int, ids: Any, width: int = 12, *, roles: bool = True, beyond: float = 0.0
) -> Tables:
    """Candidates of customers, sorted, a share of them with responses beyond what others have."""
    random = np.random.default_rng(seed)
    offer = [np.sort(random.choice(OFFERS, width, replace=False)) for _ in ids]
    n = width * len(ids)
    response = 0.05 + 0.4 * random.random(n)
    response[random.random(n) < beyond] *= 1.8
    found = {
        "customer": np.repeat(np.asarray(ids), width),
        "offer": np.concatenate([np.zeros(0, int), *offer]) + 100,
        "response": response,
        "points": random.random(n),
    }
    if roles:
        found["role"] = np.array(ROLES)[random.integers(0, 3, n)]
    return found


def late_campaign(seed: int, customers: int = 250, *, roles: bool = True) -> couponry.Campaign:
    """A campaign of customers 0, 1, ..., that binds."""
    random = np.random.default_rng([seed, 1])
    offers = {
        "offer": np.arange(OFFERS) + 100,
        "brand": [f"b{i % 7}" for i in range(OFFERS)],
        "supplier": [f"s{i % 4}" for i in range(OFFERS)],
        "face_value": 0.5 + random.random(OFFERS),
        "margin": 1.0 + 3.0 * random.random(OFFERS),
    }
    ids = np.arange(customers)
    rules = [
        couponry.CustomerRule("slots", max="most"),
        couponry.CustomerRule("brand", by="brand", max=1),
        couponry.CustomerRule("supplier", by="supplier", max=2),
        couponry.CustomerRule("apart", conflicts={"offer_a": [100, 101], "offer_b": [102, 103]}),
    ]
    if seed >= SUMS:
        rules += [
            couponry.CustomerRule("purse", sum="cost", max=0.5),
            couponry.CustomerRule("worth it", sum="points", min=0.4),
            couponry.CustomerRule("with", requires={"offer": [104, 105], "requires": [106, 107]}),
            couponry.CustomerRule("wide", distinct="supplier", min=2, customers={"segment": "tin"}),
        ]
    if seed % 2:
        rules.append(couponry.CustomerRule("some", min=1))
    limits = [
        couponry.Limit("print", by="offer", max=0.09 * customers),
        couponry.Limit("budget", sum="cost", max=0.35 * customers),
        couponry.Limit("gold", max=0.8 * customers, customers={"segment": "gold"}),
        couponry.Limit("points", sum="points", max=customers, where={"supplier": "s1"}),
        couponry.Limit("wish", min=customers, where={"brand": "b1"}, mode="soft", penalty=0.1),
    ]
    if roles:
        limits.append(couponry.Limit("rewards", min=0.1 * customers, where={"role": "reward"}))
        rules.append(couponry.CustomerRule("roles", by="role", max=2))
    return couponry.Campaign(
        offers, requests(seed, ids, roles=roles), people(ids), rules=rules, limits=limits
    )


NO_BOUNDS = {name: {"max": 1e9} for name in ("print", "budget", "gold", "points")}
"""Maximums that never bind."""


def request_of(table: Tables, customer: int) -> tuple[list[int], Tables, Tables]:
    """What a decider is asked about one customer: offers, values and roles."""
    at = np.flatnonzero(table["customer"] == customer)
    values = {name: table[name][at] for name in ("response", "points")}
    roles = {"roles": table["role"][at].tolist()} if "role" in table else {}
    return table["offer"][at].tolist(), values, roles


def known_of(customer: int) -> Tables:
    """What is known of one customer."""
    return {name: column.tolist()[0] for name, column in people([customer]).items()}
