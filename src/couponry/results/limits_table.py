"""The table `limits` of a result: for each limit and group what was achieved, and what one more unit is worth."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..model.compiled_campaign import CompiledCampaign
from ..solver.plan import Plan

ROUNDING = 1e-9
"""Share of a bound that rounding of a sum may come to."""


def limits_table(
    compiled: CompiledCampaign,
    prices: NDArray[np.float64],
    plan: Plan,
    achieved: NDArray[np.float64],
) -> pa.Table:
    """Make the table `limits` of a result; the campaign format describes its columns.

    Parameters
    ----------
    compiled : CompiledCampaign
    prices : ndarray of float64, shape (n_rows,)
        Signed, of the rows of the problem.
    plan : Plan
        The allocation.
    achieved : ndarray of float64, shape (n_measures,)
        NaN for a ratio to nothing.

    Returns
    -------
    pyarrow.Table
        One row for each limit and group.
    """
    limits, usage = compiled.limits, plan.usage
    dual = np.zeros(len(limits.measures))
    np.add.at(dual, limits.measure_of_row, prices)
    # a ratio's row is priced per unit of numerator; one more unit of ratio moves it by the denominator
    below = limits.denominator @ usage.ravel()
    price = np.where(limits.is_ratio, dual * below, dual)
    measures, error = limits.measures, limits.achieved_error(usage, plan.usage_error)
    low, high = measures.low, measures.high
    near = np.maximum(error, ROUNDING * np.nan_to_num(np.fmax(np.abs(low), np.abs(high))))
    distance = np.fmin(achieved - low, high - achieved)
    binding = ~measures.of_mode("report") & (
        (distance <= near) | (distance < limits.resolution(usage) - near)
    )
    told = measures.columns()
    return pa.table(
        {
            **{column: told[column] for column in ("name", "group", "sum", "min", "max")},
            "achieved": pa.array(achieved, pa.float64(), from_pandas=True),
            "error": pa.array(error, pa.float64()),
            "price": pa.array(price, pa.float64()),
            "second_sum": pa.array(np.where(limits.is_ratio, below, np.nan), from_pandas=True),
            "dual": pa.array(dual, pa.float64()),
            "binding": pa.array(binding, pa.bool_()),
            "mode": told["mode"],
        }
    )


def max_violation(compiled: CompiledCampaign, achieved: NDArray[np.float64]) -> float:
    """Return the largest violation of a hard limit.

    Parameters
    ----------
    compiled : CompiledCampaign
        The campaign as it was solved.
    achieved : ndarray of float64, shape (n_measures,)
        NaN for a ratio to nothing.

    Returns
    -------
    float
        In that limit's own unit; 0 if all hold.
    """
    measures = compiled.limits.measures
    beyond = np.fmax(measures.low - achieved, achieved - measures.high)
    return float(np.fmax.reduce(beyond[measures.of_mode("hard")], initial=0.0))
