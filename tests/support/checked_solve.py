"""Solves of small campaigns, checked against their tables and against HiGHS."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from tests.support.comparison import verify
from tests.support.oracle import Oracle

from couponry import Campaign, CustomerRule, Limit
from couponry.result import Result

SLOTS = CustomerRule("slots", max=2)


def solve_and_check(
    offers: Any,
    candidates: Any,
    customers: Any = None,
    *,
    rules: list[CustomerRule] | None = None,
    limits: list[Limit] | None = None,
    **settings: Any,
) -> Result:
    """Solve, and check whatever comes back against the tables and against HiGHS."""
    tables = [None if t is None else pa.table(t) for t in (offers, candidates, customers)]
    parts: dict[str, Any] = {"rules": rules or [], "limits": limits or []}
    result = Campaign(*tables, **parts).solve(**{"threads": 1, **settings})
    oracle = Oracle(*tables, **parts)
    reach = oracle.reach()
    if result.allocation is not None:
        _, wrong = verify(oracle, reach, result)
        assert wrong == []
        assert result.objective is not None
        assert result.bound is not None
        optimum = oracle.solve(reach)
        assert optimum.status == "optimal"
        assert optimum.value is not None
        size = float(np.abs(oracle.value).sum()) * 1e-9
        assert result.bound >= optimum.value - size
        if result.status == "optimal" and result.bound:
            gap = settings.get("gap", 5e-4)
            assert result.objective >= optimum.value - (gap + 1e-6) * abs(result.bound) - size
    return result


def pairs(customers: int, offers: int, value: Any, **more: Any) -> tuple[dict, dict]:
    """Every customer may get every offer."""
    count = customers * offers
    return {"offer": np.arange(offers)}, {
        "customer": np.repeat(np.arange(customers), offers),
        "offer": np.tile(np.arange(offers), customers),
        "value": np.broadcast_to(np.asarray(value, float), count),
        **more,
    }


def price_of(result: Result, name: str, group: str | None = None) -> float:
    """The price of a limit, or of a group of it."""
    assert result.limits is not None
    rows = [r for r in result.limits.to_pylist() if (r["name"], r["group"]) == (name, group)]
    assert len(rows) == 1
    return rows[0]["price"]
