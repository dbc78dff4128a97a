"""Charts of limits: what was achieved against the bounds, what one more unit is worth, and which are dearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..analysis.binding import worth_of_bounds
from ..analysis.price_ranges import PriceRanges
from ..results.missed_limits import ROUNDING
from .chart import Bar, Chart, ChartRows, Number, Text, number, share_bars
from .numbers import NONE, amount, counted, signed

SHOWN_LIMITS = 40
"""Limits that a chart shows; it counts the rest."""

SHOWN_DEAREST = 10
"""Limits that the chart of the dearest shows."""

MOVE = 0.01
"""Share of a bound that the dearest limits are moved by."""

UNITS = {"count": "coupons", "response": "expected redemptions"}
"""What sums are called, where not by their column."""


def limits_chart(limits: pa.Table) -> Chart:
    """Show what was achieved against the bounds, late ones first.

    Parameters
    ----------
    limits : pyarrow.Table
        Of a result.

    Returns
    -------
    Chart
        First limits outside their bounds, the farthest (as a share of the bound) first; then those that bind, by
        price times bound; then the others, the nearest to a bound first.
    """
    facts = _Facts(limits)
    order = np.lexsort([np.arange(len(limits)), facts.slack, -facts.worth, -facts.late])
    late = int((facts.late > 0).sum())
    shown = limits.take(pa.array(order[:SHOWN_LIMITS])).to_pylist()
    return Chart(
        "Limits",
        "The bar is what was achieved, the ticks are the bounds, and the light stretch is what lies between them. What "
        "one more unit of a bound is worth has a minus at a promise: it costs so much to promise one more.",
        limits,
        ChartRows(
            ("limit", "", "achieved", "asked", "one more unit is worth"),
            tuple(_limit_row(row) for row in shown),
            late=min(late, SHOWN_LIMITS),
            more=_more_limits(order[SHOWN_LIMITS:], facts),
        ),
    )


def late_limits(limits: pa.Table) -> int:
    """Count the limits outside their bounds, soft and report-only ones among them.

    Parameters
    ----------
    limits : pyarrow.Table
        Of a result.

    Returns
    -------
    int
    """
    return int((_Facts(limits).late > 0).sum())


class _Facts:
    """What limits are ordered by: how late, how dear, and how near to a bound, each as a share."""

    def __init__(self, limits: pa.Table):
        low, high, achieved = (
            limits[name].to_numpy().astype(np.float64) for name in ("min", "max", "achieved")
        )
        below, above = np.nan_to_num(low - achieved), np.nan_to_num(achieved - high)
        bound = np.where(below > above, low, high)
        size = np.nan_to_num(np.abs(bound))
        by = np.maximum(below, above)
        by[by <= ROUNDING * np.maximum(size, np.abs(np.nan_to_num(achieved)))] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            self.late = np.where(by > 0, by / size, 0.0)
            nearest = np.fmin(np.abs(achieved - low), np.abs(high - achieved))
            self.slack = np.nan_to_num(nearest / np.abs(achieved), nan=np.inf, posinf=np.inf)
        self.worth = worth_of_bounds(limits)


def limit_name(row: dict[str, Any]) -> str:
    """Return the name of a limit with its group.

    Parameters
    ----------
    row : dict
        Of the table of limits.

    Returns
    -------
    str
    """
    return f"{row['name']}" + ("" if row["group"] is None else f" · {row['group']}")


def unit(row: dict[str, Any]) -> str:
    """Return what a limit sums, in words.

    Parameters
    ----------
    row : dict
        Of the table of limits.

    Returns
    -------
    str
    """
    return UNITS.get(row["sum"], row["sum"] or "ratio")


def asked(low: float | None, high: float | None) -> str:
    """Say what bounds ask for.

    Parameters
    ----------
    low, high : float or None

    Returns
    -------
    str
    """
    if low is not None and high is not None:
        return amount(low) if low == high else f"{amount(low)} to {amount(high)}"
    if low is not None:
        return f"at least {amount(low)}"
    return NONE if high is None else f"at most {amount(high)}"


def _limit_row(row: dict[str, Any]) -> tuple[Any, ...]:
    """The cells of one limit."""
    return (
        Text(limit_name(row), f"{unit(row)} · {_state(row)}"),
        _limit_bar(row),
        number(row["achieved"]),
        Text(asked(row["min"], row["max"])),
        Number(row["price"], signed(row["price"])),
    )


def _state(row: dict[str, Any]) -> str:
    """How a limit stands."""
    achieved, price = row["achieved"], row["price"]
    mode = {"soft": " (soft)", "report": " (only measured)"}.get(row["mode"], "")
    if achieved is None:
        return f"nothing to measure{mode}"
    for bound, by, says in (
        (row["min"], (row["min"] or 0.0) - achieved, "short by"),
        (row["max"], achieved - (row["max"] or 0.0), "over by"),
    ):
        if bound is not None and by > ROUNDING * max(abs(bound), abs(achieved)):
            return f"{says} {amount(by)}{mode}"
    if price:
        return f"at its {'maximum' if price > 0 else 'minimum'}{mode}"
    return f"kept{mode}"


def _limit_bar(row: dict[str, Any]) -> Bar:
    """What was achieved against the bounds, on a scale of the limit's own."""
    bounds = [bound for bound in (row["min"], row["max"]) if bound is not None]
    achieved = 0.0 if row["achieved"] is None else row["achieved"]
    low = min(0.0, achieved, *bounds)
    high = max(0.0, achieved, *bounds)
    size = ((high - low) or 1.0) * 1.02

    def place(value: float) -> float:
        return float((value - low) / size)

    start = 0.0 if row["min"] is None else place(row["min"])
    end = 1.0 if row["max"] is None else place(row["max"])
    return Bar(
        place(min(0.0, achieved)),
        place(max(0.0, achieved)),
        (start, max(start, end)) if bounds else (),
        tuple(map(place, bounds)),
        f"achieved {amount(row['achieved'])}, asked {asked(row['min'], row['max'])}",
    )


