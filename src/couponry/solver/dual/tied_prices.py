"""One price for limits that differ in their customers alone: a first guess where there are too many prices for samples.

The stock of an offer in each of hundreds of shops asks for hundreds of thousands of prices, and a sample of customers
has a handful of candidates for each. One price for an offer in all shops is found from a small sample, and is near what
each shop's own comes to. The dual of tied prices is the dual itself over fewer coordinates, whose slopes are sums.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...kernels.hashing import scatter
from ..problem import Problem
from .price_space import PriceSpace


class TiedPrices:
    """Coordinates of a price space, tied where limits sum the same items for other customers.

    Parameters
    ----------
    problem : Problem
    space : PriceSpace

    Attributes
    ----------
    tie : ndarray of int64, shape (n_coordinates,)
        Which tied coordinate each one of `space` is given.
    highest : ndarray of float64, shape (n_ties,)
        Largest tied coordinate.
    """

    def __init__(self, problem: Problem, space: PriceSpace):
        self._space = space
        key = np.stack([items_key(problem)[space.row], space.sign > 0], axis=1)
        _, tie = np.unique(key.astype(np.uint64), axis=0, return_inverse=True)
        self.tie: NDArray[np.int64] = tie.reshape(-1).astype(np.int64)
        self.highest = np.zeros(int(self.tie.max(initial=-1)) + 1)
        np.maximum.at(self.highest, self.tie, space.highest)

    def __len__(self) -> int:
        return len(self.highest)

    def prices(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed prices, shape (n_rows,), at a point, shape (n_ties,)."""
        return self._space.prices(np.minimum(point[self.tie], self._space.highest))

    def point(self, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """The point of signed prices: the mean of those that are tied, shape (n_ties,)."""
        each = self._space.point(prices)
        count = np.bincount(self.tie, minlength=len(self))
        return np.asarray(np.bincount(self.tie, weights=each, minlength=len(self)) / count)

    def gradient(self, problem: Problem, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slopes of the dual by tied coordinate, from activities, shape (n_rows,)."""
        slope = self._space.gradient(problem, activity)
        return np.bincount(self.tie, weights=slope, minlength=len(self)).astype(float)


def items_key(problem: Problem) -> NDArray[np.uint64]:
    """Make a number of what each row sums of which items, whoever the customers are.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    ndarray of uint64, shape (n_rows,)
        The same for rows of the same items and weights, but for those whose customers are in several segments.
    """
    rows = problem.rows
    attribute, place = np.divmod(rows.indices.astype(np.int64), problem.objective[0].size)
    column = attribute * problem.objective.shape[2] + place % problem.objective.shape[2]
    weight = np.ascontiguousarray(rows.data).view(np.uint64)
    each = scatter(column.astype(np.uint64)) * (scatter(weight) | np.uint64(1))
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(scatter(each), dtype=np.uint64)])
    return np.asarray(total[rows.indptr[1:]] - total[rows.indptr[:-1]])
