"""Checks the certificate in result.json: objective, worst violation, bound and gap."""

from __future__ import annotations

from .claims import Claims
from .inputs import Inputs
from .recomputed_limits import RecomputedLimit
from .rounding import ROUNDING, Integers


def check_certificate(
    value: str, inputs: Inputs, rows: Integers, limits: list[RecomputedLimit], claims: Claims
) -> None:
    """Compare result.json with the objective, violation, bound and gap of the allocated candidates.

    Parameters
    ----------
    value : str
        Column whose sum is maximised.
    inputs : Inputs
    rows : ndarray of int64, shape (n_allocated,)
        Rows of the allocated candidates.
    limits : list of RecomputedLimit
    claims : Claims
        Receives what is true, and the problems found.
    """
    soft = [limit for limit in limits if limit.mode == "soft"]
    hard = [limit for limit in limits if limit.mode == "hard"]
    penalties = sum(limit.penalty * limit.violation for limit in soft)
    objective = float(inputs.column(value, rows, "objective").sum()) - penalties
    error = ROUNDING * (float(inputs.size(value, rows, "objective").sum()) + penalties)
    error += sum(limit.penalty * limit.tolerance for limit in soft)
    packed = len(rows) * inputs.packed_error(value, "objective")
    packed += sum(limit.penalty * limit.packed for limit in soft)
    claims.true["penalties"] = penalties
    below = claims.admitted("objective_error", error + 2 * packed)
    claims.check("objective", objective, error, below)
    violation = max((limit.violation for limit in hard), default=0.0)
    tolerance = max((limit.tolerance for limit in hard), default=0.0)
    claims.check("max_violation", violation, tolerance)
    _check_bound(objective, error, below, claims)


def _check_bound(objective: float, error: float, below: float, claims: Claims) -> None:
    """Check bound and gap; the claimed objective may be lower than this one by `error` and `below`."""
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
