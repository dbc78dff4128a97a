"""Prices to start from where limits differ in their customers alone, and are too many for samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...options import SolverOptions
from ...problem import Problem
from ..lagrangian import Evaluation
from ..price_space import PriceSpace
from ..projected_quasi_newton import minimise_projected
from ..quasi_newton import Effort
from ..sampling import Samples
from ..tied_prices import TiedPrices


def find_tied_prices(
    problem: Problem,
    space: PriceSpace,
    samples: Samples,
    unit: float,
    tolerance: float,
    watch: Callable[[Evaluation], bool],
    options: SolverOptions,
) -> NDArray[np.float64] | None:
    """Find one price for limits that differ in their customers alone, by quasi-Newton steps on a sample.

    Parameters
    ----------
    problem : Problem
    space : PriceSpace
    samples : Samples
    unit : float
        Unit of the dual value for stopping rules.
    tolerance : float
        Stop when an iteration gains less than this share of the dual value.
    watch : callable
        Called with every evaluation; True stops.
    options : SolverOptions

    Returns
    -------
    ndarray of float64, shape (n_rows,), or None
        None where prices are few, or tying them leaves about as many.
    """
    if len(space.row) < options.tied_prices.prices:
        return None
    tied = TiedPrices(problem, space)
    if len(tied) * options.tied_prices.fewer > len(space.row):
        return None
    sample = samples.for_tied_prices(problem, len(tied))
    effort = Effort(unit, options.tied_prices.passes, tolerance)
    nothing = np.zeros(space.rows)
    return minimise_projected(sample, tied, nothing, effort, watch, options.quasi_newton).prices
