"""Scaled coordinates of the prices: one for each finite bound of a row, from 0 up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.process.cached_property import cached_property
from ..problem import Problem


@dataclass(frozen=True)
class PriceSpace:
    """Scaled non-negative coordinates of the prices: one for each finite bound of a row.

    A row with two finite bounds has two coordinates, of which its signed price is the difference.

    Attributes
    ----------
    row : ndarray of int64, shape (n_coordinates,)
    sign : ndarray of float64, shape (n_coordinates,)
        +1 for the row's upper bound, -1 for its lower bound.
    scale : ndarray of float64, shape (n_coordinates,)
        Price per unit of the coordinate.
    highest : ndarray of float64, shape (n_coordinates,)
        Largest coordinate: of a soft row from its penalty, of an upper bound from its price cap.
    rows : int
        Number of rows of the problem.
    """

    row: NDArray[np.int64]
    sign: NDArray[np.float64]
    scale: NDArray[np.float64]
    highest: NDArray[np.float64]
    rows: int

    @classmethod
    def for_problem(
        cls,
        problem: Problem,
        row_scale: NDArray[np.float64],
        caps: NDArray[np.float64] | None = None,
    ) -> PriceSpace:
        """Build the coordinates of a problem's prices.

        Parameters
        ----------
        problem : Problem
        row_scale : ndarray of float64, shape (n_rows,)
            Price per unit of coordinate.
        caps : ndarray of float64, shape (n_rows,), optional
            Highest price of each row's upper bound.
        """
        upper = np.flatnonzero(np.isfinite(problem.upper))
        lower = np.flatnonzero(np.isfinite(problem.lower))
        row = np.concatenate([upper, lower])
        sign = np.concatenate([np.ones(len(upper)), -np.ones(len(lower))])
        scale = row_scale[row]
        highest = problem.penalty[row]
        if caps is not None:
            highest = np.where(sign > 0, np.minimum(highest, caps[row]), highest)
        return cls(row, sign, scale, highest / scale, len(problem.lower))

    def below_cap(self, prices: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which rows' prices could still rise, shape (n_rows,)."""
        at_cap = (self.sign > 0) & (prices[self.row] >= self.highest * self.scale * (1 - 1e-9))
        below = np.ones(self.rows, bool)
        below[self.row[at_cap]] = False
        return below

    @cached_property
    def has_each_row_once(self) -> bool:
        """Whether each row has one coordinate, in the order of the rows."""
        return np.array_equal(self.row, np.arange(self.rows))

    def prices(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed prices, shape (n_rows,), at a point, shape (n_coordinates,)."""
        priced = point * self.sign * self.scale
        if self.has_each_row_once:
            return priced
        return np.bincount(self.row, weights=priced, minlength=self.rows).astype(float, copy=False)

    def point(self, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """The point of signed prices, brought within the bounds of the coordinates."""
        return np.clip(prices[self.row] * self.sign / self.scale, 0.0, self.highest)

    def gradient(self, problem: Problem, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slopes of the dual by coordinate, from the activities of everybody's best choice, shape (n_rows,)."""
        bound = np.where(self.sign > 0, problem.upper[self.row], problem.lower[self.row])
        return self.sign * (bound - activity[self.row]) * self.scale
