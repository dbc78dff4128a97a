"""Proofs of infeasibility by HiGHS, for campaigns of some ten thousand candidates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.cells import chosen_positions
from ...engines.protocol import Engine
from ...kernels import Rules
from ...utils.clock import Clock
from ..exact.core_milp import Core, CoreLimits, solve_core
from ..options import SolverOptions
from ..problem import Problem
from .partial_problem import row_as_objective, with_rows, without_bound
from .work import Work

SAME_SHARE = 1e-6
"""Share of a value by which a bound may be above it and still be taken for it."""


class Best(NamedTuple):
    """The most that an objective can come to.

    Attributes
    ----------
    value : float
        What the choice comes to, where HiGHS says that it is the best one; else what no allocation exceeds.
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items), or None
        Of the best choice; None: HiGHS does not know it.
    """

    value: float
    usage: NDArray[np.float64] | None


class HighsProver:
    """Asks HiGHS whether rows can hold together. The methods are described in `infeasible_set.Prover`.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    clock : Clock
    options : SolverOptions
    nodes : int, optional
        Nodes of HiGHS's search for each proof, at most; default: those of the core's options.
    work : Work, optional
        Is told of each programme.
    """

    narrows = False

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        clock: Clock,
        options: SolverOptions,
        nodes: int | None = None,
        work: Work | None = None,
    ):
        self._problem = problem
        self._engine = engine
        self._clock = clock
        self._options = options
        self._nodes = options.core.nodes if nodes is None else nodes
        self._work = work

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        """See `Prover.proof`."""
        if len(rows) == 0:
            return None
        part = with_rows(self._problem, rows, np.zeros_like(self._problem.objective))
        best = self._best(part.with_rules(rules), self._nodes)
        return rows if best is None else None

    def range_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        """See `Prover.range_end`."""
        best = self.best(row, is_min, rows)
        if best is None or np.isinf(best.value):
            return None
        value = float(np.floor(best.value)) if self._problem.integer[row] else best.value
        return value if is_min else -value

    def best(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> Best | None:
        """Find the most that a row's activity, or for an upper bound minus its activity, can be.

        Parameters
        ----------
        row : int
        is_min : bool
        rows : ndarray of int64
            That hold, but for this bound of the row.

        Returns
        -------
        Best or None
            None where the others cannot hold.
        """
        problem = without_bound(self._problem, row, is_min)
        part = with_rows(problem, rows, row_as_objective(problem, row, is_min))
        return self._best(part, self._options.conflict.range_nodes)

    def _best(self, part: Problem, nodes: int) -> Best | None:
        """The best allocation where HiGHS finds it, else what none exceeds; None: there is none."""
        self._clock.check()
        if self._work is not None:
            self._work.count_programme(part)
        best, _ = self._engine.with_rules(part.rules).choose(part.no_prices())
        nothing = np.zeros(part.candidates, np.uint8)
        everything = np.ones(part.candidates, bool)
        limits = CoreLimits(0.0, 0.0, self._clock.left, nodes)
        core = solve_core(Core(part, nothing, everything, best), limits, self._options.core)
        if core.infeasible:
            return None
        if core.chosen is None:
            self._clock.check()
            return Best(core.bound, None)
        usage = part.usage(chosen_positions(core.chosen))
        found = float((part.objective * usage).sum())
        is_best = core.is_best or core.bound - found <= SAME_SHARE * abs(found)
        return Best(found, usage) if is_best else Best(core.bound, None)
