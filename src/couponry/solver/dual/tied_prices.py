"""One price for limits that differ in their customers alone: a first guess where there are too many prices for samples.

The stock of an offer in each of hundreds of shops asks for hundreds of thousands of prices, and a sample of customers
has a handful of candidates for each. One price for an offer in all shops is found from a small sample, and is near what
each shop's own comes to. It is the price of what all shops have of it together: limits that are tied are summed. Where
that leaves segments of customers with the same prices, these are one segment, and a table of prices is as small as one
of the offers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.local import LocalEngine
from ...engines.protocol import Engine
from ...kernels.hashing import scatter
from ...utils.arrays.membership import few_distinct
from ...utils.lazy_imports import sparse as sp
from ..options import TiedPriceOptions
from ..problem import Problem
from .lagrangian import Evaluation, Lagrangian, as_float32


@dataclass(frozen=True)
class TiedProblem:
    """A problem whose limits are summed where they differ in their customers alone.

    What keeps the limits keeps their sums: the bound of the sums is one of the limits, at prices that are tied.

    Attributes
    ----------
    problem : Problem
        With one row for all that are tied, over classes of segments; its candidates are those of the whole one.
    tie : ndarray of int64, shape (n_rows,)
        Which of its rows each row of the whole problem is part of.
    class_of : ndarray of int64, shape (n_segments,)
        Which of its segments each segment is part of.
    """

    problem: Problem
    tie: NDArray[np.int64]
    class_of: NDArray[np.int64]

    @classmethod
    def of(cls, whole: Problem, options: TiedPriceOptions) -> TiedProblem | None:
        """Tie what rows there are, if that leaves far fewer.

        Parameters
        ----------
        whole : Problem
        options : TiedPriceOptions

        Returns
        -------
        TiedProblem or None
            None where prices are few, or tying them leaves about as many.
        """
        rows = len(whole.lower)
        if rows < options.prices:
            return None
        kind = np.stack([whole.lower == -np.inf, whole.upper == np.inf, whole.integer])
        key = scatter(items_key(whole) + scatter(whole.penalty.view(np.uint64)))
        key = key * np.uint64(8) + (np.array([4, 2, 1]) @ kind).astype(np.uint64)
        found, tie = few_distinct(key)
        if len(found) * options.fewer > rows:
            return None
        summed = _summed_rows(whole, tie, len(found))
        class_of, first = _classes(whole, summed)
        segments, items = whole.objective.shape[1:]
        cell = (np.arange(len(whole.objective))[:, None] * segments + first)[:, :, None] * items
        columns = (cell + np.arange(items)).ravel()
        lower, upper = (
            np.bincount(tie, weights=bound, minlength=len(found)).astype(float)
            for bound in (whole.lower, whole.upper)
        )
        one_of = np.zeros(len(found), np.int64)
        one_of[tie] = np.arange(rows)
        problem = replace(
            whole,
            objective=np.ascontiguousarray(whole.objective[:, first]),
            rows=sp.csr_array(summed[:, columns]),
            lower=lower,
            upper=upper,
            penalty=whole.penalty[one_of],
            integer=whole.integer[one_of],
        )
        return cls(problem, tie, class_of)

    def summed(self, usage: NDArray[np.generic]) -> NDArray[np.generic]:
        """Sum up usage over the segments of each class.

        Parameters
        ----------
        usage : ndarray, shape (n, n_segments, n_items)

        Returns
        -------
        ndarray, shape (n, n_classes, n_items)
        """
        order = np.argsort(self.class_of, kind="stable")
        first = np.flatnonzero(np.diff(self.class_of[order], prepend=-1))
        return np.asarray(np.add.reduceat(usage[:, order], first, axis=1))

    def dual(self, engine: Engine, scale: float) -> Lagrangian:
        """Return its dual over a sample of the customers; `scale`: customers in all for each that the engine has."""
        return _OfClasses(self, engine, scale)


class _OfClasses(Lagrangian):
    """The dual of tied prices, over customers whose segments are those of the whole problem."""

    def __init__(self, tied: TiedProblem, engine: Engine, scale: float):
        is_here = isinstance(engine, LocalEngine) and not engine.is_streamed
        self._tied = None if is_here else tied
        if isinstance(engine, LocalEngine) and is_here:
            engine = engine.of_classes(tied.class_of)
        super().__init__(tied.problem, engine, scale)

    def evaluate(self, prices: NDArray[np.float64], objective: float = 1.0) -> Evaluation:
        """See `Lagrangian.evaluate`."""
        tied = self._tied
        if tied is None:
            return super().evaluate(prices, objective)
        reduced = self.reduced(prices, objective)
        table = as_float32(self.price_table(reduced))
        counted = self.engine.evaluate(np.ascontiguousarray(table[:, tied.class_of]))
        return self.evaluation_of(prices, reduced, tied.summed(counted).astype(np.int64))


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
    return _keys(rows.indptr, column, rows.data)


def _keys(
    ptr: NDArray[np.integer], place: NDArray[np.integer], weight: NDArray[np.float64]
) -> NDArray[np.uint64]:
    """A number of the entries of each row, or column, in whichever order."""
    weights = np.ascontiguousarray(weight).view(np.uint64)
    each = scatter(place.astype(np.uint64)) * (scatter(weights) | np.uint64(1))
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(scatter(each), dtype=np.uint64)])
    return np.asarray(total[ptr[1:]] - total[ptr[:-1]])


def _summed_rows(whole: Problem, tie: NDArray[np.int64], ties: int) -> sp.csc_array:
    """The rows of a problem with those summed that are tied, shape (n_ties, n_cells)."""
    by_cell = whole.columns
    listed = by_cell.data.copy(), tie[by_cell.indices], by_cell.indptr.copy()
    summed = sp.csc_array(listed, shape=(ties, len(by_cell.indptr) - 1))
    summed.sum_duplicates()
    return summed


def _classes(whole: Problem, summed: sp.csc_array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Segments whose prices are the same at any tied prices: the class of each, and the first one of each class."""
    shape = whole.objective.shape
    key = _keys(summed.indptr, summed.indices, summed.data).reshape(shape)
    key = scatter(key ^ scatter(np.ascontiguousarray(whole.objective + 0.0).view(np.uint64)))
    at = np.arange(shape[0] * shape[2], dtype=np.uint64).reshape(shape[0], 1, shape[2])
    of_segment = scatter(key ^ scatter(at)).sum(axis=(0, 2), dtype=np.uint64)
    _, first, class_of = np.unique(of_segment, return_index=True, return_inverse=True)
    return class_of.reshape(-1).astype(np.int64), first.astype(np.int64)
