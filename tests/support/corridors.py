"""Campaigns of corridors: what coupons of each kind cost is held close to what those of a planted allocation do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tests.support.compiled import best_choice, compiled
from tests.support.oracle import Oracle

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.local import LocalEngine
from couponry.solver.primal.repair import Repair
from couponry.solver.problem import Problem
from couponry.solver.solve import solve
from couponry.solver.solve_state import SolveRequest
from couponry.utils.clock import Clock

RULES = [CustomerRule("slots", max=2), CustomerRule("one a kind", by="kind", max=1)]


def tables(seed: int, customers: int = 80, offers: int = 15) -> list[pa.Table]:
    rng = np.random.default_rng(seed)
    n = customers * offers
    return [
        pa.table({"offer": np.arange(offers), "kind": np.arange(offers) // 3}),
        pa.table(
            {
                "customer": np.repeat(np.arange(customers), offers),
                "offer": np.tile(np.arange(offers), customers),
                "value": rng.gamma(2.0, 1.0, n).round(3),
                "cost": rng.uniform(0.2, 2.0, n).round(3),
            }
        ),
    ]


def corridors(given: list[pa.Table], planted: NDArray[np.bool_], share: float) -> list[Limit]:
    """What every kind of coupon may cost, within such a share of what a planted allocation costs."""
    kind = given[0]["kind"].to_numpy()[given[1]["offer"].to_numpy()]
    cost = np.bincount(kind, given[1]["cost"].to_numpy() * planted)
    bounds = {"min": cost * (1.0 - share), "max": cost * (1.0 + share)}
    narrow = pa.table({"kind": np.arange(len(cost)), **bounds})
    return [Limit("cost", sum="cost", by="kind", table=narrow)]


@dataclass(frozen=True)
class Situation:
    """A problem, everybody's best choice at the best prices, and an allocation that keeps all limits."""

    problem: Problem
    engine: LocalEngine
    repair: Repair
    ideal: NDArray[np.uint8]
    reduced: NDArray[np.float64]
    planted: NDArray[np.uint8]
    oracle: Oracle


def situation(seed: int, threads: int = 1, share: float = 1e-3) -> Situation:
    given = tables(seed)
    free = Campaign(*given, rules=RULES).solve(threads=1).allocation.to_arrow()
    planted = np.zeros(given[1].num_rows, bool)
    position = free.column("customer").to_numpy() * 15 + free.column("offer").to_numpy()
    planted[position[::2]] = True  # every other coupon of what is best without limits
    limits = corridors(given, planted, share)
    problem, engine, repair = compiled(Campaign(*given, rules=RULES, limits=limits), threads)
    request = SolveRequest(problem, engine, 3e-3, 0, Clock(), use_highs=False)
    prices = solve(request).prices
    ideal, reduced = best_choice(problem, engine, repair, prices)
    oracle = Oracle(*given, rules=RULES, limits=limits)
    return Situation(problem, engine, repair, ideal, reduced, planted.astype(np.uint8), oracle)
