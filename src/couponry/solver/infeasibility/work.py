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
    tiny_candidates : int, default 0
        Candidates up to which linear programmes do not count.

    Attributes
    ----------
    vain_witnesses : int
        Allocations that may be sought in vain one after the other.
    """

    def __init__(
        self, engine: Engine, clock: Clock, options: ConflictOptions, tiny_candidates: int = 0
    ):
        self._engine, self._clock = engine, clock
        self._kept_seconds = 0.0 if np.isinf(clock.left) else options.time_reserve * clock.left
        least = options.filter_candidates / max(1, engine.candidates)
        self._begun, self._counted = engine.passes, 0.0
        self._most = max(options.filter_solves * engine.passes, least)
        self._for_better_prices = options.better_prices_share
        self._round = options.passes_per_round
        self.vain_witnesses = options.vain_witnesses
        # in tiny campaigns there is no end to them: there they are what finds out whether fewer members do
        is_tiny = engine.candidates <= tiny_candidates
        self._coefficient = (
            0.0 if is_tiny else options.candidates_per_coefficient / engine.candidates
        )

    def check(self) -> None:
        """Raise OutOfWork where all of it is done."""
        if self._done > self._most or self.is_late:
            raise OutOfWork

    @property
    def _done(self) -> float:
        """Passes so far, and what else was counted."""
        return self._engine.passes - self._begun + self._counted

    @property
    def leaves_better_prices(self) -> bool:
        """Whether a known proof may be made a better one."""
        return self._done <= self._for_better_prices * self._most and not self.is_late

    @property
    def is_late(self) -> bool:
        """Whether its share of the time is over."""
        return self.seconds_left < 0

    @property
    def seconds_left(self) -> float:
        """Seconds of its share of the time, infinite without a time limit."""
        return self._clock.left - self._kept_seconds

    def programme(self, rows: int, columns: int) -> None:
        """Count a linear programme, by its coefficients."""
        self._counted += self._coefficient * rows * columns

    def repair(self) -> None:
        """Count a round of repair, which the engine does not count; see `check`."""
        self._counted += self._round
        self.check()
