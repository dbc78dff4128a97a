"""infeasible.json: a conflict of limits and rules that exist and ask what it says; and no claims of an allocation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..campaign_folder.spec import Spec
from ..model.rules import MANDATORY
from .claims import Claims
from .inputs import Given
from .measures import Measured, measure


def check_conflict(spec: Spec, given: Given, claims: Claims) -> None:
    for name in ("allocation.parquet", "limits.parquet"):
        if claims.has(name):
            claims.note(f"{name}: there is one, but the campaign is said to be infeasible")
    for key in ("objective", "objective_error", "bound", "gap", "max_violation"):
        if claims.get(key) is not None:
            claims.differs(f"result.json: {key}", "null without an allocation", claims.get(key))
    claims.check("allocated", 0)
    if not claims.has("infeasible.json"):
        claims.note("infeasible.json: missing, but the campaign is said to be infeasible")
        return
    conflict = claims.read_json("infeasible.json")
    measures = measure(spec.limits, given, np.zeros(0, np.int64))
    claims.true["limits"] = len(measures)
    limits, rules = conflict.get("limits", []), conflict.get("customer_rules", [])
    if not limits and not rules:
        claims.note("infeasible.json: it names neither a limit nor a customer rule")
    for entry in limits:
        _check_limit(entry, measures, claims)
    for entry in conflict.get("way_out", []):
        _check_limit(entry, measures, claims, "way_out: ")
    names = [rule.name for rule in spec.rules]
    if given.mandatory.any():
        names.append(MANDATORY)
    for name in (entry.get("customer_rule") for entry in rules):
        if name not in names:
            claims.note(f"infeasible.json: there is no customer rule {name!r}")


def _check_limit(
    entry: dict[str, Any], measures: list[Measured], claims: Claims, where: str = ""
) -> None:
    name = entry.get("limit")
    key = ("hard", name, entry.get("group"), entry.get("sum"))
    asked = [m for m in measures if (m.mode, m.name, m.group, m.sum) == key]
    for bound in ("min", "max"):
        said = entry.get(bound)
        if said is not None and all(getattr(m, bound) != said for m in asked):
            claims.note(f"infeasible.json: {where}no hard limit {name!r} asks {bound} {said}")
    if entry.get("min") is None and entry.get("max") is None:
        claims.note(f"infeasible.json: {where}limit {name!r}: it asks for nothing")
