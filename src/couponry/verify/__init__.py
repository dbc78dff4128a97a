"""Verification: whatever a result claims, recomputed from the campaign's tables without the solver.

The tables are read by the same readers as for a solve (`data`, `campaign_folder`), and rules, limits, customers and
contact history are the declarations of `model`. From there on nothing is shared: no items, no packing, no compiled
rules or limits, no kernels, no solver. Allocated pairs are looked up among the candidates by their ids. Every rule
and limit is evaluated in float64 on the columns as the user gave them.

From the bottom up: `rounding` and `report`; `claims` (the files of the result) and `inputs` (the tables of the
campaign); `achievable`, `min_shortfall` and `recomputed_limits`; then one file for each thing that is checked:
`coupons`, `rules`, `limits`, `certificate` and `conflict`.
"""

from __future__ import annotations

from pathlib import Path

from ..campaign_folder.spec import Spec, read_spec
from .certificate import check_certificate
from .claims import Claims
from .conflict import check_conflict
from .coupons import check_coupons
from .inputs import Inputs
from .limits import check_limits
from .recomputed_limits import recompute_limits
from .report import Report
from .rules import check_rules

__all__ = ["Report", "verify_result"]


def verify_result(folder: str | Path, out: str | Path) -> Report:
    """Check a result folder against the campaign folder that it was solved from.

    Parameters
    ----------
    folder : str or Path
        Campaign folder.
    out : str or Path
        Result folder, as `Result.write` or ``couponry solve --out`` wrote it.

    Returns
    -------
    Report
        `ok` is True if everything holds; `problems` has a line for each thing that does not.

    Raises
    ------
    InvalidInput
        If one of the two folders cannot be read.

    See Also
    --------
    Result.write : Writes a result folder.

    Examples
    --------
    >>> import tempfile
    >>> import couponry
    >>> offers = {"offer": ["tea", "jam"]}
    >>> candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
    >>> campaign = couponry.Campaign(offers, candidates, rules=[couponry.CustomerRule(max=1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = couponry.write_campaign(campaign, f"{folder}/campaign")
    ...     _ = campaign.solve().write(f"{folder}/result")
    ...     report = couponry.verify_result(f"{folder}/campaign", f"{folder}/result")
    >>> report.ok, report.objective
    (True, 5.0)
    """
    folder = Path(folder)
    spec = read_spec(folder)
    claims = Claims(Path(out))
    inputs = Inputs(folder, spec)
    claims.check("customers", len(inputs.customer_ids))
    claims.check("candidates", len(inputs))
    if claims.get("status") == "infeasible":
        check_conflict(spec, inputs, claims)
    else:
        _check_solution(spec, inputs, claims)
    return Report(not claims.problems, claims.problems, str(claims.get("status")), **claims.true)


def _check_solution(spec: Spec, inputs: Inputs, claims: Claims) -> None:
    """Check a result that has an allocation."""
    status = claims.get("status")
    if status not in ("optimal", "feasible"):
        claims.differs("result.json: status", "optimal, feasible or infeasible", repr(status))
    if claims.has("infeasible.json"):
        claims.note("infeasible.json: there is one, but the campaign is said to be solved")
    allocation = claims.table("allocation")
    if allocation is not None:
        rows = check_coupons(allocation, inputs, claims)
        check_rules(spec.rules, inputs, rows, claims)
        limits = recompute_limits(spec.limits, inputs, rows)
        check_limits(limits, claims)
        check_certificate(spec.value, inputs, rows, limits, claims)
