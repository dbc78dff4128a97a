"""Programmes scaled by powers of two, so that HiGHS's absolute tolerances mean the same in every campaign.

HiGHS keeps rows to 1e-6 and costs to 1e-7 in whatever unit they come, and takes weights below 1e-9 for 0. A campaign
whose values are 1e-9 is nothing to it. So each row is scaled by its largest weight, each continuous variable by its
largest weight in any row, and the objective by its largest cost. Powers of two change no digit, and what HiGHS says is
scaled back exactly.

What HiGHS cannot tell from 0 beside larger numbers is said more loosely, never more tightly: traces of weight widen
their row's bounds instead, and costs that nothing outweighs are cut down. So a bound on the least cost of the scaled
programme is one on the programme's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..utils.arrays.fixed_order import dot_in_order
from ..utils.lazy_imports import sparse as sp
from .programme import Programme

LEAST_WEIGHT = 2.0**-17
"""Weight of an integer variable below which it is a trace in a row whose largest is from 1 to 2.

HiGHS keeps rows to 1e-6. With weights of that size in them it has been seen to end with less than the best as the best.
"""

ROW_SLACK = 2e-6
"""How much wider rows of other than whole numbers are made: twice HiGHS's tolerance. What keeps a row then keeps it by
more than that, so that nothing that HiGHS concludes within its tolerance takes it for a choice that does not."""

MOST_WHOLE = 2.0**13
"""Weights of a row of whole numbers, at most: scaled, they differ by a hundred times HiGHS's tolerance."""

LARGEST_BOUND = 2.0**40
"""Bound of such a row from which on it is brought down to what the row can reach."""

COST_BITS = 10
"""The largest cost of an integer variable is about 2 to this power: HiGHS's tolerances are some billionth of it."""

MOST_COST_BITS = 24
"""Cost of a continuous variable, as a power of two, at most: violations that HiGHS does not see cost more than coupons
are worth from there on."""

SURE_SHARE = 1e-9
"""Share of the terms of a row by which a variable at 1 must take it beyond a bound before it is sure not to be 1."""

IMPOSSIBLE_ROUNDS = 5
"""Looks for variables that cannot be 1, at most: what is found tells more."""

MOST_BITS = 1000
"""Powers of two that are scaled by, at most, so that nothing overflows."""


@dataclass(frozen=True)
class Equilibrated:
    """A scaled programme, and the way back.

    Attributes
    ----------
    programme : Programme
        What HiGHS is given.
    column : ndarray of float64, shape (n_variables,)
        A variable is this many times the scaled one.
    shift : ndarray of float64, shape (n_variables,)
        And this much more.
    objective : float
        The scaled cost is this many times the cost less `shift_cost`.
    shift_cost : float
        What the shifts cost.
    """

    programme: Programme
    column: NDArray[np.float64]
    shift: NDArray[np.float64]
    objective: float

    shift_cost: float


def equilibrate(programme: Programme) -> Equilibrated:
    """Scale a programme.

    Parameters
    ----------
    programme : Programme

    Returns
    -------
    Equilibrated
    """
    given, shift = programme.cost, np.zeros(len(programme.cost))
    if programme.is_integer.any():
        programme, shift = _shifted(_without_impossible(programme))
        row_bits, column_bits = _bits_by_integers(programme)
    else:
        row_bits, column_bits = _bits_of_linear(programme)
    row_bits, column_bits = (
        np.clip(bits, -MOST_BITS, MOST_BITS) for bits in (row_bits, column_bits)
    )
    column = np.ldexp(1.0, column_bits)
    entries = programme.matrix.tocoo()
    row, of = entries.coords
    weight = np.ldexp(np.ldexp(entries.data, row_bits[row]), column_bits[of])
    scaled = replace(
        programme,
        matrix=sp.csr_array((weight, (row, of)), shape=programme.matrix.shape),
        row_lower=np.ldexp(programme.row_lower, row_bits),
        row_upper=np.ldexp(programme.row_upper, row_bits),
        lower=programme.lower_bounds / column,
        upper=programme.upper / column,
    )
    if programme.is_integer.any():
        scaled = _within_reach(_without_traces(scaled))
        slack = np.where(_is_whole(programme), 0.0, ROW_SLACK)
        scaled = replace(
            scaled, row_lower=scaled.row_lower - slack, row_upper=scaled.row_upper + slack
        )
    cost, objective = _scaled_cost(programme, column_bits)
    return Equilibrated(
        replace(scaled, cost=cost), column, shift, objective, dot_in_order(given, shift)
    )


# ---- powers of two


