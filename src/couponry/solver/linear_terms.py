"""The problem's linear terms by candidate: what each adds to usage, to the objective and to the limits' rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..utils.lazy_imports import sparse as sp
from .problem import Problem


def terms_by_candidate(problem: Problem) -> tuple[NDArray[np.float64], sp.csr_array]:
    """Compute what each candidate adds to the objective and to each row.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    worth : ndarray of float64, shape (n_candidates,)
    weight : CSR array of float64, shape (n_candidates, n_rows)
    """
    usage = usage_by_candidate(problem, np.arange(problem.candidates))
    worth = problem.objective.reshape(1, -1) @ usage
    return np.asarray(worth).ravel(), sp.csr_array((problem.rows @ usage).T)


def usage_by_candidate(problem: Problem, candidates: NDArray[np.int64]) -> sp.csr_array:
    """Compute the usage of some candidates.

    Parameters
    ----------
    problem : Problem
    candidates : ndarray of int64, shape (n_some,)
        Their positions.

    Returns
    -------
    CSR array of float64, shape ((1 + n_attributes) * n_segments * n_items, n_some)
        A column for each candidate: a flat usage table.
    """
    amounts = np.concatenate([np.ones((1, len(candidates))), problem.exact[:, candidates]])
    cells = problem.objective[0].size
    cell = problem.cells(candidates)
    row = (np.arange(len(amounts))[:, None] * cells + cell).ravel()
    column = np.tile(np.arange(len(candidates)), len(amounts))
    return sp.csr_array(
        (amounts.ravel(), (row, column)), shape=(len(amounts) * cells, len(candidates))
    )
