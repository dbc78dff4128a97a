"""Verification: whatever a result claims, recomputed from the campaign's tables without the solver.

Nothing here goes through items, packing, compiled rules or the solver: allocated pairs are looked up
among the candidates by their ids, and every rule and limit is evaluated on the columns as the user
gave them, in float64.

From the bottom up: rounding, report; claims (the result's files), given (the campaign's tables);
cells, reach, measures; then a file for each thing checked: coupons, rules, limits, certificate, conflict.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..folder import Spec, read_spec
from .certificate import check_certificate
from .claims import Claims
from .conflict import check_conflict
from .coupons import check_coupons
from .given import Given
from .limits import check_limits
from .measures import measure
from .reach import Group, most_coupons
from .report import Report
from .rules import check_rules, group_of_cell

__all__ = ["Report", "verify_result"]

# what the tests of single steps ask for by these names
_Given, _Group, _group_of_cell, _most_coupons = Given, Group, group_of_cell, most_coupons


def verify_result(folder: str | Path, out: str | Path) -> Report:
    """Check the result in the folder `out` against the campaign folder that it was solved from.

    Raises InvalidInput where one of the two cannot be read.
    """
    folder = Path(folder)
    spec = read_spec(folder)
    claims = Claims(Path(out))
    given = Given(folder, spec)
    report = Report(
        True,
        claims.problems,
        str(claims.get("status")),
        bound=claims.number("bound"),
        customers=len(given.customer_ids),
        candidates=len(given),
    )
    claims.check_count("customers", report.customers)
    claims.check_count("candidates", report.candidates)
    if report.status == "infeasible":
        report = replace(report, limits=check_conflict(spec, given, claims))
    else:
        report = _check_solution(report, spec, given, claims)
    return replace(report, ok=not claims.problems)


def _check_solution(report: Report, spec: Spec, given: Given, claims: Claims) -> Report:
    """The report with everything about an allocation."""
    if report.status not in ("optimal", "feasible"):
        claims.differs(
            "result.json: status", "optimal, feasible or infeasible", repr(claims.get("status"))
        )
    if claims.has("infeasible.json"):
        claims.note("infeasible.json: there is one, but the campaign is said to be solved")
    allocation = claims.table("allocation")
    if allocation is None:
        return report
    rows = check_coupons(allocation, given, claims)
    below_min = check_rules(spec.rules, given, rows, claims)
    measures = measure(spec.limits, given, rows)
    check_limits(measures, claims)
    certificate = check_certificate(spec.value, given, rows, measures, claims)
    return replace(
        report,
        allocated=allocation.num_rows,
        customers_below_min=below_min,
        limits=len(measures),
        objective=certificate.objective,
        penalties=certificate.penalties,
        max_violation=certificate.max_violation,
        gap=certificate.gap,
    )
