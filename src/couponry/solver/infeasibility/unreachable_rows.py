"""Limits that no allocation keeps, whatever else holds: all candidates together come to too little, or to too much.

A promise of four coupons of an offer in a shop where three customers are candidates is found by looking once, however
many other limits there are. Prices on all such limits prove that nothing is feasible, each by itself. And so far at
least they must give way: if all other limits can be kept then, there are no smaller changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ..dual.scaling import Scales
from ..problem import Problem


@dataclass(frozen=True)
class RowReach:
    """What rows can come to at the most, and at the least, as all candidates together tell.

    Attributes
    ----------
    least, most : ndarray of float64, shape (n_rows,)
    off : ndarray of float64, shape (n_rows,)
        By how much both may be off, for packing and rounding; 0 of rows of whole numbers.
    """

    least: NDArray[np.float64]
    most: NDArray[np.float64]
    off: NDArray[np.float64]

    @classmethod
    def of(cls, problem: Problem, scales: Scales) -> RowReach:
        """Find it; scales: over all customers."""
        rows = len(problem.lower)
        count = scales.everything[0].ravel()[scales.cell]
        most = np.where(scales.least >= 0, scales.mean, np.maximum(scales.most, 0.0))
        least = np.where(scales.most <= 0, scales.mean, np.minimum(scales.least, 0.0))
        highest = np.bincount(scales.row, weights=count * most, minlength=rows).astype(float)
        lowest = np.bincount(scales.row, weights=count * least, minlength=rows).astype(float)
        off = scales.margins(np.maximum(np.abs(highest), np.abs(lowest)))
        return cls(lowest, highest, off + _packing_error(problem, scales))

    def short(self, problem: Problem) -> NDArray[np.bool_]:
        """Which hard rows cannot come to as much as they must, (n_rows,)."""
        return np.asarray(problem.hard & (problem.lower > self.most + self.off))

    def beyond(self, problem: Problem) -> NDArray[np.bool_]:
        """Which hard rows come to more than they may, (n_rows,)."""
        return np.asarray(problem.hard & (problem.upper < self.least - self.off))

    def within(self, problem: Problem) -> Problem | None:
        """Relax each bound that no allocation keeps to what all candidates together come to; None: there is none."""
        short, beyond = self.short(problem), self.beyond(problem)
        if not (short | beyond).any():
            return None
        return replace(
            problem,
            lower=np.where(short, self.most - self.off, problem.lower),
            upper=np.where(beyond, self.least + self.off, problem.upper),
        )


def unreachable_prices(problem: Problem, engine: Engine) -> NDArray[np.float64] | None:
    """Put a price on each row that no allocation keeps, as all candidates together tell.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Over all customers: it makes one pass.

    Returns
    -------
    ndarray of float64, shape (n_rows,), or None
        1 for a typical coupon's weight, with the sign of the bound that cannot be kept; 0 for all other rows. None
        where there is no such row.
    """
    scales = Scales.measure(problem, engine)
    reach = RowReach.of(problem, scales)
    short, beyond = reach.short(problem), reach.beyond(problem)
    prices = (beyond.astype(float) - short) * scales.per_coupon
    return prices if prices.any() else None


def _packing_error(problem: Problem, scales: Scales) -> NDArray[np.float64]:
    """By how much rows of all candidates may be off, as their attributes are packed, (n_rows,)."""
    if problem.counts_alone:
        return np.zeros(len(problem.lower))
    coupons = scales.everything[0]
    error = np.concatenate([0.0 * coupons[None], problem.error[:, None, :] * coupons])
    return np.where(problem.integer, 0.0, abs(problem.rows) @ error.ravel())
