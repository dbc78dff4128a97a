"""Verification: whatever a result claims, recomputed from the campaign's tables without the solver.

Nothing here goes through items, packing, compiled rules or the solver: allocated pairs are looked up
among the candidates by their ids, and every rule and limit is evaluated on the columns as the user
gave them, in float64.

From the bottom up: rounding and report; claims (the result's files) and given (the campaign's tables);
reach, missed and measures; then a file for each thing checked: coupons, rules, limits, certificate, conflict.
"""

from __future__ import annotations

from pathlib import Path

from ..campaign_folder.spec import Spec, read_spec
from .certificate import check_certificate
from .claims import Claims
from .conflict import check_conflict
from .coupons import check_coupons
from .inputs import Given
from .limits import check_limits
from .measures import measure
from .report import Report
from .rules import check_rules

__all__ = ["Report", "verify_result"]


def verify_result(folder: str | Path, out: str | Path) -> Report:
    """Check the result in the folder `out` against the campaign folder that it was solved from.

    Raises InvalidInput where one of the two cannot be read.
    """
    folder = Path(folder)
    spec = read_spec(folder)
    claims = Claims(Path(out))
    given = Given(folder, spec)
    claims.check("customers", len(given.customer_ids))
    claims.check("candidates", len(given))
    if claims.get("status") == "infeasible":
        check_conflict(spec, given, claims)
    else:
        _check_solution(spec, given, claims)
    return Report(not claims.problems, claims.problems, str(claims.get("status")), **claims.true)


def _check_solution(spec: Spec, given: Given, claims: Claims) -> None:
    status = claims.get("status")
    if status not in ("optimal", "feasible"):
        claims.differs("result.json: status", "optimal, feasible or infeasible", repr(status))
    if claims.has("infeasible.json"):
        claims.note("infeasible.json: there is one, but the campaign is said to be solved")
    allocation = claims.table("allocation")
    if allocation is not None:
        rows = check_coupons(allocation, given, claims)
        check_rules(spec.rules, given, rows, claims)
        measures = measure(spec.limits, given, rows)
        check_limits(measures, claims)
        check_certificate(spec.value, given, rows, measures, claims)
