"""The best objective over a range of one bound of one limit, with a certificate for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..data.table_view import StreamedTable
from ..model.campaign_data import CampaignData
from ..model.changes import changed
from ..model.compiled_campaign import CompiledCampaign
from ..model.limits import group_text
from ..results.solution import CampaignSolution
from ..utils.checks import check_number, is_text, shown
from ..utils.clock import Clock
from ..utils.errors import InvalidInput
from ..utils.html import rows_table
from ..utils.progress.watch import check_cancelled
from ..utils.suggestions import known_names
from .what_if import FollowUpSolver

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
class Frontier(StreamedTable):
    """The best objective as a function of one bound of a limit; returned by `Campaign.frontier`.

    Attributes
    ----------
    limit : str
        Name of the limit.
    group : str or None
        Group of the limit, if it has groups.
    side : {"min", "max"}
        Which bound it is.
    table : pyarrow.Table
        One row for each bound, ascending; see `to_arrow`.
    """

    limit: str
    group: str | None
    side: str
    table: pa.Table = field(repr=False)

    def to_arrow(self) -> pa.Table:
        """Return the frontier as a table.

        Returns
        -------
        pyarrow.Table
            One row for each bound, ascending. Columns: `bound`; `status`; `objective`, of the allocation found;
            `objective_bound`, which no allocation exceeds; `gap`; `price`, what one more unit of the bound is worth
            there; `achieved`; `passes` over all candidates. Infeasible bounds have a status and no numbers.
        """
        return self.table

    def as_dict(self) -> dict[str, Any]:
        """Return the frontier as plain values.

        Returns
        -------
        dict
            Ready for JSON: `limit`, `group`, `side`, and `points`, one for each bound.
        """
        about = {"limit": self.limit, "group": self.group, "side": self.side}
        return {**about, "points": self.table.to_pylist()}

    def summary(self) -> str:
        """Describe the frontier in text.

        Returns
        -------
        str
            One line for each bound.
        """
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

    def __str__(self) -> str:
        return self.summary()

    def _title(self) -> str:
        group = "" if self.group is None else f" [{self.group}]"
        return f"{self.side} of limit {self.limit!r}{group}"

    def _repr_html_(self) -> str:
        rows = [tuple(row.values()) for row in self.table.to_pylist()]
        return rows_table(self.table.column_names, rows, caption=self._title(), digits=8)

    def plot(self, ax: Any = None) -> Any:
        """Draw objective and its bound over the limit's bound.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; default: new ones.

        Returns
        -------
        matplotlib.axes.Axes
            The axes that were drawn on.

        Raises
        ------
        ImportError
            If Matplotlib is not installed: ``pip install "couponry[plot]"``.
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


@dataclass(frozen=True)
class LimitBound:
    """One bound of one limit.

    Attributes
    ----------
    limit : str
    group : object
        Group of the limit, None for a limit without groups.
    side : {"min", "max"}
    value : float
    """

    limit: str
    group: Any
    side: str
    value: float

    @property
    def group_name(self) -> str | None:
        """The group as results name it."""
        return None if self.group is None else group_text(self.group)

    def moved(self, campaign: CampaignData, value: float) -> CampaignData:
        """Return the campaign with another value of this bound.

        Parameters
        ----------
        campaign : CampaignData
            The campaign that has the limit.
        value : float
            The new bound.

        Returns
        -------
        CampaignData
            It shares the tables.
        """
        key: Any = self.limit if self.group is None else (self.limit, self.group)
        return changed(campaign, limits={key: {self.side: value}})


def present_bound(
    compiled: CompiledCampaign, limit: str, group: Any, side: str | None
) -> LimitBound:
    """Look up the bound of a limit.

    Parameters
    ----------
    compiled : CompiledCampaign
    limit : str
        Name of the limit.
    group : object
        Group of the limit, None for a limit without groups.
    side : {"min", "max"} or None
        None: the only bound that there is.

    Returns
    -------
    LimitBound

    Raises
    ------
    InvalidInput
        If there is no such limit, group or bound, or if there are two.
    """
    if side not in (None, "min", "max"):
        raise InvalidInput(f"side: expected 'min' or 'max', got {shown(side)}")
    wanted = None if group is None else group_text(group)
    known = [m.name for m in compiled.limits.measures]
    if not is_text(limit) or limit not in known:
        raise InvalidInput(f"limit: there is no limit {shown(limit)}{known_names(limit, known)}")
    measures = [m for m in compiled.limits.measures if m.name == limit]
    if wanted not in [m.group for m in measures]:
        groups = ", ".join(str(m.group) for m in measures[:5])
        raise InvalidInput(
            f"group: limit {limit!r} has the groups {groups}: expected one of them (on the command line in brackets, "
            f"'{limit}[{measures[0].group}].max=…'), got {shown(group)}"
        )
    said = next(found for found in compiled.campaign.limits if found.name == limit)
    if wanted is not None and said.table is None:
        raise InvalidInput(
            f"group: limit {limit!r} has one bound for all of its groups: expected a limit without groups, or with a "
            "table of their bounds; what_if moves the bound of all"
        )
    measure = next(m for m in measures if m.group == wanted)
    have = [s for s in ("min", "max") if getattr(measure, s) is not None and side in (None, s)]
    if len(have) != 1:
        raise InvalidInput(
            f"side: limit {limit!r} has {'min and max' if have else 'no such bound'}: "
            f"expected the one to change, got {shown(side)}"
        )
    return LimitBound(limit, group, have[0], float(getattr(measure, have[0])))


