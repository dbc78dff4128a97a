"""How much the search for a smaller infeasible set may do: its passes, and its share of a time limit."""

from __future__ import annotations

import numpy as np

from ...engines.protocol import Engine
from ...utils.clock import Clock
from ...utils.errors import OutOfTime
from ..options import ConflictOptions


class OutOfWork(OutOfTime):
    """Raised where a search has done as much as it may, whatever time is left."""


class Work:
    """How much of it a search for an infeasible set may do: so many passes over everybody, and a share of the time.

    Parameters
    ----------
    engine : Engine
        Its passes so far are what the campaign is measured by, but for small ones, where they are hardly anything.
    clock : Clock
        What a time limit leaves is shared with the way out.
    options : ConflictOptions
    """

    def __init__(self, engine: Engine, clock: Clock, options: ConflictOptions):
        self._engine, self._clock = engine, clock
        self._kept_seconds = 0.0 if np.isinf(clock.left) else options.time_reserve * clock.left
        least = options.filter_candidates / max(1, engine.candidates)
        self._end = engine.passes + max(options.filter_solves * engine.passes, least)
        self._round = options.passes_per_round

    def check(self) -> None:
        """Raise OutOfWork where all of it is done."""
        if self._engine.passes > self._end or self.is_late:
            raise OutOfWork

    @property
    def is_late(self) -> bool:
        """Whether its share of the time is over."""
        return self.seconds_left < 0

    @property
    def seconds_left(self) -> float:
        """Seconds of its share of the time, infinite without a time limit."""
        return self._clock.left - self._kept_seconds

    def repair(self) -> None:
        """Count a round of repair, which the engine does not count; see `check`."""
        self._end -= self._round
        self.check()
