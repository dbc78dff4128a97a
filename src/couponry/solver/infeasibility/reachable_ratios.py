"""What a ratio of an infeasible set can come to while the other members hold.

A ratio a / b reaches r where some allocation has a - r b of 0 or more. The most that this can be falls as r rises;
where it is 0 lies the largest ratio. In tiny campaigns HiGHS finds an allocation that makes the most of a - r b, whose
ratio is the next r, until nothing is more than 0 (Dinkelbach 1967): the largest ratio is that of an allocation. Else,
and where HiGHS does not come to an end, it is bracketed from above by ratios that are proved to be out of reach.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...utils.clock import Clock
from ...utils.errors import OutOfTime
from ...utils.lazy_imports import sparse as sp
from ..dual.scaling import Scales
from ..options import SolverOptions
from ..problem import Problem
from .highs_prover import HighsProver
from .infeasible_set import ConflictingBound, InfeasibleSet, Prover
from .price_prover import PriceProver
from .work import Work

STEPS = 24
"""Ratios that are tried for each bound, at most: each is as much work as an achievable range."""

FEWER_STEPS = 8
"""The same beyond tiny campaigns, where a range takes passes."""

CLOSE = 1e-6
"""Share of the asked ratio that the bracket may be wide in the end."""


ALLOCATIONS = 12
"""Allocations that the largest ratio is looked for with, at most: each is about squared nearer than the one before."""

NOTHING_MORE = 1e-9
"""Share of a ratio's sums by which a - r b may be more than 0 for rounding alone."""


@dataclass(frozen=True)
class RatioRanges:
    """Finds what ratios of an infeasible set can come to.

    Attributes
    ----------
    problem : Problem
    numerator, denominator : csr_array of float64, shape (n_rows, n_cells)
        Of each row, where it is of a ratio.
    certificate : InfeasibleSet
    engine : Engine
    clock : Clock
    options : SolverOptions
    """

    problem: Problem
    numerator: sp.csr_array
    denominator: sp.csr_array
    certificate: InfeasibleSet
    engine: Engine
    clock: Clock
    options: SolverOptions

    def reachable(self, bound: ConflictingBound, asked: float) -> float | None:
        """Find the largest ratio (of an upper bound, the smallest) while the other members of the set hold.

        Parameters
        ----------
        bound : ConflictingBound
            Of a ratio.
        asked : float
            The ratio that it asks for.

        Returns
        -------
        float or None
            No allocation is above it; of an upper bound, none is below it. In tiny campaigns one attains it, as far as
            HiGHS comes to an end. None where nothing nearer than what is asked was found: the asked ratio itself is
            out of reach.
        """
        if bound.achievable is None:  # as of sums in sets of many members
            return None
        sign = 1.0 if bound.is_min else -1.0
        value = sign * bound.achievable
        if not value < 0:
            return None
        nearest = None
        with contextlib.suppress(OutOfTime):
            nearest = self._attained(bound, asked)
            if nearest is not None:
                return nearest
            for beyond in self._bracketed(bound, asked, value, sign):
                nearest = beyond
        return nearest

    def _attained(self, bound: ConflictingBound, ratio: float) -> float | None:
        """The largest ratio that an allocation has; None where HiGHS does not say, or one of nothing is in the way."""
        if self.problem.candidates > self.options.sizes.tiny_candidates:
            return None
        for _ in range(ALLOCATIONS):
            prover = self._prover(self._problem_of(bound, ratio))
            if not isinstance(prover, HighsProver):
                return None
            best = prover.best(bound.row, bound.is_min, self._members)
            if best is None or best.usage is None:
                return None
            above, below = (
                float((rows[[bound.row]] @ best.usage.ravel())[0])
                for rows in (self.numerator, self.denominator)
            )
            if not below > 0:
                return None
            if abs(best.value) <= NOTHING_MORE * (abs(above) + abs(ratio * below)):
                return above / below
            ratio = above / below
        return None

    def _bracketed(
        self, bound: ConflictingBound, asked: float, value: float, sign: float
    ) -> Iterator[float]:
        """Ratios beyond reach, narrowed down by regula falsi; `value` is what the asked one lacks, below 0."""
        width = abs(asked) or 1.0
        beyond, lack = asked, value
        within, room = asked - sign * width, self._room(bound, asked - sign * width, sign)
        while room is not None and room < 0 and width < 1e9 * (abs(asked) or 1.0):
            yield within
            beyond, lack, width = within, room, 4 * width
            within = asked - sign * width
            room = self._room(bound, within, sign)
        side = 0
        tiny = self.problem.candidates <= self.options.sizes.tiny_candidates
        for _ in range(STEPS if tiny else FEWER_STEPS):
            if room is None or room < 0 or abs(beyond - within) <= CLOSE * (abs(asked) or 1.0):
                break
            between = beyond + (within - beyond) * lack / (lack - room) if room else within
            edge = CLOSE / 4 * (beyond - within)
            between = min(
                max(between, min(beyond, within) + abs(edge)), max(beyond, within) - abs(edge)
            )
            found = self._room(bound, between, sign)
            if found is None:
                break
            if found < 0:
                yield between
                beyond, lack, room = between, found, room / 2 if side < 0 else room
                side = -1
            else:
                within, room, lack = between, found, lack / 2 if side > 0 else lack
                side = 1

    def _room(self, bound: ConflictingBound, ratio: float, sign: float) -> float | None:
        """The most that the numerator can exceed a ratio times the denominator by; of an upper bound, fall short."""
        end = self._prover(self._problem_of(bound, ratio)).range_end(
            bound.row, bound.is_min, self._members
        )
        return None if end is None else sign * end

    @property
    def _members(self) -> NDArray[np.int64]:
        """Rows of the set."""
        return np.array([one.row for one in self.certificate.bounds], np.int64)

    def _problem_of(self, bound: ConflictingBound, ratio: float) -> Problem:
        """The problem whose row has what the numerator exceeds such a ratio times the denominator by."""
        rows, at = self.problem.rows, bound.row
        row = self.numerator[[at]] - ratio * self.denominator[[at]]
        others = sp.vstack([rows[:at], row, rows[at + 1 :]], format="csr")
        return replace(self.problem, rows=sp.csr_array(others))

    def _prover(self, problem: Problem) -> Prover:
        """HiGHS in tiny campaigns, as for sums; prices in others."""
        engine, clock, options = self.engine, self.clock, self.options
        work = self.certificate.work or Work(problem, engine, clock, options)
        if problem.candidates <= options.sizes.tiny_candidates:
            return HighsProver(problem, engine, clock, options, work=work)
        scales = Scales.measure(problem, engine)
        start = self.certificate.prices
        return PriceProver(problem, engine, scales, 1.0, clock, options, work, start)