def bounds_to_try(
    present: LimitBound, bounds: Sequence[float] | None, factors: Sequence[float] | None
) -> list[float]:
    """Return the values of a bound that a user asks for.

    Parameters
    ----------
    present : LimitBound
        The bound as it is.
    bounds : sequence of float or None
        Values.
    factors : sequence of float or None
        In place of `bounds`: factors of the bound as it is.

    Returns
    -------
    list of float
        Ascending, each once.

    Raises
    ------
    InvalidInput
        If there is nothing to try, or a value that is no number.
    """
    if (bounds is None) == (factors is None):
        raise InvalidInput("frontier: expected bounds or factors, and not both")
    if bounds is None:
        bounds = [present.value * factor for factor in _numbers(factors or [], "factors")]
    wanted = sorted(set(_numbers(bounds, "bounds")))
    if not wanted:
        raise InvalidInput("frontier: expected at least one bound, got none")
    return wanted


def sweep(
    campaign: CampaignData,
    present: LimitBound,
    bounds: Sequence[float],
    result: CampaignSolution,
    solving: FollowUpSolver,
) -> Frontier:
    """Solve a campaign for each of several values of one bound.

    Each solve starts from its neighbour's prices, outwards from the bound as it is. For that one `result` is the answer
    where it is within the asked gap.

    Parameters
    ----------
    campaign : CampaignData
    present : LimitBound
        The bound as it is.
    bounds : sequence of float
        Values to try, ascending.
    result : CampaignSolution
        Of the campaign as it is.
    solving : FollowUpSolver
        How to solve.

    Returns
    -------
    Frontier
    """
    rows: dict[float, dict[str, Any]] = {}
    clock = Clock()
    upwards = [b for b in bounds if b >= present.value]
    downwards = [b for b in reversed(bounds) if b < present.value]
    for outwards in (upwards, downwards):
        last, hopeless = result, False
        for bound in outwards:
            if hopeless:  # a bound that asks for more than one that cannot be kept
                rows[bound] = {"bound": bound, "status": "infeasible", "passes": 0.0}
                continue
            with clock.stage("frontier"):
                clock.say(f"{present.side} {bound:,.6g}", len(rows) / len(bounds))
            is_known = bound == present.value and solving.is_answered_by(result)
            found = result if is_known else solving.solve(present.moved(campaign, bound), last)
            check_cancelled()
            rows[bound] = _row(found, present, bound) | ({"passes": 0.0} if is_known else {})
            tightens = (bound > present.value) == (present.side == "min") and bound != present.value
            hopeless = found.status == "infeasible" and tightens
            last = last if found.objective is None else found
    columns = {
        name: pa.array([rows[bound].get(name) for bound in bounds], kind)
        for name, kind in COLUMNS.items()
    }
    return Frontier(present.limit, present.group_name, present.side, pa.table(columns))


def _numbers(values: Iterable[Any], name: str) -> list[float]:
    """Values as finite numbers; refused if one is not."""
    if not isinstance(values, Iterable):
        raise InvalidInput(f"frontier: {name}: expected numbers, got {shown(values)}")
    found = []
    for value in values:
        check_number(value, f"frontier: {name}")
        if value is None:
            raise InvalidInput(f"frontier: {name}: expected numbers, got None")
        found.append(float(value))
    return found


def _row(result: CampaignSolution, present: LimitBound, bound: float) -> dict[str, Any]:
    """What a solve says of one bound."""
    row = {"bound": bound, "status": result.status, "passes": result.full_passes}
    if result.limits is None or result.objective is None:
        return row
    said = next(
        entry
        for entry in result.limits.to_pylist()
        if (entry["name"], entry["group"]) == (present.limit, present.group_name)
    )
    row.update(
        objective=result.objective,
        objective_bound=result.bound,
        gap=result.gap,
        price=said["price"],
        achieved=said["achieved"],
    )
    return row