def _more_limits(left: NDArray[np.int64], facts: _Facts) -> str:
    """What is said of limits that are not shown."""
    if not len(left):
        return ""
    late, dear = int((facts.late[left] > 0).sum()), int((facts.worth[left] > 0).sum())
    said = ", ".join(
        [f"{late:,} of them outside their bounds"] * (late > 0)
        + [f"{dear:,} of them with a price"] * (dear > 0)
    )
    rest = said or "all within their bounds and without a price"
    return f"and {counted(len(left), 'limit')} more, {rest}"


def dearest_chart(limits: pa.Table) -> Chart:
    """Show which limits cost most: what a hundredth of the bound is worth, at the present prices.

    Parameters
    ----------
    limits : pyarrow.Table
        Of a result.

    Returns
    -------
    Chart
        By price times bound, the largest first.
    """
    worth = worth_of_bounds(limits)
    order = np.lexsort([np.arange(len(worth)), -worth])
    order = order[worth[order] > 0]
    data = limits.take(pa.array(order)).append_column("worth", pa.array(MOVE * worth[order]))
    shown = data.slice(0, SHOWN_DEAREST).to_pylist()
    bars = share_bars([row["worth"] for row in shown], "for one per cent of the bound")
    left = len(data) - len(shown)
    return Chart(
        "Dearest limits",
        "What one per cent more room would be worth at most, at the present price of the limit: a higher maximum, or a "
        "lower minimum.",
        data,
        ChartRows(
            ("limit", "change", "", "worth at most"),
            tuple(
                (Text(limit_name(row), unit(row)), Text(_hundredth(row)), bar, number(row["worth"]))
                for row, bar in zip(shown, bars, strict=True)
            ),
            more=f"and {counted(left, 'limit')} more with a price" if left else "",
        ),
    )


def _hundredth(row: dict[str, Any]) -> str:
    """A bound, and the bound with a hundredth more room."""
    side, sign = ("max", 1.0) if row["price"] > 0 else ("min", -1.0)
    moved = row[side] + sign * MOVE * abs(row[side])
    return f"{side}. {amount(row[side])} → {amount(moved)}"


def ranges_chart(ranges: PriceRanges) -> Chart:
    """Show what moves of bounds are really worth, and how far prices hold.

    Parameters
    ----------
    ranges : PriceRanges

    Returns
    -------
    Chart
    """
    data = ranges.to_arrow()
    rows = data.to_pylist()
    bars = share_bars([row["change"] for row in rows], "change of the objective")
    names = [{"name": row["limit"], "group": row["group"]} for row in rows]
    return Chart(
        "What moves of bounds are worth",
        "The campaign was decided again with each bound moved.",
        data,
        ChartRows(
            ("limit", "change", "", "worth", "may be off by", "price holds to"),
            tuple(
                (
                    Text(limit_name(name)),
                    Text(f"{row['side']}. {amount(row['bound'])} → {amount(row['moved_to'])}"),
                    bar,
                    Number(row["change"], signed(row["change"])),
                    number(row["error"]),
                    number(row["holds_to"]),
                )
                for row, name, bar in zip(rows, names, bars, strict=True)
            ),
        ),
    )
