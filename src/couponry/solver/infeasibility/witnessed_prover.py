"""Proofs that are not looked for where an allocation keeps the rows, and for no more work than they are worth.

The deletion filter asks for a proof without each member of the infeasible set in turn, mostly in vain. An allocation
that keeps the other rows says so at once. One that keeps all rows but one is a few moves away from one that keeps all
but another, so each such allocation is repaired from the last one. What was kept once is remembered: it is not looked
for again for fewer rows, or under fewer rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels import Rules
from ...utils.arrays.fixed_order import dot_in_order
from ...utils.clock import Clock
from ..dual.scaling import Scales
from ..options import RepairOptions, SolverOptions
from ..primal.repair import MeasuredChoice, Repair
from ..problem import Problem
from ..rule_names import only_restrict
from .infeasible_set import Prover
from .partial_problem import only_rows_bounded
from .price_prover import PriceProver
from .work import Work


class Witness:
    """An allocation that keeps some rows, and is repaired until it keeps others.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    scales : Scales
        Of the problem.
    start : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
        Price table at which everybody's best choice is near to keeping most rows.
    clock : Clock
    work : Work
    options : SolverOptions
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        scales: Scales,
        start: NDArray[np.float32],
        clock: Clock,
        work: Work,
        options: SolverOptions,
    ):
        self._problem, self._all, self._start = problem, engine, start
        self._scales, self._clock, self._work = scales, clock, work
        self._options = options.conflict
        self._rounds = replace(options.repair, rounds=options.conflict.witness_rounds)
        self._few_rounds = replace(self._rounds, rounds=options.conflict.few_rounds)
        self._rules, self._engine = problem.rules, engine
        # one that all rows are about as near to, and the last one found, under rules that forbid no less
        self._starts: list[MeasuredChoice] = []
        self._only_restrict = only_restrict(problem.rules)
        # which rows each allocation so far kept: those that hold under fewer rules, too, and all under the present ones
        self._kept: list[NDArray[np.bool_]] = []
        self._kept_now: list[NDArray[np.bool_]] = []

    def kept(self, rows: NDArray[np.int64], rules: Rules) -> bool:
        """Whether one so far kept these rows, under these customer rules."""
        if rules is not self._rules:
            self._rules, self._kept_now = rules, []
            self._starts = self._starts[:1] if self._only_restrict else []
            self._engine = (
                self._all if rules is self._problem.rules else self._all.with_rules(rules)
            )
        return any(kept[rows].all() for kept in (*self._kept, *self._kept_now))

    def keeps(self, rows: NDArray[np.int64], rules: Rules, even: Callable[[], Problem]) -> bool:
        """Whether one that nearly keeps all rows could be made to keep these, under these customer rules.

        Parameters
        ----------
        rows : ndarray of int64
        rules : Rules
        even : callable
            Makes the problem whose bounds give way a little each, so that they can about be kept at once.
        """
        if self.kept(rows, rules):
            return True
        part = only_rows_bounded(self._problem, rows).with_rules(rules)
        # without a rule there is hardly anything to repair, or the rows are far from being kept
        rounds = self._rounds if rules is self._problem.rules else self._few_rounds
        found = self._repaired(part, self._engine, self._nearest(part, even), rounds)
        if found.feasible:
            kept = self._problem.violation(self._problem.rows @ found.usage.ravel()) == 0
            kept[rows] = True
            holds_under_fewer = rules is self._problem.rules and self._only_restrict
            (self._kept if holds_under_fewer else self._kept_now).append(kept)
            self._starts = [self._starts[0], found]
        return found.feasible

    def _nearest(self, part: Problem, evened: Callable[[], Problem]) -> NDArray[np.uint8]:
        """The choice to start from: one that misses all bounds evenly, or the last one found where that is far nearer.

        Coupons then come from all the rows that may have fewer to all that must have more, by single moves.
        """
        per_coupon = self._scales.per_coupon
        if not self._starts:
            engine = self._all if self._only_restrict else self._engine
            even = evened().with_rules(self._problem.rules if self._only_restrict else part.rules)
            repair = Repair(even, engine, self._scales, self._rounds)
            begun = repair.measure(engine.choose(self._start)[0])
            near = self._repaired(even, engine, begun.chosen, self._few_rounds)
            is_kept = np.isfinite(even.lower) | np.isfinite(even.upper)
            missed = dot_in_order(self._problem.violation(near.activity), per_coupon * is_kept)
            left = dot_in_order(even.violation(near.activity), per_coupon)
            is_even = left < self._options.uneven_share * missed
            self._starts = [near if is_even else begun]
        off = [dot_in_order(part.violation(start.activity), per_coupon) for start in self._starts]
        is_last = off[-1] < self._options.nearer_share * off[0]
        return self._starts[-1 if is_last else 0].chosen

    def _repaired(
        self, part: Problem, engine: Engine, chosen: NDArray[np.uint8], options: RepairOptions
    ) -> MeasuredChoice:
        """A choice, repaired as far as it can be in a few rounds."""
        nothing = np.zeros_like(part.objective)
        part = replace(part, objective=nothing)
        repair = Repair(part, engine, self._scales, options)
        try:
            return repair.repair_and_fill(chosen, nothing, self._go_on, -np.inf)
        finally:
            self._work.count_repair(repair)

    def _go_on(self) -> None:
        """Raise OutOfTime, or OutOfWork."""
        self._clock.check()
        self._work.check()


class WitnessedProver:
    """A prover that is asked only where no witness is found. The methods are described in `infeasible_set.Prover`.

    Parameters
    ----------
    prover : Prover
    by_prices : PriceProver
        Whose last proof may do without a customer rule. Where it is the prover itself nothing is proved yet: there is
        no witness against all rows, and the first proof may take its work.
    witness : Witness, optional
    work : Work
    """

    def __init__(self, prover: Prover, by_prices: PriceProver, witness: Witness | None, work: Work):
        self.narrows = prover.narrows
        self._prover, self._by_prices = prover, by_prices
        self._witness, self._work = witness, work
        self._rules: Rules | None = None  # those of the first question
        self._has_proved = prover is not by_prices
        self._in_vain = 0

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        """See `Prover.proof`."""
        self._rules = rules if self._rules is None else self._rules
        if self._has_proved:
            if rules is not self._rules:
                proved = self._by_prices.again(rows, rules)
                if proved is not None:
                    return proved
            self._work.check()
            if self._is_witnessed(rows, rules):
                return None
        proved = self._prover.proof(rows, rules)
        self._has_proved = self._has_proved or proved is not None
        self._in_vain = 0 if proved is not None else self._in_vain + 1
        return proved

    def _is_witnessed(self, rows: NDArray[np.int64], rules: Rules) -> bool:
        """Whether an allocation keeps the rows; where some were sought in vain none is sought any more."""
        witness = self._witness
        if witness is None or self._in_vain >= self._work.vain_witnesses:
            return witness is not None and witness.kept(rows, rules)
        found = witness.keeps(rows, rules, self._by_prices.evenly_relaxed)
        self._in_vain = 0 if found else self._in_vain
        return found

    def range_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        """See `Prover.range_end`."""
        if not self._work.leaves_smaller_sets:
            proved = self._by_prices.proved_end(row, is_min, rows)
            if proved is not None:
                return proved
        return self._prover.range_end(row, is_min, rows)
