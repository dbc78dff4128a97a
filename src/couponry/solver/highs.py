"""HiGHS through SciPy, on one thread of its own, and what its answers are worth.

HiGHS keeps a pool of worker threads for each thread that calls it, of the size first asked for. A fresh thread for
each solve, and a pool of none, make the path of the search the same on every machine, whatever else uses HiGHS in this
process. They leave nothing behind that would be dead in a forked child, where the next solve would wait for it forever.

Its presolve (HiGHS 1.12) merges rows that are alike but for variables of their own, as those of a minimum and a maximum
of one sum that may both be missed at a price, and has been seen to end with less than the best as the best: programmes
with such rows are solved without it.

Its tolerances are absolute. So it is given a programme that is scaled (`equilibration`), its bound is widened by what
they may hide, a solution's cost is taken anew from whole numbers, and that nothing is feasible is believed only if
nothing is with rows wider than the tolerances either.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..utils.arrays.fixed_order import dot_in_order
from ..utils.process.native_words import native_words_left_out
from ..utils.progress.own_thread import on_own_thread
from .equilibration import equilibrate
from .programme import Programme

OPTIMAL, INFEASIBLE, OTHER = 0, 2, 4
"""SciPy's statuses; OTHER is none of: optimal, limit reached, infeasible, unbounded. HiGHS gave up."""

UNDECIDED = 5
"""Status where HiGHS took for infeasible what may be feasible within its tolerances."""

LEAST_SECONDS, MOST_SECONDS = 0.02, 1e6
"""Time limits that HiGHS takes."""

MOST_ITERATIONS = 100_000
"""Iterations of the simplex method for a linear programme: where numbers are bad it has been seen to go on forever."""

MIP_TOLERANCE = 1e-6
"""HiGHS's tolerances on whole numbers, on rows, and on the difference of two objectives; all absolute."""

DUAL_TOLERANCE = 1e-7
"""What a reduced cost of its linear programmes may be below 0 and count as 0."""

WIDENING = 10 * MIP_TOLERANCE
"""How much wider rows are made before it is believed that nothing keeps them: ten times HiGHS's tolerance."""

WIDENING_SHARE = 1e-9
"""The same as a share of the row's bound: what `verify` lets sums be off."""

SUMMATION_ERROR = 1e-12
"""Relative error of an objective as HiGHS sums it, with room to spare."""

SHIFT_ROUNDING = 2.0**-49
"""Relative error of what shifted variables cost, with room to spare."""


@dataclass(frozen=True)
class Outcome:
    """What HiGHS found.

    Attributes
    ----------
    status : int
        As SciPy numbers them, or UNDECIDED.
    x : ndarray of float64, shape (n_variables,), or None
        The best solution found. Integer variables are whole numbers.
    value : float or None
        Its cost.
    bound : float or None
        No solution costs less, whatever tolerances hide; None where HiGHS has no finite bound, and for programmes
        without integer variables.
    """

    status: int
    x: NDArray[np.float64] | None
    value: float | None
    bound: float | None


def solve_programme(
    programme: Programme, time_limit: float | None = None, **options: float
) -> Outcome:
    """Solve a linear or mixed-integer programme.

    Parameters
    ----------
    programme : Programme
    time_limit : float, optional
        Seconds; default: none.
    **options : float
        Other options of HiGHS, by its names for them: node_limit, mip_rel_gap, simplex_iteration_limit; presolve, where
        its answer is checked by whoever asks. A linear programme has a limit on its iterations in any case.

    Returns
    -------
    Outcome
    """
    given: dict[str, Any] = {**options, "threads": 1}
    if time_limit is not None:
        given["time_limit"] = min(max(LEAST_SECONDS, time_limit), MOST_SECONDS)
    if not programme.is_integer.any():
        given.setdefault("simplex_iteration_limit", MOST_ITERATIONS)
    elif "presolve" not in given and programme.has_twin_rows:
        given["presolve"] = False
    begun = time.monotonic()
    scaled = equilibrate(programme)
    found = _on_a_thread(scaled.programme, given)
    if found.status == INFEASIBLE and not _is_infeasible(found):
        found.status = OTHER
    if found.status == INFEASIBLE:
        if time_limit is not None:
            left = given["time_limit"] - (time.monotonic() - begun)
            given["time_limit"] = max(LEAST_SECONDS, left)
        is_sure = _is_infeasible(_on_a_thread(_widened(scaled.programme), given))
        return Outcome(INFEASIBLE if is_sure else UNDECIDED, None, None, None)
    x = value = bound = None
    if found.x is not None:
        is_integer = programme.is_integer
        x = np.where(is_integer, np.round(found.x), found.x) * scaled.column + scaled.shift
        value = dot_in_order(programme.cost, x)
    if found.mip_dual_bound is not None and np.isfinite(found.mip_dual_bound):
        bound = (found.mip_dual_bound - _hidden_cost(scaled.programme)) / scaled.objective
        bound += scaled.shift_cost - SHIFT_ROUNDING * abs(scaled.shift_cost)
    return Outcome(int(found.status), x, value, bound)


