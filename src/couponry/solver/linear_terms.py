"""The problem's linear terms by candidate: what each adds to usage, to the objective and to the limits' rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..utils.lazy_imports import sparse as sp
from .problem import Problem


def by_candidate(problem: Problem) -> tuple[NDArray[np.float64], sp.csr_array]:
    """What each candidate adds to the objective (e), and to each row, CSR (e, L)."""
    amounts = amounts_of(problem, np.arange(problem.candidates))
    worth = problem.objective.reshape(1, -1) @ amounts
    return np.asarray(worth).ravel(), sp.csr_array((problem.rows @ amounts).T)


def amounts_of(problem: Problem, variables: NDArray[np.int64]) -> sp.csr_array:
    """Usage of each variable's candidate: CSR ((1 + C) * S * K, variables)."""
    attributes = np.concatenate([np.ones((1, len(variables))), problem.exact[:, variables]])
    cells = problem.objective[0].size
    cell = problem.cells(variables)
    row = (np.arange(len(attributes))[:, None] * cells + cell).ravel()
    column = np.tile(np.arange(len(variables)), len(attributes))
    return sp.csr_array(
        (attributes.ravel(), (row, column)), shape=(len(attributes) * cells, len(variables))
    )
