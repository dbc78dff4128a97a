"""Small integer programs, one at a time: HiGHS promises nothing about several threads."""

from __future__ import annotations

import threading
from typing import Any

import scipy

from ...utils.process.native_words import native_words_left_out
from ..rounding import Floats

_ONE_AT_A_TIME = threading.Lock()


def solve_program(objective: Floats, **program: Any) -> Any:
    """Solve a mixed-integer program.

    Parameters
    ----------
    objective : ndarray of float64, shape (n_variables,)
        What is made small.
    **program : object
        As `scipy.optimize.milp` takes them.

    Returns
    -------
    scipy.optimize.OptimizeResult
    """
    with _ONE_AT_A_TIME, native_words_left_out():
        return scipy.optimize.milp(objective, **program)
