"""HiGHS through SciPy, on one thread.

One thread for two reasons: the path of its search does not depend on the machine, and it starts no pool of worker
threads, which would be dead in a forked child and let the next solve there wait without end.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse as sp
from numpy.typing import NDArray


def milp(
    cost: NDArray[np.float64],
    matrix: sp.csr_array,
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    ceiling: NDArray[np.float64],
    integrality: NDArray[np.float64],
    options: dict[str, Any],
) -> scipy.optimize.OptimizeResult:
    """Minimise cost @ x subject to lower <= matrix @ x <= upper and 0 <= x <= ceiling; see scipy.optimize.milp."""
    with warnings.catch_warnings():
        # SciPy hands options that it does not know to HiGHS as they are, with a warning that says so
        warnings.filterwarnings("ignore", "Unrecognized options detected", RuntimeWarning)
        return scipy.optimize.milp(
            cost,
            constraints=scipy.optimize.LinearConstraint(matrix, lower, upper),
            bounds=scipy.optimize.Bounds(0.0, ceiling),
            integrality=integrality,
            options={**options, "threads": 1},
        )
