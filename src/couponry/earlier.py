"""Prices of an earlier result, for a solve to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import tables
from .errors import InvalidInput
from .limits import CompiledLimits


def earlier_prices(start: Any, limits: CompiledLimits) -> NDArray[np.float64]:
    """Prices of the rows (L) from an earlier result's limits, by name and group; 0 for those that it does not have.

    start: a Result, its table `limits`, the file limits.parquet, or the folder that it is in. Ratios start from 0: what
    is stated of them is the price of a unit of ratio.
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
    found = [
        0.0 if ratio else price.get((measure.name, measure.group), 0.0)
        for measure, ratio in zip(limits.measures, limits.is_ratio.tolist(), strict=True)
    ]
    return np.array(found, float)[limits.measure_of_row]
