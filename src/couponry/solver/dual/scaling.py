"""How large things are: the limits' rows listed by (segment, item), and what a typical coupon weighs in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ..problem import LEVELS, UNLIMITED, Problem
from .lagrangian import Lagrangian


class Scales:
    """Rows by cell, a cell being a (segment, item), and typical sizes. L rows, `listed` weights that are not zero.

    ptr: int64 (cells + 1), row: int32 (listed), coefficient: (listed, 1 + C), as in kernels.Rows. cell: int64 (listed).
    mean, least, most: (listed), of a cell's candidates' weights in a row.
    everything: (1 + C, S, K), usage of giving every candidate, of a sample scaled up where there are many.
    means: (1 + C, cells), 1 and the mean of each channel over the candidates of each cell.
    per_coupon: (L), weights under which a typical coupon's weight in a row counts as 1.
    least_in_row: (L), the smallest weight of any candidate in each row, at least 0. never_negative: (L), whether no
    candidate's weight in it is below 0.
    """

    def __init__(self, problem: Problem, everything: NDArray[np.float64]):
        self.everything = everything
        self._problem = problem
        cells = everything[0].size
        self.ptr, self.row, self.coefficient = _rows_by_cell(problem, cells)
        self.cell = np.repeat(np.arange(cells), np.diff(self.ptr))
        flat = everything.reshape(len(everything), -1)
        # of cells that a sample has no candidates in no more is known than where their channels lie
        middle = np.tile(problem.low + 0.5 * LEVELS * problem.step, cells // problem.low.shape[1])
        mean = np.where(flat[0] > 0, flat[1:] / np.maximum(flat[0], 1.0), middle)
        self.means = np.concatenate([np.ones((1, cells)), mean])
        base, slopes = self.coefficient[:, 0], self.coefficient[:, 1:].T
        self.mean = base + (slopes * self.means[1:, self.cell]).sum(axis=0)
        item = self.cell % problem.low.shape[1]
        ends = (
            slopes * problem.low[:, item],
            slopes * (problem.low + LEVELS * problem.step)[:, item],
        )
        self.least = base + np.minimum(*ends).sum(axis=0)
        self.most = base + np.maximum(*ends).sum(axis=0)
        self.per_coupon = self._per_coupon(len(problem.lower))
        self.least_in_row = self._least_in_row(len(problem.lower))
        self.never_negative = (
            np.bincount(self.row, weights=self.least < 0, minlength=len(problem.lower)) == 0
        )

    @classmethod
    def of(cls, problem: Problem, engine: Engine) -> Scales:
        """From an engine over all customers or a sample of them."""
        anything = problem.rules._replace(
            lower=np.full(1, UNLIMITED, np.int32),
            upper=np.full(1, UNLIMITED, np.int32),
            group=np.full((0, problem.rules.group.shape[1]), -1, np.int32),
            groups=0,
            cap=np.zeros((0, 1), np.int32),
            ptr=np.zeros(1, np.int64),
            sets=np.zeros(0, np.int64),
        )
        scale = problem.customers / max(1, engine.customers)
        everything = Lagrangian(problem, engine.with_rules(anything), scale)
        return cls(problem, everything.evaluate(np.zeros(len(problem.lower))).usage)

    def _per_coupon(self, rows: int) -> NDArray[np.float64]:
        size = np.bincount(self.row, weights=np.abs(self.mean), minlength=rows)
        typical = size / np.maximum(np.bincount(self.row, minlength=rows), 1)
        return np.asarray(1.0 / np.where(typical > 0, typical, 1.0))

    def _least_in_row(self, rows: int) -> NDArray[np.float64]:
        least = np.full(rows, np.inf)
        np.minimum.at(least, self.row, self.least)
        return np.where(np.isfinite(least), np.maximum(least, 0.0), 0.0)

    def price_scale(self, worth: float) -> NDArray[np.float64]:
        """Price per unit of coordinate for each row (L): where the curvature of the dual is about 1.

        The curvature along a row is about (sum of squared weights of the coupons that may move) / (spread of values).
        worth: objective of a typical coupon.
        """
        count = self.everything[0].ravel()
        squares = np.bincount(
            self.row, weights=self.mean**2 * count[self.cell], minlength=len(self._problem.lower)
        )
        some = squares > 1e-200
        spread = np.sqrt(count.sum() / np.where(some, squares, 1.0))
        return np.where(some, worth * spread, 1.0)

    def margins(self, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        """What sums of floating-point weights may be off when they come to these activities (L)."""
        reach = abs(self._problem.rows) @ np.abs(self.everything).ravel()
        return np.where(self._problem.integer, 0.0, 1e-9 * np.abs(activity) + 1e-13 * reach)


def _rows_by_cell(
    problem: Problem, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """The rows listed by (segment, item): offsets (cells + 1), row numbers, coefficients (listed, 1 + C)."""
    entries = problem.rows.tocoo()
    channel, cell = np.divmod(entries.coords[1].astype(np.int64), cells)
    row = entries.coords[0].astype(np.int64)
    key, listed = np.unique(cell * max(1, len(problem.lower)) + row, return_inverse=True)
    coefficient = np.zeros((len(key), problem.objective.shape[0]))
    coefficient[listed, channel] = entries.data
    ptr = np.searchsorted(key // max(1, len(problem.lower)), np.arange(cells + 1))
    return ptr.astype(np.int64), (key % max(1, len(problem.lower))).astype(np.int32), coefficient
