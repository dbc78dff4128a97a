"""The chart of a frontier: the best objective over the bound of a limit, with what no allocation exceeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..analysis.frontier import Frontier
from .chart import Chart, ChartRows, End, Line, Number, Text, number
from .numbers import amount, percent_at_most, signed

ROOM = 0.18
"""Share of the height that stays free above and below the line."""


def frontier_chart(frontier: Frontier) -> Chart:
    """Show a frontier as a line and a table.

    Parameters
    ----------
    frontier : Frontier

    Returns
    -------
    Chart
    """
    data = frontier.to_arrow()
    rows = data.to_pylist()
    group = "" if frontier.group is None else f" · {frontier.group}"
    return Chart(
        f"What {frontier.limit}{group} is worth",
        f"Each point is a campaign with another {frontier.side}. of the limit, solved again; no allocation can be "
        "above the dashed line.",
        data,
        ChartRows(
            (f"{frontier.side}.", "objective", "at most", "one more unit is worth", "achieved"),
            tuple(_row(row) for row in rows),
        ),
        _line([row for row in rows if row["objective"] is not None]),
    )


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    bound = Text(amount(row["bound"]), "" if row["objective"] is not None else row["status"])
    above = row["objective_bound"]
    return (
        bound,
        number(row["objective"]),
        Number(above, _above(row)),
        Number(row["price"], signed(row["price"])),
        number(row["achieved"]),
    )


def _above(row: dict[str, Any]) -> str:
    """By how much another allocation might be worth more."""
    if not row["gap"] or row["gap"] < 0:
        return amount(row["objective_bound"])
    return f"+{percent_at_most(row['gap'])}"


def _line(rows: list[dict[str, Any]]) -> Line | None:
    """The line of rows that have an objective, of which it takes two."""
    if len(rows) < 2:
        return None
    bounds = [row["bound"] for row in rows]
    heights = [row[name] for row in rows for name in ("objective", "objective_bound")]
    across, up = _scale(bounds, 0.0), _scale(heights, ROOM)
    rises = rows[-1]["objective"] >= rows[0]["objective"]
    return Line(
        tuple((across(row["bound"]), up(row["objective"])) for row in rows),
        tuple((across(row["bound"]), up(row["objective_bound"])) for row in rows),
        tuple(
            End(
                across(row["bound"]),
                up(row["objective"]),
                amount(row["bound"]),
                amount(row["objective"]),
                above,
            )
            for row, above in ((rows[0], not rises), (rows[-1], rises))
        ),
        f"objective from {amount(rows[0]['objective'])} to {amount(rows[-1]['objective'])}",
    )


def _scale(values: Sequence[float], room: float) -> Callable[[float], float]:
    """Where values lie between the smallest and the largest."""
    low, high = min(values), max(values)
    size = (high - low) or 1.0
    return lambda value: room + (1 - 2 * room) * (value - low) / size
