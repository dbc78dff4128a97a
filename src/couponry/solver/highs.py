"""HiGHS through SciPy, on one thread of its own.

HiGHS keeps a pool of worker threads for each thread that calls it, of the size first asked for. A fresh thread for
each solve, and a pool of none, make the path of the search the same on every machine, whatever else uses HiGHS in this
process, and leave nothing behind that would be dead in a forked child and let the next solve there wait without end.
"""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..utils.lazy_imports import sparse as sp

ODD = 4  # SciPy's status for an end that is none of: optimal, limit reached, infeasible, unbounded


def within_reason(seconds: float) -> float:
    """A time limit as HiGHS takes it."""
    return min(max(0.1, seconds), 1e6)


def milp(
    cost: NDArray[np.float64],
    matrix: sp.csr_array,
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    integrality: NDArray[np.float64],
    options: dict[str, Any],
    floor: NDArray[np.float64] | float = 0.0,
) -> scipy.optimize.OptimizeResult:
    """Minimise cost @ x subject to lower <= matrix @ x <= upper and floor <= x <= ceiling; see scipy.optimize.milp."""
    results: list[scipy.optimize.OptimizeResult] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(
                scipy.optimize.milp(
                    cost,
                    constraints=scipy.optimize.LinearConstraint(matrix, lower, upper),
                    bounds=scipy.optimize.Bounds(floor, ceiling),
                    integrality=integrality,
                    options={**options, "threads": 1},
                )
            )
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
    if results[0].status == ODD and "limit reached" not in str(results[0].message):
        warnings.warn(f"HiGHS gave up: {results[0].message}", RuntimeWarning, stacklevel=2)
    return results[0]