def _is_infeasible(found: Any) -> bool:
    """Whether HiGHS says so. SciPy has the same status for a programme that HiGHS refuses to read."""
    return found.status == INFEASIBLE and "infeasible" in str(found.message).lower()


def _hidden_cost(scaled: Programme) -> float:
    """What HiGHS's tolerances may hide of the least cost of a scaled programme, at most."""
    if not scaled.cost.any():
        return 0.0
    reach = _range(scaled)
    size, is_integer = np.abs(scaled.cost), scaled.is_integer
    # HiGHS takes for whole what is within a tolerance of it, violations that are paid for among them
    price = size[is_integer].max(initial=0.0) + size[~is_integer].sum()
    return float(
        MIP_TOLERANCE * (2.0 + price)
        + DUAL_TOLERANCE * reach.sum()
        + SUMMATION_ERROR * dot_in_order(size, reach)
    )


def _range(scaled: Programme) -> NDArray[np.float64]:
    """How far each variable of a scaled programme may vary among solutions that could be best, shape (n_variables,).

    A variable without an upper bound need not exceed what makes up for everything else in some row of it.
    """
    reach = scaled.upper - scaled.lower_bounds
    entries, is_bounded = scaled.matrix.tocoo(), np.isfinite(reach)
    row, of = entries.coords
    size = np.abs(entries.data)
    inside = is_bounded[of] & (size > 0)
    sides = np.abs([scaled.row_lower, scaled.row_upper])
    others = np.where(np.isfinite(sides), sides, 0.0).max(axis=0)
    others += np.bincount(row[inside], (size * reach[of])[inside], len(others))
    need = np.full(len(reach), np.inf)
    outside = ~is_bounded[of] & (size > 0)
    np.minimum.at(need, of[outside], others[row[outside]] / size[outside])
    return np.where(is_bounded, reach, np.where(np.isfinite(need), need, 0.0))


def _widened(scaled: Programme) -> Programme:
    """The programme with wider rows, where any solution will do."""

    def by(side: NDArray[np.float64]) -> NDArray[np.float64]:
        return WIDENING + WIDENING_SHARE * np.where(np.isfinite(side), np.abs(side), 0.0)

    return replace(
        scaled,
        cost=np.zeros_like(scaled.cost),
        row_lower=scaled.row_lower - by(scaled.row_lower),
        row_upper=scaled.row_upper + by(scaled.row_upper),
    )


def _on_a_thread(programme: Programme, options: dict[str, Any]) -> Any:
    """What scipy.optimize.milp returns, called on a fresh thread; cancelled, HiGHS goes on to its own limits."""
    with warnings.catch_warnings():
        # SciPy hands options that it does not know to HiGHS as they are, with a warning that says so
        warnings.filterwarnings("ignore", "Unrecognized options detected", RuntimeWarning)
        return on_own_thread(lambda: _by_scipy(programme, options))


def _by_scipy(programme: Programme, options: dict[str, Any]) -> Any:
    """What scipy.optimize.milp returns."""
    rows = scipy.optimize.LinearConstraint(
        programme.matrix, programme.row_lower, programme.row_upper
    )
    integrality = programme.integrality
    with native_words_left_out():  # HiGHS says a word now and then, whatever it is asked
        return scipy.optimize.milp(
            programme.cost,
            constraints=rows,
            bounds=scipy.optimize.Bounds(programme.lower, programme.upper),
            integrality=np.zeros(len(programme.cost)) if integrality is None else integrality,
            options=options,
        )
