"""A sweep over one bound of one limit: what each value of it is worth, with a certificate for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..model.changes import changed
from ..model.compiled_campaign import CompiledCampaign
from ..results.solution import CampaignSolution
from ..utils.checks import check_number, did_you_mean
from ..utils.errors import InvalidInput
from ..utils.html import rows_table
from .what_if import solve_again

COLUMNS = {
    "bound": pa.float64(),
    "status": pa.string(),
    "objective": pa.float64(),
    "objective_bound": pa.float64(),
    "gap": pa.float64(),
    "price": pa.float64(),
    "achieved": pa.float64(),
    "passes": pa.float64(),
}


@dataclass(frozen=True)
class Frontier:
    """The best objective as a function of one bound of a limit.

    side: min or max. table: one row per bound, ascending: bound, status, objective (of the allocation found),
    objective_bound (no allocation is worth more), gap, price (what one more unit of the bound is worth there),
    achieved, passes (over all candidates). Infeasible bounds have a status and no numbers.
    """

    limit: str
    group: str | None
    side: str
    table: pa.Table = field(repr=False)

    def to_arrow(self) -> pa.Table:
        """The table."""
        return self.table

    def summary(self) -> str:
        """A line for each bound."""
        lines = [
            self._title(),
            f"{'bound':>16} {'objective':>18} {'gap':>10} {'price':>12}  status",
        ]
        for row in self.table.to_pylist():
            if row["objective"] is None:
                lines.append(f"{row['bound']:>16,.6g} {'':>18} {'':>10} {'':>12}  {row['status']}")
            else:
                lines.append(
                    f"{row['bound']:>16,.6g} {row['objective']:>18,.6f} {row['gap']:>10.4%} "
                    f"{row['price']:>12,.4g}  {row['status']}"
                )
        return "\n".join(lines)

    def _title(self) -> str:
        group = "" if self.group is None else f" [{self.group}]"
        return f"{self.side} of limit {self.limit!r}{group}"

    def _repr_html_(self) -> str:
        rows = [list(row.values()) for row in self.table.to_pylist()]
        return rows_table(self.table.column_names, rows, caption=self._title(), digits=8)

    def plot(self, ax: Any = None) -> Any:
        """Objective and its bound over the limit's bound, on these axes or new ones, which are returned.

        Needs Matplotlib: `pip install "couponry[plot]"`.
        """
        if ax is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError:
                raise ImportError(
                    'Frontier.plot needs Matplotlib: pip install "couponry[plot]"'
                ) from None
            _, ax = plt.subplots()
        rows = [row for row in self.table.to_pylist() if row["objective"] is not None]
        bounds = [row["bound"] for row in rows]
        ax.plot(bounds, [row["objective"] for row in rows], marker="o", label="objective")
        ax.plot(
            bounds, [row["objective_bound"] for row in rows], linestyle="--", label="no more than"
        )
        infeasible = [r["bound"] for r in self.table.to_pylist() if r["status"] == "infeasible"]
        for bound in infeasible:
            ax.axvline(bound, color="0.8")
        ax.set_xlabel(self._title())
        ax.set_ylabel("objective")
        ax.legend()
        return ax


def sweep(
    compiled: CompiledCampaign,
    limit: str,
    bounds: Sequence[float] | None,
    factors: Sequence[float] | None,
    *,
    side: str | None,
    group: Any,
    result: CampaignSolution,
    **solving: Any,
) -> Frontier:
    """See `couponry.Campaign.frontier`. Each solve starts from its neighbour's, outwards from the bound as it is."""
    key: Any = limit if group is None else (limit, group)
    now, side = present_bound(compiled, limit, group, side)
    if (bounds is None) == (factors is None):
        raise InvalidInput("frontier: expected bounds or factors, and not both")
    if bounds is None:
        bounds = [now * factor for factor in _numbers(factors or [], "factors")]
    wanted = sorted(set(_numbers(bounds, "bounds")))
    if not wanted:
        raise InvalidInput("frontier: expected at least one bound, got none")
    rows: dict[float, dict[str, Any]] = {}
    for outwards in ([b for b in wanted if b >= now], [b for b in reversed(wanted) if b < now]):
        last, hopeless = result, False
        for bound in outwards:
            if hopeless:  # a bound that asks for more than one that cannot be kept
                rows[bound] = {"bound": bound, "status": "infeasible", "passes": 0.0}
                continue
            moved = changed(compiled.campaign, limits={key: {side: bound}})
            found = solve_again(moved, last, **solving)
            rows[bound] = _row(found, limit, group, bound)
            tightens = (bound > now) == (side == "min") and bound != now
            hopeless = found.status == "infeasible" and tightens
            last = last if found.objective is None else found
    columns = {
        name: pa.array([rows[bound].get(name) for bound in wanted], kind)
        for name, kind in COLUMNS.items()
    }
    return Frontier(limit, None if group is None else str(group), side, pa.table(columns))


def present_bound(
    compiled: CompiledCampaign, name: str, group: Any, side: str | None
) -> tuple[float, str]:
    """A limit's bound as it is, and which one it is: the only one, unless `side` says."""
    if side not in (None, "min", "max"):
        raise InvalidInput(f"side: expected 'min' or 'max', got {side!r}")
    wanted = None if group is None else str(group)
    measures = [m for m in compiled.limits.measures if m.name == name]
    if not measures:
        known = did_you_mean(name, [m.name for m in compiled.limits.measures])
        raise InvalidInput(f"limit: there is no limit {name!r}{known}")
    if wanted not in [m.group for m in measures]:
        groups = ", ".join(str(m.group) for m in measures[:5])
        raise InvalidInput(f"group: limit {name!r} has the groups {groups}, got {group!r}")
    measure = next(m for m in measures if m.group == wanted)
    have = [s for s in ("min", "max") if getattr(measure, s) is not None and side in (None, s)]
    if len(have) != 1:
        raise InvalidInput(
            f"side: limit {name!r} has {'min and max' if have else 'no such bound'}: "
            f"expected the one to change, got {side!r}"
        )
    return float(getattr(measure, have[0])), have[0]


def _numbers(values: Iterable[Any], name: str) -> list[float]:
    found = []
    for value in values:
        check_number(value, f"frontier: {name}")
        if value is None:
            raise InvalidInput(f"frontier: {name}: expected numbers, got None")
        found.append(float(value))
    return found


def _row(result: CampaignSolution, limit: str, group: Any, bound: float) -> dict[str, Any]:
    row = {"bound": bound, "status": result.status, "passes": result.full_passes}
    if result.limits is None or result.objective is None:
        return row
    wanted = None if group is None else str(group)
    said = next(
        entry
        for entry in result.limits.to_pylist()
        if (entry["name"], entry["group"]) == (limit, wanted)
    )
    row.update(
        objective=result.objective,
        objective_bound=result.bound,
        gap=result.gap,
        price=said["price"],
        achieved=said["achieved"],
    )
    return row
