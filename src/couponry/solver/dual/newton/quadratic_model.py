"""A damped quadratic model of the dual, minimised within a box by a primal-dual active set method.

References
----------
Hintermueller, Ito, Kunisch, "The primal-dual active set strategy as a semismooth Newton method", 2003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....engines.protocol import Engine
from ....kernels import StepModel, StepSearch
from ....utils.lazy_imports import sparse as sp
from ...options import NewtonOptions


class QuadraticModel:
    """A quadratic model with damping, of slope that is given when it is minimised.

    Parameters
    ----------
    matrix : csr_array of float64, shape (n_coordinates, n_coordinates)
        Curvature.
    damping : float
        Share of each limit's curvature that is added to it.
    options : NewtonOptions
    engine : Engine
        Solves for steps.
    """

    def __init__(
        self,
        matrix: sp.csr_array,
        damping: float,
        options: NewtonOptions,
        engine: Engine,
    ):
        diagonal = matrix.diagonal()
        positive = diagonal[diagonal > 0]
        floor = options.curvature_floor * float(np.median(positive)) if len(positive) else 1.0
        self._options = options
        self._matrix = matrix
        self._damping = damping * (diagonal + floor)
        self._diagonal = diagonal + self._damping
        self._indptr = matrix.indptr.astype(np.int64, copy=False)
        self._column = matrix.indices.astype(np.int32, copy=False)
        self._engine = engine

    def minimum(
        self, gradient: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """Find the best step between two bounds.

        Parameters
        ----------
        gradient : ndarray of float64, shape (n_coordinates,)
        low, high : ndarray of float64, shape (n_coordinates,)
            Bounds on the step, at most 0 and at least 0.

        Returns
        -------
        step : ndarray of float64, shape (n_coordinates,)
        decrease : float
            What the model promises.
        """
        options, size = self._options, len(gradient)
        step, promised, free = np.empty(size), np.empty(1), np.empty(size, np.uint8)
        model = StepModel(
            self._indptr, self._column, self._matrix.data, self._damping, self._diagonal, free
        )
        search = StepSearch(
            low,
            high,
            options.active_sets,
            options.unsettled_share * size,
            options.restless_share * size,
            options.cg_tolerance,
            options.cg_steps,
        )
        self._engine.kernels.minimise_in_box(model, gradient, search, step, promised)
        return step, float(promised[0])

    def slope_change(self, step: NDArray[np.float64]) -> NDArray[np.float64]:
        """Say by how much slopes change with a step.

        Parameters
        ----------
        step : ndarray of float64, shape (n_coordinates,)

        Returns
        -------
        ndarray of float64, shape (n_coordinates,)
        """
        return np.asarray(self._matrix @ step)
