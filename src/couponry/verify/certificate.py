"""The certificate in result.json: objective, worst violation, bound and gap."""

from __future__ import annotations

from .claims import Claims
from .inputs import Given
from .measures import Measured
from .rounding import ROUNDING, Integers


def check_certificate(
    value: str, given: Given, rows: Integers, measures: list[Measured], claims: Claims
) -> None:
    soft = [m for m in measures if m.mode == "soft"]
    hard = [m for m in measures if m.mode == "hard"]
    penalties = sum(m.penalty * m.missed for m in soft)
    objective = float(given.column(value, rows, "objective").sum()) - penalties
    error = ROUNDING * (float(given.size(value, rows, "objective").sum()) + penalties)
    error += sum(m.penalty * m.tolerance for m in soft)
    packed = len(rows) * given.packed_error(value, "objective")
    packed += sum(m.penalty * m.packed for m in soft)
    claims.true["penalties"] = penalties
    below = claims.admitted("objective_error", error + 2 * packed)
    claims.check("objective", objective, error, below)
    violation = max((m.missed for m in hard), default=0.0)
    claims.check("max_violation", violation, max((m.tolerance for m in hard), default=0.0))
    _check_bound(objective, error, below, claims)


def _check_bound(objective: float, error: float, below: float, claims: Claims) -> None:
    """below: how far the claimed objective may be below this one, beside the error."""
    bound = claims.true["bound"]
    if bound is None:
        if claims.get("bound") is not None:
            claims.differs("result.json: bound", "a number", repr(claims.get("bound")))
        if claims.get("gap") is not None:
            claims.differs("result.json: gap", "null without a bound", claims.get("gap"))
        if claims.get("status") == "optimal":
            claims.note("result.json: status: optimal, but there is no bound")
        return
    if bound < objective - error:
        claims.note(f"result.json: bound {bound} is below the objective {objective}")
    size = max(abs(bound), 1e-300)
    gap = 0.0 if bound == 0 and abs(objective) <= error else (bound - objective) / size
    claims.check("gap", gap, error / size + ROUNDING * abs(gap), above=below / size)
