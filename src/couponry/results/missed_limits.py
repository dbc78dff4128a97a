"""Which soft limits an allocation does not keep, and by how much."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..data.table_view import TableView, as_arrow
from ..model.limits import Limit

ROUNDING = 1e-9
"""Share of a bound below which a violation is rounding."""


def missed_limits(limits: TableView | pa.Table | None) -> list[str]:
    """Say which soft limits are not kept, the one that is farthest from its bound (as a share of it) first.

    Parameters
    ----------
    limits : TableView, pyarrow.Table or None
        The table `limits` of a result.

    Returns
    -------
    list of str
        A text for each limit and group that is missed.
    """
    if limits is None:
        return []
    missed = []
    for row in as_arrow(limits).filter(pc.equal(limits["mode"], "soft")).to_pylist():
        for side, sign in (("min", 1.0), ("max", -1.0)):
            by = _violation(row, side, sign)
            if by > 0:
                share = by / abs(row[side]) if row[side] else float("inf")
                missed.append((-share, _text(row, side, by)))
    return [text for _, text in sorted(missed)]


def penalties(limits: TableView | pa.Table | None, stated: Iterable[Limit]) -> float:
    """Add up what soft limits that are not kept take off the objective.

    Parameters
    ----------
    limits : TableView, pyarrow.Table or None
        The table `limits` of a result.
    stated : iterable of Limit
        Those of its campaign, which have the penalties.

    Returns
    -------
    float
        In the unit of the objective.
    """
    if limits is None:
        return 0.0
    of = {limit.name: float(limit.penalty or 0.0) for limit in stated}
    rows = as_arrow(limits).filter(pc.equal(as_arrow(limits)["mode"], "soft")).to_pylist()
    missed = ((row, _violation(row, "min", 1.0) + _violation(row, "max", -1.0)) for row in rows)
    return math.fsum(of[row["name"]] * by for row, by in missed if by > 0)


def shortened(texts: list[str], most: int, what: str) -> list[str]:
    """Keep the first few of some texts, and count the rest.

    Parameters
    ----------
    texts : list of str
    most : int
        How many to keep.
    what : str
        What they are, in the plural.

    Returns
    -------
    list of str
    """
    if len(texts) <= most:
        return texts
    return [*texts[:most], f"and {len(texts) - most:,} more {what}"]


def _violation(row: dict[str, Any], side: str, sign: float) -> float:
    """By how much a row of the table is outside a bound; 0: not at all, or by rounding."""
    bound, achieved = row[side], row["achieved"]
    if bound is None or achieved is None:
        return 0.0
    by: float = sign * (bound - achieved)
    return by if by > ROUNDING * max(abs(bound), abs(achieved)) else 0.0


def _text(row: dict[str, Any], side: str, by: float) -> str:
    """What is said of a limit that is missed."""
    group = "" if row["group"] is None else f" [{row['group']}]"
    below = "below its min" if side == "min" else "above its max"
    return f"soft limit {row['name']!r}{group}: {row['achieved']:,.6g} is {by:,.6g} {below} of {row[side]:,.6g}"
