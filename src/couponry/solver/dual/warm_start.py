"""Warm starts: prices that are known, and the usage of everybody's choice at prices near them.

A sample of customers is off from everybody by more than prices move when a campaign changes a little. But it is off by
about the same before and after. So what an earlier allocation is known to have used, less what the sample uses at the
same prices, is added to what the sample uses at others (control variates).

References
----------
Hammersley, Handscomb, "Monte Carlo Methods", 1964.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..problem import Problem
from .lagrangian import Lagrangian, as_float32
from .newton.row_curvature import RowCurvature


@dataclass(frozen=True)
class KnownUsage:
    """About what everybody's best choice at a price table uses, of the same candidates under the same rules.

    Attributes
    ----------
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
    """

    price: NDArray[np.float32]
    usage: NDArray[np.float64]

    def fits(self, problem: Problem) -> bool:
        """Tell whether the tables are of the shape that a problem has."""
        shape = problem.objective.shape
        quantities = (1 + problem.quantities, *shape[1:])
        return self.price.shape == quantities and self.usage.shape == shape


@dataclass(frozen=True)
class WarmStart:
    """Where a solve may start from.

    Attributes
    ----------
    prices : ndarray of float64, shape (n_rows,)
        Signed prices.
    known : KnownUsage, optional
        Usage at these prices, or at others near them.
    curvature : RowCurvature, optional
        Of the dual near these prices.
    """

    prices: NDArray[np.float64]
    known: KnownUsage | None = None
    curvature: RowCurvature | None = None


def with_known_usage(start: WarmStart, everybody: Lagrangian) -> WarmStart:
    """Find out by one pass what everybody's best choice uses at the prices to start from, where no usage is known.

    Parameters
    ----------
    start : WarmStart
    everybody : Lagrangian

    Returns
    -------
    WarmStart
    """
    if start.known is not None and start.known.fits(everybody.problem):
        return start
    price = as_float32(everybody.price_table(everybody.reduced(start.prices)))
    return replace(start, known=KnownUsage(price, everybody.evaluate(start.prices).usage))


def corrected_dual(
    sample: Lagrangian, known: KnownUsage, prices: NDArray[np.float64]
) -> Lagrangian:
    """Correct the dual over a sample by what it is known to miss of everybody's usage.

    Parameters
    ----------
    sample : Lagrangian
    known : KnownUsage
        Of everybody.
    prices : ndarray of float64, shape (n_rows,)
        Those to start from. Where usage is known at these very prices, no other pass asks for it.

    Returns
    -------
    Lagrangian
        The dual over the sample.
    """
    counted = sample.engine.evaluate(known.price)
    missing = known.usage - sample.usage(counted)
    close = Lagrangian(sample.problem, sample.engine, sample.scale, missing)
    if np.array_equal(close.choice_table(prices), known.price):
        close.known = close.evaluation_of(prices, close.reduced(prices), counted)
    return close
