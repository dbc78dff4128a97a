"""Warm starts: a solve begins with the prices of another result."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import tables
from ..model.compiled_campaign import CompiledCampaign
from ..model.compiling.compile_limits import CompiledLimits
from ..solver.dual.newton.row_curvature import RowCurvature
from ..solver.dual.warm_start import KnownUsage, WarmStart
from ..utils.checks import check_path, shown
from ..utils.errors import InvalidInput
from .solution import CampaignSolution

PriceByLimit = dict[tuple[str, str | None], float]


def warm_start(start: Any, compiled: CompiledCampaign) -> WarmStart:
    """Return what a solve starts from: prices, and what else a result of this session knows.

    Parameters
    ----------
    start : CampaignSolution, pyarrow.Table, str or Path
        A result, its table `limits`, the file limits.parquet, or the folder that it is in.
    compiled : CompiledCampaign
        The campaign to solve. Limits are matched by name and group.

    Returns
    -------
    WarmStart

    Raises
    ------
    InvalidInput
        If there are no prices in it.
    """
    if not isinstance(start, CampaignSolution):
        return WarmStart(prices_of_limits(start, compiled.limits))
    limits = start.compiled.limits
    if len(start.prices) != len(limits.measure_of_row):
        raise InvalidInput(
            "start: expected a result with prices, got one that was cancelled before"
        )
    names = limits.measures.names
    price: PriceByLimit = {}
    for measure, row in zip(limits.measure_of_row.tolist(), start.prices.tolist(), strict=True):
        price[names[measure]] = price.get(names[measure], 0.0) + row
    plan, known = start.plan, None
    if plan is not None and plan.usage_at_price is not None and start.shares_choices_with(compiled):
        known = KnownUsage(plan.price, plan.usage_at_price)
    return WarmStart(_of_rows(price, compiled.limits), known, _curvature_for(start, compiled))


def _curvature_for(start: CampaignSolution, compiled: CompiledCampaign) -> RowCurvature | None:
    """The curvature that a result knows, for another campaign; None where it has rows that the other had not."""
    if start.curvature is None:
        return None
    before = {key: row for row, key in enumerate(_keys_of_rows(start.compiled.limits))}
    rows = [before.get(key, -1) for key in _keys_of_rows(compiled.limits)]
    if -1 in rows:
        return None
    share = compiled.problem.customers / max(1, start.compiled.problem.customers)
    return start.curvature.of_rows(np.array(rows, np.int64), share)


def _keys_of_rows(limits: CompiledLimits) -> Iterator[tuple[str, str | None, int]]:
    """Name and group of each row's limit, and a number where a ratio has two rows."""
    names = limits.measures.names
    last, number = -1, 0
    for measure in limits.measure_of_row.tolist():
        number = number + 1 if measure == last else 0
        last = measure
        yield *names[measure], number


def prices_of_limits(start: Any, limits: CompiledLimits) -> NDArray[np.float64]:
    """Read the price of each row from the limits of a result.

    Parameters
    ----------
    start : CampaignSolution, pyarrow.Table, str or Path
        As for `warm_start`.
    limits : CompiledLimits
        Of the campaign to solve.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        0 for limits that the result does not have. 0 for ratios: a table states their price per unit of ratio.

    Raises
    ------
    InvalidInput
        If there are no prices in it.
    """
    source = getattr(start, "limits", start)
    if isinstance(source, (str, Path)):
        check_path(source, "start")
        path = Path(source)
        try:
            file = path / "limits.parquet" if path.is_dir() else path
            is_there = file.is_file()
        except OSError as error:  # its name is too long
            raise InvalidInput(
                f"start: cannot look for {shown(source)}: {error.strerror}"
            ) from error
        if not is_there:
            raise InvalidInput(f"start: no file {shown(str(file))}")
        source = tables.read(file.parent, file.name, "limits of start")
    if source is None:
        raise InvalidInput("start: expected a result with limits, got one without")
    table = tables.as_table(source, "limits of start")
    tables.require(table, "limits of start", "name", "group", "price")
    value = tables.numbers(table, "limits of start", "price")
    names = zip(table["name"].to_pylist(), table["group"].to_pylist(), strict=True)
    price: PriceByLimit = dict(zip(names, value.tolist(), strict=True))
    for key, ratio in zip(limits.measures.names, limits.is_ratio.tolist(), strict=True):
        if ratio:
            price.pop(key, None)
    return _of_rows(price, limits)


def _of_rows(price: PriceByLimit, limits: CompiledLimits) -> NDArray[np.float64]:
    """The price of each row, by name and group of its limit."""
    found = [price.get(key, 0.0) for key in limits.measures.names]
    return np.array(found, float)[limits.measure_of_row]
