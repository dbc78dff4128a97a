"""Stochastic smoothing: a little noise on every candidate's value, for campaigns full of ties.

Where many customers are alike (a default score for everybody, say) the dual has kinks that no gradient method gets
past, and everybody's best choice jumps over the limits together. Noise that differs by customer and candidate makes
the dual smooth and shares tied coupons out in proportion (random utility). It is one more attribute of the packed
candidates, priced by its amplitude, so that no kernel knows of it. The bound is always taken without.

References
----------
McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...engines.protocol import Engine
from ...utils.lazy_imports import sparse as sp
from ..problem import Problem
from .lagrangian import Lagrangian

STEPS = 1 << 16
"""Steps that the noise is drawn in: those of a packed quantity."""


class Smoothing:
    """The dual of a problem under noise of any amplitude.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    seed : int
        Of the noise.

    Attributes
    ----------
    engine : Engine
        Over candidates that have the noise for one more attribute.
    """

    def __init__(self, problem: Problem, engine: Engine, seed: int):
        self.engine = engine.with_noise(seed)
        cells = problem.objective[0].size
        unweighted = sp.csr_array((problem.rows.shape[0], cells))
        one = np.ones((1, problem.low.shape[1]))
        self._problem = replace(
            problem,
            low=np.concatenate([problem.low, -0.5 * one]),
            step=np.concatenate([problem.step, one / STEPS]),
            error=np.concatenate([problem.error, 0.0 * one]),
            quantity_of=np.append(problem.quantity_of, problem.quantities),
            rows=sp.csr_array(sp.hstack([problem.rows, unweighted], format="csr")),
        )

    def lagrangian(self, amplitude: float) -> Lagrangian:
        """Make the dual under noise of an amplitude.

        Parameters
        ----------
        amplitude : float
            In units of the objective; noise is uniform within half of it to either side.
        """
        objective = self._problem.objective
        priced = np.full((1, *objective.shape[1:]), amplitude)
        problem = replace(self._problem, objective=np.concatenate([objective, priced]))
        return Lagrangian(problem, self.engine)