def _exponent(size: NDArray[np.float64]) -> NDArray[np.int64]:
    """The power of two that is no larger than each size; 0 for 0."""
    return np.asarray(np.frexp(size)[1] - (size > 0), np.int64)


def _largest(group: NDArray[np.integer], size: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The largest size of each group; 0 for none."""
    largest = np.zeros(n)
    np.maximum.at(largest, group, size)
    return largest


def _bound_sizes(programme: Programme) -> NDArray[np.float64]:
    """The larger finite bound of each row, by size."""
    sides = np.abs([programme.row_lower, programme.row_upper])
    return np.asarray(np.where(np.isfinite(sides), sides, 0.0).max(axis=0))


def _bits_by_integers(programme: Programme) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Scale rows by their integer variables, which keep their unit, and continuous variables by their rows."""
    entries, is_integer = programme.matrix.tocoo(), programme.is_integer
    row, of = entries.coords
    size, n = np.abs(entries.data), len(programme.row_lower)
    whole = is_integer[of]
    largest = _largest(row[whole], size[whole], n)
    for otherwise in (_largest(row, size, n), _bound_sizes(programme)):
        largest = np.where(largest > 0, largest, otherwise)
    row_bits = -_exponent(largest)
    fitted = _largest(of, np.ldexp(size, row_bits[row]), len(is_integer))
    return row_bits, np.where(is_integer, 0, -_exponent(fitted))


def _bits_of_linear(programme: Programme) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Scale variables by their rows, rows by their variables, and all of them by how large the bounds are."""
    entries = programme.matrix.tocoo()
    row, of = entries.coords
    size = np.abs(entries.data)
    column_bits = -_exponent(_largest(of, size, len(programme.cost)))
    row_bits = -_exponent(_largest(row, np.ldexp(size, column_bits[of]), len(programme.row_lower)))
    bounds = np.ldexp(_bound_sizes(programme), row_bits)
    unit = _exponent(np.array([bounds.max(initial=0.0)]))
    return row_bits - unit, column_bits + unit


def _scaled_cost(
    programme: Programme, column_bits: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Costs by scaled variables, the largest about 2 ** COST_BITS, and what they were multiplied by."""
    is_integer = programme.is_integer
    cost = np.ldexp(programme.cost, column_bits)
    size = np.abs(cost[is_integer]).max(initial=0.0) or np.abs(cost).max(initial=0.0)
    bits = COST_BITS - int(_exponent(np.array([size]))[0]) if size > 0 else 0
    bits = min(max(bits, -MOST_BITS), MOST_BITS)
    cost = np.ldexp(cost, bits)
    if is_integer.any():
        # those variables are from 0 up, so that less cost is a looser programme
        cost = np.where(is_integer, cost, np.minimum(cost, 2.0**MOST_COST_BITS))
    return cost, float(np.ldexp(1.0, bits))


# ---- what HiGHS need not see


@dataclass(frozen=True)
class _Reach:
    """The least and the most that each entry of a matrix can come to, shape (n_entries,), and sums by row."""

    least: NDArray[np.float64]
    most: NDArray[np.float64]
    row_least: NDArray[np.float64]
    row_most: NDArray[np.float64]

    @classmethod
    def of(cls, programme: Programme) -> _Reach:
        entries, rows = programme.matrix.tocoo(), len(programme.row_lower)
        row, of = entries.coords
        with np.errstate(invalid="ignore"):
            low = entries.data * programme.lower_bounds[of]
            high = entries.data * programme.upper[of]
        low, high = np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), 0.0, high)
        least, most = np.minimum(low, high), np.maximum(low, high)
        by_row = [np.bincount(row, part, rows).astype(float) for part in (least, most)]
        return cls(least, most, *by_row)


def _without_impossible(programme: Programme) -> Programme:
    """Fix integer variables from 0 to 1 that no row has room for at 0: their weights and costs set no scale."""
    for _ in range(IMPOSSIBLE_ROUNDS):
        entries = programme.matrix.tocoo()
        row, of = entries.coords
        reach, rows = _Reach.of(programme), len(programme.row_lower)
        over = reach.row_least[row] + np.maximum(entries.data, 0.0)
        under = reach.row_most[row] + np.minimum(entries.data, 0.0)
        upper, lower = programme.row_upper[row], programme.row_lower[row]
        size = [np.bincount(row, np.abs(part), rows)[row] for part in (reach.least, reach.most)]
        with np.errstate(invalid="ignore"):
            room = SURE_SHARE * (np.abs(upper) + np.abs(over) + size[0])
            never = over > upper + room
            room = SURE_SHARE * (np.abs(lower) + np.abs(under) + size[1])
            never |= under < lower - room
        is_open = programme.is_integer & (programme.lower_bounds == 0) & (programme.upper == 1)
        out = np.unique(of[never & is_open[of]])
        if len(out) == 0:
            return programme
        upper, cost = programme.upper.copy(), programme.cost.copy()
        upper[out] = cost[out] = 0.0
        kept = ~np.isin(of, out)
        matrix = sp.csr_array(
            (entries.data[kept], (row[kept], of[kept])), shape=programme.matrix.shape
        )
        programme = replace(programme, matrix=matrix, upper=upper, cost=cost)
    return programme


