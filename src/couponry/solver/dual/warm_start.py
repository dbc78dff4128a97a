"""Where a solve may start from: prices that are known, and what everybody's choice at some prices came to.

A sample of customers is off from everybody by more than prices move when a campaign changes a little. But it is off by
about the same before and after (control variates; Hammersley and Handscomb 1964): what an earlier allocation is known
to have used, less what the sample uses at the same prices, is added to what the sample uses at others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..problem import Problem
from .lagrangian import Lagrangian, as_float32


@dataclass(frozen=True)
class Known:
    """About what everybody's best choice at a price table comes to, of the same candidates under the same rules.

    price: float32 (1 + Q, S, K). usage: float64 (1 + C, S, K).
    """

    price: NDArray[np.float32]
    usage: NDArray[np.float64]

    def fits(self, problem: Problem) -> bool:
        """Whether the tables are of the shape that a problem has."""
        shape = problem.objective.shape
        quantities = (1 + problem.quantities, *shape[1:])
        return self.price.shape == quantities and self.usage.shape == shape


@dataclass(frozen=True)
class Start:
    """prices: (L), signed. known: something about these prices or others near them, or None."""

    prices: NDArray[np.float64]
    known: Known | None = None


def as_everybody(sample: Lagrangian, everybody: Lagrangian, start: Start) -> Lagrangian:
    """The dual over a sample, with what it is known to miss of everybody's usage beside it.

    Where nothing is known it is found out, by one pass.
    """
    known = start.known
    if known is None or not known.fits(sample.problem):
        price = as_float32(everybody.price_table(everybody.reduced(start.prices)))
        known = Known(price, everybody.evaluate(start.prices).usage)
    theirs = sample.usage(sample.engine.evaluate(known.price))
    return Lagrangian(sample.problem, sample.engine, sample.scale, known.usage - theirs)
