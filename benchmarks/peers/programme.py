"""A campaign with one slots rule as a sparse linear programme, straight from the user's tables, for other solvers.

Nothing here touches how couponry compiles, packs or solves a campaign. `oracle.py` knows every rule and limit, but not
hundreds of thousands of candidates; this knows hard limits on sums, and millions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray

from couponry import Limit


@dataclass(frozen=True)
class Programme:
    """The largest value @ x with lower <= matrix @ x <= upper and 0 <= x <= 1, x the share given of each candidate.

    value: float64 (e). matrix: CSC (rows, e). lower, upper: float64 (rows). key: int64 (e), ascending: customer and
    offer of each candidate, as one number.
    """

    value: NDArray[np.float64]
    matrix: sp.csc_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    key: NDArray[np.int64]

    def given(self, allocation: pa.Table, offers: int) -> NDArray[np.float64]:
        """An allocation as x; every coupon in it must be a candidate."""
        keys = _keys(allocation, offers)
        place = np.searchsorted(self.key, keys)
        if not np.array_equal(self.key.take(place, mode="clip"), keys):
            raise ValueError("allocation: expected candidates only, each at most once")
        return np.bincount(place, minlength=len(self.key)).astype(float)

    def violation(self, x: NDArray[np.float64]) -> float:
        """How far the worst row is outside its bounds, relative to the bound where that is above 1."""
        activity = self.matrix @ x
        outside = np.zeros(len(activity))
        for bound, by in ((self.lower, self.lower - activity), (self.upper, activity - self.upper)):
            at = np.isfinite(bound)
            by = by[at] / np.maximum(1.0, np.abs(bound[at]))
            outside[at] = np.maximum(outside[at], by)
        return float(outside.max(initial=0.0))


def programme(
    offers: pa.Table, candidates: pa.Table, slots: int, limits: Sequence[Limit]
) -> Programme:
    """The programme of a campaign; ids are whole numbers from 0 up, those of offers without gaps and in order.

    candidates: by customer, then offer. limits: hard, on sums, over all customers and offers.
    """
    offer = candidates["offer"].to_numpy()
    customer = np.cumsum(np.diff(candidates["customer"].to_numpy(), prepend=-1) > 0) - 1
    customers = int(customer[-1]) + 1
    row, weight = [customer], [np.ones(len(offer))]
    lower, upper = [np.full(customers, -math.inf)], [np.full(customers, float(slots))]
    first = customers
    for limit in limits:
        low, high, of_offer = _bounds(limit, offers)
        group = of_offer[offer]
        row.append(np.where(group < 0, -1, first + group))
        weight.append(_amount(limit.sum, offers, candidates))
        lower.append(low)
        upper.append(high)
        first += len(low)
    return Programme(
        value=_amount("value", offers, candidates),
        matrix=_matrix(row, weight, first),
        lower=np.concatenate(lower),
        upper=np.concatenate(upper),
        key=_keys(candidates, offers.num_rows),
    )


def _keys(coupons: pa.Table, offers: int) -> NDArray[np.int64]:
    return coupons["customer"].to_numpy().astype(np.int64) * offers + coupons["offer"].to_numpy()


def _bounds(
    limit: Limit, offers: pa.Table
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Lower and upper bound of each group of a limit, and the group of each offer; -1: none."""
    if limit.by is None:
        low = -math.inf if limit.min is None else limit.min
        high = math.inf if limit.max is None else limit.max
        return np.array([low]), np.array([high]), np.zeros(offers.num_rows, np.int64)
    names = limit.table[limit.by].to_numpy()
    of_name = np.full(int(offers[limit.by].to_numpy().max()) + 1, -1)
    of_name[names] = np.arange(len(names))
    bounds = [
        limit.table[side].to_numpy()
        if side in limit.table.column_names
        else np.full(len(names), none)
        for side, none in (("min", -math.inf), ("max", math.inf))
    ]
    return bounds[0], bounds[1], of_name[offers[limit.by].to_numpy()]


def _amount(name: str, offers: pa.Table, candidates: pa.Table) -> NDArray[np.float64]:
    """A named column for every candidate (e), by the campaign format's order and defaults."""
    if name == "count":
        return np.ones(candidates.num_rows)
    if name in candidates.column_names:
        return candidates[name].to_numpy().astype(float)
    offer = candidates["offer"].to_numpy()
    if name in offers.column_names:
        return offers[name].to_numpy().astype(float)[offer]
    issue, face, margin, response = (
        _amount(part, offers, candidates)
        for part in ("issue_cost", "face_value", "margin", "response")
    )
    return {"cost": issue + response * face, "value": response * (margin - face) - issue}[name]


def _matrix(
    row: list[NDArray[np.int64]], weight: list[NDArray[np.float64]], rows: int
) -> sp.csc_array:
    """CSC (rows, e) with a weight for each candidate in each of its rows, -1 being none."""
    at, weights = np.stack(row, axis=1), np.stack(weight, axis=1)
    there = at >= 0
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return sp.csc_array((weights[there], at[there], indptr), shape=(rows, len(at)))