def _is_whole(programme: Programme) -> NDArray[np.bool_]:
    """Which rows have small whole numbers for weights and bounds, so that no tolerance blurs them."""
    entries, rows = programme.matrix.tocoo(), len(programme.row_lower)
    weight = entries.data
    is_odd = (weight % 1 != 0) | (np.abs(weight) > MOST_WHOLE)
    is_odd &= programme.is_integer[entries.coords[1]]
    whole = np.bincount(entries.coords[0], is_odd, rows) == 0
    for bound in (programme.row_lower, programme.row_upper):
        whole &= np.isinf(bound) | (np.where(np.isinf(bound), 0.0, bound) % 1 == 0)
    return np.asarray(whole)


def _shifted(programme: Programme) -> tuple[Programme, NDArray[np.float64]]:
    """Take off variables for violation what no solution can do without, where a bound is out of its row's reach.

    Also what was taken off, by variable. What is left is as large as what can be decided.
    """
    entries, n = programme.matrix.tocoo(), len(programme.cost)
    row, of = entries.coords
    alone = np.bincount(of, minlength=n) == 1
    alone &= ~programme.is_integer & (programme.lower_bounds == 0) & np.isinf(programme.upper)
    fixed = replace(programme, upper=np.where(alone, 0.0, programme.upper))
    reach = _Reach.of(fixed)
    lower, upper, shift = programme.row_lower.copy(), programme.row_upper.copy(), np.zeros(n)
    for sign, bound, end in ((1.0, lower, reach.row_most), (-1.0, upper, reach.row_least)):
        mine = (
            alone[of] & (sign * entries.data > 0) & np.isfinite(bound[row]) & np.isfinite(end[row])
        )
        mine &= sign * (bound[row] - end[row]) > 0
        at, who = row[mine], of[mine]
        beyond = bound[at] - end[at]
        shift[who] = beyond / entries.data[mine]
        other = upper if sign > 0 else lower
        other[at] = end[at] + (other[at] - bound[at])  # the same distance, to the bit
        bound[at] = end[at]
    return replace(programme, row_lower=lower, row_upper=upper), shift


def _without_traces(scaled: Programme) -> Programme:
    """Leave traces of integer variables out of rows, and widen the rows' bounds by what they can come to."""
    entries, rows = scaled.matrix.tocoo(), len(scaled.row_lower)
    row, of = entries.coords
    trace = scaled.is_integer[of] & (np.abs(entries.data) < LEAST_WEIGHT)
    if not trace.any():
        return scaled
    reach, at = _Reach.of(scaled), row[trace]
    return replace(
        scaled,
        matrix=sp.csr_array(
            (entries.data[~trace], (row[~trace], of[~trace])), shape=scaled.matrix.shape
        ),
        row_lower=scaled.row_lower - np.bincount(at, reach.most[trace], rows),
        row_upper=scaled.row_upper - np.bincount(at, reach.least[trace], rows),
    )


def _within_reach(scaled: Programme) -> Programme:
    """Bring huge bounds of rows down to what the rows can reach: none if kept anyway, else still out of reach."""
    reach = _Reach.of(scaled)
    lower, upper = scaled.row_lower, scaled.row_upper
    is_finite = np.isfinite(reach.row_most) & np.isfinite(reach.row_least)
    huge = is_finite & (np.abs(lower) > LARGEST_BOUND)
    lower = np.where(huge & (lower < reach.row_least), -np.inf, lower)
    lower = np.where(huge, np.minimum(lower, reach.row_most + LARGEST_BOUND), lower)
    huge = is_finite & (np.abs(upper) > LARGEST_BOUND)
    upper = np.where(huge & (upper > reach.row_most), np.inf, upper)
    upper = np.where(huge, np.maximum(upper, reach.row_least - LARGEST_BOUND), upper)
    return replace(scaled, row_lower=lower, row_upper=upper)
