"""The limits' rows listed by (segment, item), and what a typical coupon weighs in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels import MAX_QUANTITY, Rules
from ...utils.arrays.membership import distinct
from ..problem import Problem
from ..rule_names import UNLIMITED
from .lagrangian import Lagrangian

ACTIVITY_ERROR = 1e-9
"""Relative error of a sum of floating-point weights that is allowed for, in whatever order it is summed."""

LEAST_WEIGHT = 1e-300
"""Typical weight, at most, that is taken for none: 1 by it, times a price, would be beyond float64."""

CANCELLATION_ERROR = 1e-13
"""The same, relative to the sum of all weights' sizes: what is left where large terms cancel."""


class Scales:
    """Rows by cell, a cell being a (segment, item), and typical sizes.

    Parameters
    ----------
    problem : Problem
    everything : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Usage of allocating every candidate.

    Attributes
    ----------
    everything : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Usage of allocating every candidate, of a sample scaled up where there are many.
    ptr : ndarray of int64, shape (n_cells + 1,)
        Where each cell's listed rows begin, those in which any of its candidates weighs something.
    row : ndarray of int32, shape (n_listed,)
        Row of each listed pair of a cell and a row.
    coefficient : ndarray of float64, shape (n_listed, 1 + n_attributes)
        Weight of a coupon in the row, and per unit of each attribute.
    cell : ndarray of int64, shape (n_listed,)
        Cell of each listed pair.
    mean, least, most : ndarray of float64, shape (n_listed,)
        Weight of the cell's candidates in the row: on average, at least and at most.
    means : ndarray of float64, shape (1 + n_attributes, n_cells)
        1, and the mean of each attribute over the candidates of each cell.
    per_coupon : ndarray of float64, shape (n_rows,)
        Weights under which a typical coupon's weight in a row counts as 1.
    least_in_row : ndarray of float64, shape (n_rows,)
        Smallest weight of any candidate in each row, at least 0.
    never_negative : ndarray of bool, shape (n_rows,)
        Whether no candidate's weight in the row is below 0.
    """

    def __init__(self, problem: Problem, everything: NDArray[np.float64]):
        self.everything = everything
        self._problem = problem
        cells = everything[0].size
        self.ptr, self.row, self.coefficient = _rows_by_cell(problem, cells)
        self.cell = np.repeat(np.arange(cells), np.diff(self.ptr))
        flat = everything.reshape(len(everything), -1)
        # of cells that a sample has no candidates in no more is known than where their attributes lie
        middle = np.tile(
            problem.low + 0.5 * MAX_QUANTITY * problem.step, cells // problem.low.shape[1]
        )
        mean = np.where(flat[0] > 0, flat[1:] / np.maximum(flat[0], 1.0), middle)
        self.means = np.concatenate([np.ones((1, cells)), mean])
        self.mean, self.least, self.most = self._weights()
        self.per_coupon = self._per_coupon(len(problem.lower))
        self.least_in_row = self._least_in_row(len(problem.lower))
        self.never_negative = (
            np.bincount(self.row, weights=self.least < 0, minlength=len(problem.lower)) == 0
        )

    def _weights(self) -> tuple[NDArray[np.float64], ...]:
        """Weight of each listed pair of a cell and a row: on average, at least and at most, (n_listed,) each."""
        problem, base = self._problem, np.ascontiguousarray(self.coefficient[:, 0])
        if problem.counts_alone:
            return base, base, base
        slopes, item = self.coefficient[:, 1:].T, self.cell % problem.low.shape[1]
        ends = (
            slopes * problem.low[:, item],
            slopes * (problem.low + MAX_QUANTITY * problem.step)[:, item],
        )
        return (
            base + (slopes * self.means[1:, self.cell]).sum(axis=0),
            base + np.minimum(*ends).sum(axis=0),
            base + np.maximum(*ends).sum(axis=0),
        )

    @classmethod
    def measure(cls, problem: Problem, engine: Engine) -> Scales:
        """Measure them by a pass under no rules, over all customers or a sample of them.

        Parameters
        ----------
        problem : Problem
        engine : Engine
            Over all customers or over a sample.
        """
        anything = Rules(
            lower=np.full(1, UNLIMITED, np.int32),
            upper=np.full(1, UNLIMITED, np.int32),
            group=np.full((0, problem.rule_facts.items), -1, np.int32),
            groups=0,
            cap=np.zeros((0, 1), np.int32),
            nodes=problem.rule_facts.nodes,
        )
        scale = problem.customers / max(1, engine.customers)
        everything = Lagrangian(problem, engine.with_rules(anything), scale)
        return cls(problem, everything.evaluate(np.zeros(len(problem.lower))).usage)

    def _per_coupon(self, rows: int) -> NDArray[np.float64]:
        """1 by the mean weight of each row's cells; 1 where nothing weighs anything to speak of."""
        size = np.bincount(self.row, weights=np.abs(self.mean), minlength=rows)
        typical = size / np.maximum(np.bincount(self.row, minlength=rows), 1)
        return np.asarray(1.0 / np.where(typical > LEAST_WEIGHT, typical, 1.0))

    def _least_in_row(self, rows: int) -> NDArray[np.float64]:
        """The smallest weight of any candidate in each row, at least 0."""
        least = np.full(rows, np.inf)
        np.minimum.at(least, self.row, self.least)
        return np.where(np.isfinite(least), np.maximum(least, 0.0), 0.0)

    def price_scale(self, worth: float) -> NDArray[np.float64]:
        """Scale prices so that the curvature of the dual is about 1 by coordinate.

        The curvature along a row is about (sum of squared weights of the coupons that may move) / (spread of values).

        Parameters
        ----------
        worth : float
            Objective of a typical coupon.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            Price per unit of coordinate.
        """
        count = self.everything[0].ravel()
        squares = np.bincount(
            self.row, weights=self.mean**2 * count[self.cell], minlength=len(self._problem.lower)
        )
        some = squares > 1e-200
        spread = np.sqrt(count.sum() / np.where(some, squares, 1.0))
        scale = np.where(some, worth * spread, 1.0)
        return np.where(scale > LEAST_WEIGHT, scale, 1.0)

    def is_wide(self, share: float) -> NDArray[np.bool_]:
        """Tell which rows are about a share of all cells, at least, so that almost any coupon counts in them.

        Parameters
        ----------
        share : float

        Returns
        -------
        ndarray of bool, shape (n_rows,)
        """
        cells = np.bincount(self.row, minlength=len(self._problem.lower))
        return np.asarray(cells >= share * self.everything[0].size)

    def margins(self, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bound the rounding error of sums of floating-point weights.

        Parameters
        ----------
        activity : ndarray of float64, shape (n_rows,)
            What the sums come to.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            0 for rows of whole numbers.
        """
        largest = abs(self._problem.rows) @ np.abs(self.everything).ravel()
        margin = ACTIVITY_ERROR * np.abs(activity) + CANCELLATION_ERROR * largest
        return np.where(self._problem.integer, 0.0, margin)


def _rows_by_cell(
    problem: Problem, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """The rows listed by cell: where each cell's begin, row numbers, and coefficients."""
    columns = problem.columns
    if problem.counts_alone and columns.has_canonical_format:
        coefficient = np.zeros((columns.nnz, problem.objective.shape[0]))
        coefficient[:, 0] = columns.data
        ptr = columns.indptr[: cells + 1].astype(np.int64)
        return ptr, columns.indices.astype(np.int32), coefficient
    entries = problem.rows.tocoo()
    attribute, cell = np.divmod(entries.coords[1].astype(np.int64), cells)
    row = entries.coords[0].astype(np.int64)
    key, listed = distinct(cell * max(1, len(problem.lower)) + row)
    coefficient = np.zeros((len(key), problem.objective.shape[0]))
    coefficient[listed, attribute] = entries.data
    ptr = np.searchsorted(key // max(1, len(problem.lower)), np.arange(cells + 1))
    return ptr.astype(np.int64), (key % max(1, len(problem.lower))).astype(np.int32), coefficient
