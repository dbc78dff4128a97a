"""Prices of an earlier result, for a solve to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import tables
from ..model.compile_limits import CompiledLimits
from ..model.compiled_campaign import CompiledCampaign
from ..solver.dual.warm_start import Known, Start
from ..utils.errors import InvalidInput
from .solution import CampaignSolution

FEW = 0.2  # of the customers may have moved for a price table to say what everybody used


def start_from(start: Any, compiled: CompiledCampaign) -> Start:
    """Where a solve starts from: prices by name and group of limit, and what else a result of this session knows.

    start: a CampaignSolution, its table `limits`, the file limits.parquet, or the folder that it is in.
    """
    if not isinstance(start, CampaignSolution):
        return Start(earlier_prices(start, compiled.limits))
    limits = start.compiled.limits
    names = [(m.name, m.group) for m in limits.measures]
    price: dict[tuple[str, str | None], float] = {}
    for measure, row in zip(limits.measure_of_row.tolist(), start.prices.tolist(), strict=True):
        price[names[measure]] = price.get(names[measure], 0.0) + row
    plan, known = start.plan, None
    if (
        plan is not None
        and len(plan.movers) <= FEW * compiled.problem.customers
        and start.shares_choices_with(compiled)
    ):
        known = Known(plan.price, plan.usage)
    return Start(_by_name(price, compiled.limits), known)


def earlier_prices(start: Any, limits: CompiledLimits) -> NDArray[np.float64]:
    """Prices of the rows (L) from an earlier result's limits, by name and group; 0 for those that it does not have.

    start: as for `start_from`. Ratios start from 0: what is stated of them is the price of a unit of ratio.
    """
    known = getattr(start, "limits", start)
    if isinstance(known, (str, Path)):
        path = Path(known)
        known = path / "limits.parquet" if path.is_dir() else path
        if not known.is_file():
            raise InvalidInput(f"start: no file {str(known)!r}")
        known = tables.read(known.parent, known.name, "limits of start")
    if known is None:
        raise InvalidInput("start: expected a result with limits, got one without")
    table = tables.as_table(known, "limits of start")
    tables.require(table, "limits of start", "name", "group", "price")
    value = tables.numbers(table, "limits of start", "price")
    names = zip(table["name"].to_pylist(), table["group"].to_pylist(), strict=True)
    price = dict(zip(names, value.tolist(), strict=True))
    for measure, ratio in zip(limits.measures, limits.is_ratio.tolist(), strict=True):
        if ratio:
            price.pop((measure.name, measure.group), None)
    return _by_name(price, limits)


def _by_name(
    price: dict[tuple[str, str | None], float], limits: CompiledLimits
) -> NDArray[np.float64]:
    """Prices of the rows (L), by name and group."""
    found = [price.get((measure.name, measure.group), 0.0) for measure in limits.measures]
    return np.array(found, float)[limits.measure_of_row]
