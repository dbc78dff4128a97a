"""HiGHS through SciPy, on one thread of its own.

HiGHS keeps a pool of worker threads for each thread that calls it, of the size first asked for. A fresh thread for
each solve, and a pool of none, make the path of the search the same on every machine, whatever else uses HiGHS in this
process. They leave nothing behind that would be dead in a forked child, where the next solve would wait for it forever.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..utils.lazy_imports import sparse as sp

OPTIMAL, INFEASIBLE, OTHER = 0, 2, 4
"""SciPy's statuses; OTHER is none of: optimal, limit reached, infeasible, unbounded."""

LEAST_SECONDS, MOST_SECONDS = 0.1, 1e6
"""Time limits that HiGHS takes."""


@dataclass(frozen=True)
class Programme:
    """Minimise cost @ x subject to row_lower <= matrix @ x <= row_upper and lower <= x <= upper.

    Attributes
    ----------
    cost : ndarray of float64, shape (n_variables,)
    matrix : CSR array of float64, shape (n_rows, n_variables)
    row_lower, row_upper : ndarray of float64, shape (n_rows,)
    upper : ndarray of float64, shape (n_variables,)
    lower : ndarray of float64, shape (n_variables,), or float
    integrality : ndarray of float64, shape (n_variables,), optional
        1 for integer variables, 0 for continuous ones; default: all are continuous.
    """

    cost: NDArray[np.float64]
    matrix: sp.csr_array
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    upper: NDArray[np.float64]
    lower: NDArray[np.float64] | float = 0.0
    integrality: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Outcome:
    """What HiGHS found.

    Attributes
    ----------
    status : int
        As SciPy numbers them.
    x : ndarray of float64, shape (n_variables,), or None
        The best solution found.
    value : float or None
        Its cost.
    bound : float or None
        No solution costs less; None where HiGHS has no finite bound, and for programmes without integer variables.
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
        Other options of HiGHS, by its names for them: node_limit, mip_rel_gap, simplex_iteration_limit.

    Returns
    -------
    Outcome

    Warns
    -----
    RuntimeWarning
        Where HiGHS gives up for a reason that is not a limit.
    """
    given: dict[str, Any] = {**options, "threads": 1}
    if time_limit is not None:
        given["time_limit"] = min(max(LEAST_SECONDS, time_limit), MOST_SECONDS)
    results: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(_by_scipy(programme, given))
        except BaseException as error:
            errors.append(error)

    with warnings.catch_warnings():
        # SciPy hands options that it does not know to HiGHS as they are, with a warning that says so
        warnings.filterwarnings("ignore", "Unrecognized options detected", RuntimeWarning)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.2)  # so that an interrupt gets through
    if errors:
        raise errors[0]
    found = results[0]
    if found.status == OTHER and "limit reached" not in str(found.message):
        warnings.warn(f"HiGHS gave up: {found.message}", RuntimeWarning, stacklevel=2)
    bound = found.mip_dual_bound
    has_bound = bound is not None and bool(np.isfinite(bound))
    return Outcome(int(found.status), found.x, found.fun, bound if has_bound else None)


def _by_scipy(programme: Programme, options: dict[str, Any]) -> Any:
    """What scipy.optimize.milp returns."""
    rows = scipy.optimize.LinearConstraint(
        programme.matrix, programme.row_lower, programme.row_upper
    )
    integrality = programme.integrality
    return scipy.optimize.milp(
        programme.cost,
        constraints=rows,
        bounds=scipy.optimize.Bounds(programme.lower, programme.upper),
        integrality=np.zeros(len(programme.cost)) if integrality is None else integrality,
        options=options,
    )
