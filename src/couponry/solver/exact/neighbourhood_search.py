"""Neighbourhoods: HiGHS decides again what good prices are least sure of, a few hundred candidates at a time.

Where limits leave hardly any room, HiGHS finds some allocation of a whole campaign and no good one. Good ones differ
little from everybody's best choice at good prices, and there where it costs little. So the candidates of least regret,
a lot among them, and those that the best allocation decides otherwise than the prices do are decided again together,
everything else staying as it is there; and again with another lot (large neighbourhood search; Shaw 1998). No step
makes the allocation worse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...utils.clock import Clock
from ..primal.repair import MeasuredChoice, Repair
from ..problem import Problem
from .core_milp import solve_core

FIRST, FEWEST = 400, 200  # candidates by lot, at first and at least
START = 1_000  # of them where there is no allocation yet
GROWS, SHRINKS = 1.5, 0.7  # their number, where a search ended or was cut off with nothing better
ROUNDS, PATIENCE = 60, 8  # searches, and those that bring nothing one after the other, at most
NODES = 50  # of HiGHS's search in each, at most
BRINGS = 0.05  # of the asked gap: a gain that counts


class Neighbourhoods:
    """Better and better allocations of a problem at the same prices.

    ideal: uint8 (e), everybody's best choice at the prices. reduced: (1 + C, S, K), what usage is worth there. regret:
    (e), what deciding a candidate otherwise costs there at least. gap: asked, of the objective, absolute.
    """

    def __init__(
        self,
        problem: Problem,
        repair: Repair,
        ideal: NDArray[np.uint8],
        reduced: NDArray[np.float64],
        regret: NDArray[np.float64],
        gap: float,
        seed: int,
        clock: Clock,
    ):
        self._problem = problem
        self._repair = repair
        self._ideal = ideal
        self._reduced = reduced
        self._regret = np.maximum(regret, 0.0)
        self._gap = gap
        self._random = np.random.default_rng([0x6E656172, seed])
        self._clock = clock
        self._many = float(FIRST)
        self._rounds = self._idle = 0

    @property
    def over(self) -> bool:
        """Whether there is no point in looking at more."""
        return self._rounds >= ROUNDS or self._idle >= PATIENCE or self._clock.left <= 0

    def better(self, best: NDArray[np.uint8] | None, objective: float) -> MeasuredChoice | None:
        """A better allocation than the best one so far, uint8 (e), or any where there is none; None: not found."""
        many = self._many if best is not None else START * GROWS**self._idle
        given = self._ideal if best is None else best
        free = self._by_lot(int(many)) | (given != self._ideal)
        core = solve_core(
            self._problem,
            given,
            free,
            self._ideal,
            BRINGS * self._gap,
            objective,
            self._clock.left,
            NODES,
        )
        found = None
        if core.chosen is not None:
            found = self._repair.repair_and_fill(core.chosen, self._reduced, lambda: None)
        gain = 0.0
        if found is not None and found.feasible:
            gain = np.inf if best is None else found.objective - objective
        self._rounds += 1
        self._idle = 0 if gain > BRINGS * self._gap else self._idle + 1
        if self._idle and best is not None:
            ended = core.bound - objective <= 2 * BRINGS * self._gap
            self._many = max(FEWEST, self._many * (GROWS if ended else SHRINKS))
        return found if gain > 0.0 else None

    def _by_lot(self, many: int) -> NDArray[np.bool_]:
        """Candidates of little regret, bool (e)."""
        if many >= len(self._regret):
            return np.ones(len(self._regret), bool)
        drawn = self._regret * np.sqrt(self._random.standard_exponential(len(self._regret)))
        return np.asarray(drawn <= np.partition(drawn, many)[many])
