"""How much may be done about a campaign that is suspected of being infeasible, and how much was: one budget for all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...engines.protocol import Engine
from ...utils.clock import Clock
from ...utils.errors import OutOfTime
from ..options import SolverOptions
from ..primal.repair import Repair
from ..problem import Problem
from ..work_counts import (
    compiling_work,
    cutting_planes_work,
    pass_work,
    programme_work,
)


class OutOfWork(OutOfTime):
    """Raised where a search has done as much as it may, whatever time is left."""


class Work:
    """What may be done from now on: for a proof, for a smaller set, for achievable ranges, and for a way out.

    It is counted in candidates passed over, in multiples of what the solve did before, so that the same is done
    whatever the machine and the threads. Beside that, a time limit ends the search for a smaller set when so much is
    left as proof and way out may need.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Its passes so far are what the campaign is measured by.
    clock : Clock
        It has counted what is done beside passes.
    options : SolverOptions

    Attributes
    ----------
    vain_witnesses : int
        Allocations that may be sought in vain one after the other.
    """

    def __init__(self, problem: Problem, engine: Engine, clock: Clock, options: SolverOptions):
        self._engine, self._clock = engine, clock
        self._options = options.work
        self._a_pass = pass_work(problem, engine.candidates, options.work)
        reserve = options.conflict.time_reserve
        self._kept_seconds = 0.0 if np.isinf(clock.left) else reserve * clock.left
        self._begun = self._total
        small = max(1.0, options.work.small_candidates / max(1, engine.candidates))
        solve = self._begun + compiling_work(problem, options.work)
        self._most = small * options.work.solves * solve
        self.vain_witnesses = options.conflict.vain_witnesses

    @property
    def _total(self) -> float:
        """All that was done since the solve began."""
        return self._engine.passes * self._a_pass + self._clock.counted.candidates

    @property
    def share_done(self) -> float:
        """Share of all that may be done; above 1 where what was begun was ended."""
        return (self._total - self._begun) / max(self._most, 1e-300)

    def for_way_out(self) -> Callable[[], bool]:
        """Begin the way out, which has what is left, and no less than what is kept for it; tells whether it is done."""
        most = max(1.0, self.share_done + self._options.way_out_share)
        return lambda: self.share_done >= most

    @property
    def leaves_smaller_sets(self) -> bool:
        """Whether there is any left beside what is kept for the way out, and time."""
        return self.share_done < 1.0 - self._options.way_out_share and not self.is_late

    @property
    def leaves_better_prices(self) -> bool:
        """Whether a known proof may be made a better one."""
        return self.share_done < self._options.better_prices_share and not self.is_late

    def check(self) -> None:
        """Raise OutOfWork where no smaller set may be looked for."""
        if not self.leaves_smaller_sets:
            raise OutOfWork

    def count_planes(self, problem: Problem, prices: int, planes: int) -> None:
        """Count a linear programme over so many cutting planes, and the pass that added some."""
        self._count(cutting_planes_work(problem, prices, planes, self._options))

    def count_programme(self, problem: Problem) -> None:
        """Count a programme over all candidates."""
        self._count(programme_work(problem, self._options))

    def count_repair(self, repair: Repair) -> None:
        """Count the rounds that a repair took."""
        self._count(repair.work(self._options))

    def _count(self, candidates: float) -> None:
        self._clock.counted.candidates += candidates

    @property
    def is_late(self) -> bool:
        """Whether the share of the time for a smaller set is over."""
        return self.seconds_left < 0

    @property
    def seconds_left(self) -> float:
        """Seconds of its share of the time, infinite without a time limit."""
        return self._clock.left - self._kept_seconds
