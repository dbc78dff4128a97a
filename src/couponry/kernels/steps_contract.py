"""What steps of prices are given: a model of the dual, bounds on its step, and prices that move each by itself.

Letters as in contract.py; N coordinates of the prices.
"""

from __future__ import annotations

from typing import NamedTuple

from .contract import Amounts, Bounds, Flags, Offsets


class StepModel(NamedTuple):
    """A damped quadratic model of which some coordinates are free.

    Attributes
    ----------
    indptr : ndarray of int64, shape (N + 1,)
        Entries of each row of a symmetric matrix.
    column : ndarray of int32
    value : ndarray of float64
    damping : ndarray of float64, shape (N,)
        Added to the matrix's diagonal.
    diagonal : ndarray of float64, shape (N,)
        That of the damped matrix.
    free : ndarray of uint8, shape (N,)
    """

    indptr: Offsets
    column: Bounds
    value: Amounts
    damping: Amounts
    diagonal: Amounts
    free: Flags


class StepSearch(NamedTuple):
    """Bounds on the step of a model, and how it is searched for: see `minimise_in_box`.

    Attributes
    ----------
    low : ndarray of float64, shape (N,)
        At most 0.
    high : ndarray of float64, shape (N,)
        At least 0.
    rounds : int
        Guesses of who is at which bound, at most.
    settled : float
        Coordinates that change between two guesses, at most, for the last one to do.
    restless : float
        The same where no fewer change than before.
    tolerance : float
        Residual of a guess's step, relative to the right-hand side.
    steps : int
        Iterations for each guess, at most.
    """

    low: Amounts
    high: Amounts
    rounds: int
    settled: float
    restless: float
    tolerance: float
    steps: int


class PriceSteps(NamedTuple):
    """Prices that move each by itself, as far as its own limit asks for: one coordinate for each bound of a row.

    Attributes
    ----------
    row : ndarray of int64, shape (N,)
        Whose activity each coordinate answers to.
    bound : ndarray of float64, shape (N,)
        What the activity should come to, where the coordinate is not 0.
    side : ndarray of float64, shape (N,)
        Slope per unit of activity beyond the bound; below 0 for a lower bound.
    weight : ndarray of float64, shape (N,)
        Typical coupons per unit of activity beyond the bound; below 0 for a lower bound.
    curvature : ndarray of float64, shape (N,)
        By how much the slope falls as the coordinate rises by one, above 0.
    longest, highest : ndarray of float64, shape (N,)
        Longest step, and largest coordinate.
    point : ndarray of float64, shape (N,)
        IN/OUT: the coordinates, from 0 up.
    last : ndarray of float64, shape (N,)
        IN/OUT: the slope before.
    length : ndarray of float64, shape (N,)
        IN/OUT: share of what the slope asks for that a step goes.
    """

    row: Offsets
    bound: Amounts
    side: Amounts
    weight: Amounts
    curvature: Amounts
    longest: Amounts
    highest: Amounts
    point: Amounts
    last: Amounts
    length: Amounts
