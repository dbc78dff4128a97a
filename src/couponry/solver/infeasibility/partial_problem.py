"""Problems with some rows only, or with one bound less: what proofs of infeasibility are about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..problem import Problem


def with_rows(problem: Problem, rows: NDArray[np.int64], objective: NDArray[np.float64]) -> Problem:
    """Keep some rows, and take another objective.

    Parameters
    ----------
    problem : Problem
    rows : ndarray of int64
    objective : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)

    Returns
    -------
    Problem
    """
    return replace(
        problem,
        objective=objective,
        rows=problem.rows[rows],
        lower=problem.lower[rows],
        upper=problem.upper[rows],
        penalty=problem.penalty[rows],
        integer=problem.integer[rows],
    )


def only_rows_bounded(problem: Problem, rows: NDArray[np.int64]) -> Problem:
    """Take the bounds of all other rows away; what is known of the rows stays as it is.

    Parameters
    ----------
    problem : Problem
    rows : ndarray of int64

    Returns
    -------
    Problem
    """
    is_kept = np.zeros(len(problem.lower), bool)
    is_kept[rows] = True
    lower = np.where(is_kept, problem.lower, -np.inf)
    return replace(problem, lower=lower, upper=np.where(is_kept, problem.upper, np.inf))


def without_bound(problem: Problem, row: int, is_min: bool) -> Problem:
    """Take one bound of a row away.

    Parameters
    ----------
    problem : Problem
    row : int
    is_min : bool
        Whether it is the lower bound.

    Returns
    -------
    Problem
    """
    lower, upper = problem.lower.copy(), problem.upper.copy()
    if is_min:
        lower[row] = -np.inf
    else:
        upper[row] = np.inf
    return replace(problem, lower=lower, upper=upper)


def row_as_objective(problem: Problem, row: int, is_min: bool) -> NDArray[np.float64]:
    """Make an objective of a row's activity, or of minus its activity.

    Parameters
    ----------
    problem : Problem
    row : int
    is_min : bool
        Whether its lower bound is in question, and thus its largest activity.

    Returns
    -------
    ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
    """
    weights = np.asarray(problem.rows[[row]].toarray().reshape(problem.objective.shape))
    return weights if is_min else -weights
