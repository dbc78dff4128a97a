"""Checks infeasible.json: its limits and rules exist, with the bounds that it says; and nothing is allocated."""

from __future__ import annotations

from typing import Any

from ..model.rules import MANDATORY
from .claims import Claims
from .inputs import Inputs
from .recomputed_limits import RecomputedLimit


def check_conflict(inputs: Inputs, known: list[RecomputedLimit], claims: Claims) -> None:
    """Check the result of a campaign that is said to be infeasible.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.
    known : list of RecomputedLimit
        Its limits, with nothing given.
    claims : Claims
        Receives the problems found.
    """
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
    claims.true["limits"] = len(known)
    limits, rules = conflict.get("limits", []), conflict.get("customer_rules", [])
    if not limits and not rules:
        claims.note("infeasible.json: it names neither a limit nor a customer rule")
    for entry in limits:
        _check_limit(entry, known, claims)
    for entry in conflict.get("way_out", []):
        _check_limit(entry, known, claims, "way_out: ")
    names = [rule.name for rule in inputs.data.rules]
    if inputs.data.candidates.mandatory is not None:
        names.append(MANDATORY)
    for name in (entry.get("customer_rule") for entry in rules):
        if name not in names:
            claims.note(f"infeasible.json: there is no customer rule {name!r}")


def _check_limit(
    entry: dict[str, Any], limits: list[RecomputedLimit], claims: Claims, where: str = ""
) -> None:
    """Note a limit that is not there, or that has other bounds."""
    name = entry.get("limit")
    key = ("hard", name, entry.get("group"), entry.get("sum"))
    meant = [limit for limit in limits if (limit.mode, limit.name, limit.group, limit.sum) == key]
    for bound in ("min", "max"):
        said = entry.get(bound)
        if said is not None and all(getattr(limit, bound) != said for limit in meant):
            claims.note(f"infeasible.json: {where}no hard limit {name!r} asks {bound} {said}")
    if entry.get("min") is None and entry.get("max") is None:
        claims.note(f"infeasible.json: {where}limit {name!r}: it asks for nothing")
