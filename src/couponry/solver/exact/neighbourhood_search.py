"""Large neighbourhood search: HiGHS decides a few hundred candidates again, those that prices are least sure of.

Where limits leave hardly any residual capacity, HiGHS finds some allocation of a whole campaign and no good one. Good
ones differ little from everybody's best choice at good prices, and there where it costs little. So candidates of little
regret, drawn by lot, are decided again together with those that the best allocation decides otherwise than the prices
do, or some of them where these are thousands, as choices are tied. Everything else stays as it is. Then another lot is
drawn (Shaw 1998). No step makes the allocation worse.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.clock import Clock
from ..options import SolverOptions
from ..primal.repair import MeasuredChoice, Repair
from .core_milp import Core, CoreLimits, solve_core

STREAM = 0x6E656172
"""Tells these random draws apart from others of the same seed."""


class PricedChoice(NamedTuple):
    """Everybody's best choice at some prices.

    Attributes
    ----------
    chosen : ndarray of uint8, shape (n_candidates,)
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        What usage is worth at the prices.
    regret : ndarray of float64, shape (n_candidates,)
        What deciding a candidate otherwise costs at least.
    """

    chosen: NDArray[np.uint8]
    reduced: NDArray[np.float64]
    regret: NDArray[np.float64]


class NeighbourhoodSearch:
    """Better and better allocations of a problem at the same prices.

    Parameters
    ----------
    repair : Repair
        Of the problem.
    ideal : PricedChoice
    gap : float
        Asked gap, in units of the objective.
    seed : int
        Draws the lots.
    clock : Clock
    options : SolverOptions
    """

    def __init__(
        self,
        repair: Repair,
        ideal: PricedChoice,
        gap: float,
        seed: int,
        clock: Clock,
        options: SolverOptions,
    ):
        self._repair = repair
        self._ideal = ideal
        self._regret = np.maximum(ideal.regret, 0.0)
        self._random = np.random.default_rng([STREAM, seed])
        self._clock = clock
        self._options, self._core_options = options.neighbourhoods, options.core
        self._counting_gain = self._options.counting_gain * gap
        self._size = float(self._options.first_candidates)  # drawn by lot
        self._rounds = self._idle = 0

    @property
    def is_over(self) -> bool:
        """Whether there is no point in another search."""
        options = self._options
        is_spent = self._rounds >= options.rounds or self._idle >= options.patience
        return is_spent or self._clock.left <= 0

    def improve(self, best: NDArray[np.uint8] | None, objective: float) -> MeasuredChoice | None:
        """Search one neighbourhood for a better allocation.

        Parameters
        ----------
        best : ndarray of uint8, shape (n_candidates,), or None
            The best allocation so far.
        objective : float
            What it is worth; without one, about what the best one may be.

        Returns
        -------
        MeasuredChoice or None
            An allocation that is better than `best`, or any feasible one where there is none yet; None: not found.
        """
        options, ideal = self._options, self._ideal.chosen
        size = self._size
        if best is None:
            size = options.start_candidates * options.growth**self._idle
        start = ideal if best is None else best
        free = self._draw(int(size)) | self._different(start, int(size))
        core = solve_core(
            Core(self._repair.problem, start, free, ideal),
            CoreLimits(self._counting_gain, objective, self._clock.left, options.nodes),
            self._core_options,
        )
        found, gain = None, 0.0
        if core.chosen is not None:
            found = self._repair.repair_and_fill(core.chosen, self._ideal.reduced, lambda: None)
        if found is not None and found.feasible:
            gain = np.inf if best is None else found.objective - objective
        self._rounds += 1
        self._idle = 0 if gain > self._counting_gain else self._idle + 1
        if self._idle and best is not None:
            was_searched_to_the_end = core.bound - objective <= 2 * self._counting_gain
            factor = options.growth if was_searched_to_the_end else options.shrinkage
            self._size = max(options.least_candidates, self._size * factor)
        return found if gain > 0.0 else None

    def _different(self, start: NDArray[np.uint8], size: int) -> NDArray[np.bool_]:
        """Candidates that an allocation decides otherwise than the prices: so many drawn by lot where most are tied."""
        different: NDArray[np.bool_] = start != self._ideal.chosen
        at = np.flatnonzero(different)
        if len(at) > self._options.most_different:
            different[self._random.choice(at, max(0, len(at) - size), replace=False)] = False
        return different

    def _draw(self, size: int) -> NDArray[np.bool_]:
        """Draw about so many candidates, the sooner the less their regret: bool, (n_candidates,)."""
        if size >= len(self._regret):
            return np.ones(len(self._regret), bool)
        drawn = self._regret * np.sqrt(self._random.standard_exponential(len(self._regret)))
        return np.asarray(drawn <= np.partition(drawn, size)[size])
