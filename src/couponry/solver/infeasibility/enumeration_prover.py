"""Proofs of infeasibility by trying every allocation, for a handful of customers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels import Rules
from ..dual.lagrangian import Lagrangian
from ..dual.scaling import Scales
from ..exact.enumeration import Enumerated, enumerate_allocations
from ..options import SolverOptions
from ..primal.exact_dual import exact_dual
from ..primal.repair import Repair
from ..problem import Problem
from .partial_problem import row_as_objective, with_rows, without_bound


class EnumerationProver:
    """Tries whether any allocation keeps some rows. The methods are described in `infeasible_set.Prover`.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    options : SolverOptions
    """

    narrows = False

    def __init__(self, problem: Problem, engine: Engine, options: SolverOptions):
        self._problem = problem
        self._engine = engine
        self._options = options

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        """See `Prover.proof`."""
        if len(rows) == 0:
            return None
        part = with_rows(self._problem, rows, np.zeros_like(self._problem.objective))
        found = self._try_all(part.with_rules(rules))
        return rows if found is not None and found.bound == -np.inf else None

    def range_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        """See `Prover.range_end`."""
        problem = without_bound(self._problem, row, is_min)
        found = self._try_all(with_rows(problem, rows, row_as_objective(problem, row, is_min)))
        if found is None or found.best is None:
            return None
        return found.bound if is_min else -found.bound

    def _try_all(self, part: Problem) -> Enumerated | None:
        """The best allocation of part of the problem."""
        engine = self._engine.with_rules(part.rules)
        repair = Repair(part, engine, Scales.measure(part, engine), self._options.repair)
        lagrangian, no_prices = Lagrangian(part, engine), np.zeros(len(part.lower))
        chosen, _ = lagrangian.choose(no_prices)
        dual = exact_dual(repair, lagrangian, chosen, no_prices)
        return enumerate_allocations(repair, dual, -np.inf, self._options.enumeration)
