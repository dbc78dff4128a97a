"""What things take, in candidates that a plain pass sees in that time, about; and what a solve did in vain."""

from __future__ import annotations

import numpy as np

from ..engines.protocol import Engine
from ..utils.clock import Clock
from .options import SolverOptions, WorkOptions
from .problem import Problem


def pass_work(problem: Problem, candidates: int, options: WorkOptions) -> float:
    """Count a pass over candidates, its tables, and the step that leads to the next prices."""
    rules = problem.rule_facts
    weight = options.in_groups if rules.groups else 1.0
    weight = options.in_constraints if rules.has_constraints else weight
    tables = options.a_weight * (problem.rows.nnz + problem.objective.size)
    beside = float(tables + options.a_price * len(problem.lower))
    return options.a_pass + weight * candidates + beside


def compiling_work(problem: Problem, options: WorkOptions) -> float:
    """Count what a solve takes beside its passes, and before them."""
    rows = options.a_row * len(problem.lower)
    return options.solve + rows + options.packing * problem.candidates


def cutting_planes_work(problem: Problem, prices: int, planes: int, options: WorkOptions) -> float:
    """Count a linear programme over so many cutting planes, and the planes that it had last."""
    coefficients = options.programme + options.coefficient * prices * planes
    return coefficients + options.planes * problem.candidates


def programme_work(problem: Problem, options: WorkOptions) -> float:
    """Count a programme over all candidates."""
    rows = min(float(len(problem.lower)), 1.0 + problem.rows.nnz / problem.objective[0].size)
    return float(options.programme + options.coefficient * problem.candidates * rows)


class VainWork:
    """Tells whether a solve has gone on for long enough without its gap narrowing.

    Work is counted in candidates passed over, so that every run ends alike. A solve goes on as long as it gains, and
    takes no more than a factor longer than it took to its last gain.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        It counts its passes.
    clock : Clock
        It has counted what is done beside passes.
    options : SolverOptions
    """

    def __init__(self, problem: Problem, engine: Engine, clock: Clock, options: SolverOptions):
        self._engine, self._clock = engine, clock
        self._options = options.ending
        self._a_pass = pass_work(problem, engine.candidates, options.work)
        self._rows_of_candidate = max(1.0, problem.rows.nnz / max(1, problem.objective[0].size))
        self._repairs = 0.0
        self._begun = self._counted - compiling_work(problem, options.work)
        self._gap, self._at_last_gain = np.inf, self.done

    @property
    def _counted(self) -> float:
        passes = self._engine.passes * self._a_pass
        return passes + self._clock.counted.candidates + self._repairs

    @property
    def done(self) -> float:
        """All that was done so far, with what it took to read and pack."""
        return self._counted - self._begun

    def count_repair(self, work: float) -> None:
        """Count what a repair takes where a candidate is in one limit: moves are weighed in all that they are in."""
        self._repairs += self._rows_of_candidate * work

    def note(self, gap: float) -> None:
        """Take note of the gap as it is now: infinite where there is no allocation."""
        if gap < self._options.narrowed * self._gap:
            self._gap, self._at_last_gain = gap, self.done

    @property
    def is_enough(self) -> bool:
        """Whether more was done in vain than may be; never before there is an allocation."""
        before, options = self._at_last_gain, self._options
        most = max(options.vain_work * before, options.least_vain_work)
        return bool(np.isfinite(self._gap)) and self.done - before > most
