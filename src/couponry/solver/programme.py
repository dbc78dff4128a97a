"""A linear or mixed-integer programme, as `highs.solve_programme` takes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..utils.lazy_imports import sparse as sp


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

    @property
    def is_integer(self) -> NDArray[np.bool_]:
        """Which variables are whole numbers, shape (n_variables,)."""
        if self.integrality is None:
            return np.zeros(len(self.cost), bool)
        return np.asarray(self.integrality != 0)

    @property
    def lower_bounds(self) -> NDArray[np.float64]:
        """Lower bounds of the variables, shape (n_variables,)."""
        return np.broadcast_to(np.asarray(self.lower, float), len(self.cost))

    @property
    def has_twin_rows(self) -> bool:
        """Whether two rows differ by a factor, and in continuous variables that occur in no other row."""
        matrix = sp.csr_array(self.matrix)
        is_own = np.bincount(matrix.indices, minlength=matrix.shape[1]) == 1
        is_own &= ~self.is_integer
        shared = sp.csr_array(matrix @ sp.diags_array((~is_own).astype(float)))
        shared.eliminate_zeros()
        shared.sort_indices()
        has_own = np.diff(matrix.indptr) > np.diff(shared.indptr)
        seen = set()
        for row in np.flatnonzero(has_own).tolist():
            inside = slice(shared.indptr[row], shared.indptr[row + 1])
            weight = shared.data[inside]
            if len(weight) == 0:
                continue
            key = shared.indices[inside].tobytes(), np.round(weight / weight[0], 9).tobytes()
            if key in seen:
                return True
            seen.add(key)
        return False
