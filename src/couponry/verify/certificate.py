"""The certificate: objective, worst violation, bound and gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .claims import Claims
from .given import Given
from .measures import Measured
from .rounding import ROUNDING, Integers


class Certificate(NamedTuple):
    """What result.json should say, as in Report; gap is None without a bound."""

    objective: float
    penalties: float
    max_violation: float
    gap: float | None


def check_certificate(
    value: str, given: Given, rows: Integers, measures: Sequence[Measured], claims: Claims
) -> Certificate:
    soft = [m for m in measures if m.mode == "soft"]
    hard = [m for m in measures if m.mode == "hard"]
    penalties = sum(m.penalty * m.missed for m in soft)
    objective = float(given.column(value, rows, "objective").sum()) - penalties
    error = ROUNDING * (float(given.size(value, rows, "objective").sum()) + penalties)
    error += sum(m.penalty * m.tolerance for m in soft)
    claims.check_number("objective", objective, error)
    violation = max((m.missed for m in hard), default=0.0)
    claims.check_number("max_violation", violation, max((m.tolerance for m in hard), default=0.0))
    return Certificate(objective, penalties, violation, _check_gap(objective, error, claims))


def _check_gap(objective: float, error: float, claims: Claims) -> float | None:
    bound = claims.number("bound")
    if bound is None:
        if claims.get("bound") is not None:
            claims.differs("result.json: bound", "a number", repr(claims.get("bound")))
        if claims.get("gap") is not None:
            claims.differs("result.json: gap", "null without a bound", claims.get("gap"))
        if claims.get("status") == "optimal":
            claims.note("result.json: status: optimal, but there is no bound")
        return None
    if bound < objective - error:
        claims.note(f"result.json: bound {bound} is below the objective {objective}")
    size = max(abs(bound), 1e-300)
    gap = 0.0 if bound == 0 and abs(objective) <= error else (bound - objective) / size
    claims.check_number("gap", gap, error / size + ROUNDING * abs(gap))
    return gap
