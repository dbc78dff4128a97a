"""A damped quadratic model of the dual, minimised within a box by a primal-dual active set method.

References
----------
Hintermueller, Ito, Kunisch, "The primal-dual active set strategy as a semismooth Newton method", 2003.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....engines.protocol import Engine
from ....kernels import StepModel
from ....utils.arrays.fixed_order import dot_in_order
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
        step = np.clip(self._step_of_active_sets(gradient, low, high), low, high)
        decrease = self._decrease(gradient, step)
        # the active sets may have gone round in a circle: downhill along the gradient is safe
        if decrease <= 0.0:
            step = np.clip(-gradient / self._diagonal, low, high)
            curved = dot_in_order(step, self._times(step))
            step *= min(1.0, -dot_in_order(gradient, step) / curved) if curved > 0.0 else 1.0
            decrease = self._decrease(gradient, step)
        return step, decrease

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

    def _step_of_active_sets(
        self, gradient: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The step once hardly a coordinate changes the bound that it is at, or few go back and forth."""
        options = self._options
        # which end of its interval each coordinate is at: -1, 1, or 0 for neither; first as if no other one moved
        alone = -gradient / self._diagonal
        end = np.where(alone < low, -1, np.where(alone > high, 1, 0))
        step, guess = np.zeros((2, len(gradient)))
        changed_before = len(end)
        for _ in range(options.active_sets):
            free = end == 0
            step = np.where(end < 0, low, np.where(end > 0, high, 0.0))
            right = np.where(free, -(gradient + self._times(step)), 0.0)
            guess = self._solve(free, right, np.where(free, guess, 0.0))
            step[free] = guess[free]
            slope = gradient + self._times(step)
            new = np.where(free, np.where(step < low, -1, np.where(step > high, 1, 0)), end)
            new[(end < 0) & (slope < 0)] = 0
            new[(end > 0) & (slope > 0)] = 0
            changed = int((new != end).sum())
            is_settled = changed <= options.unsettled_share * len(end)
            is_restless = changed_before <= changed <= options.restless_share * len(end)
            if is_settled or is_restless:
                break
            end, changed_before = new, changed
        return step

    def _times(self, step: NDArray[np.float64]) -> NDArray[np.float64]:
        """The damped matrix times a step."""
        return np.asarray(self._matrix @ step + self._damping * step)

    def _decrease(self, gradient: NDArray[np.float64], step: NDArray[np.float64]) -> float:
        """What the model promises of a step."""
        return -dot_in_order(step, gradient + 0.5 * self._times(step))

    def _solve(
        self,
        free: NDArray[np.bool_],
        right: NDArray[np.float64],
        guess: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The free coordinates' step, by conjugate gradients: damping keeps the matrix well conditioned.

        The others' are 0 in `right` and `guess` and stay so.
        """
        matrix, options, step = self._matrix, self._options, guess.copy()
        model = StepModel(
            self._indptr,
            self._column,
            matrix.data,
            self._damping,
            self._diagonal,
            free.view(np.uint8),
        )
        tolerance, steps = options.cg_tolerance, options.cg_steps
        self._engine.kernels.minimise_model(model, right, step, tolerance, steps)
        return step
