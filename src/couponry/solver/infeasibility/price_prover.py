"""Proofs of infeasibility by prices, for campaigns of any size.

With the objective set to nothing, any prices whose dual bound is below 0 prove that no allocation keeps the priced rows
(a Farkas certificate). The dual method finds them by itself: where there is no allocation the dual falls without end,
and the prices grow along such a direction.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...engines.cells import chosen_positions
from ...engines.protocol import Engine
from ...kernels import Rules
from ...utils.arrays.fixed_order import dot_in_order
from ...utils.clock import Clock
from ..dual import cutting_planes
from ..dual.cutting_planes import Tolerance
from ..dual.lagrangian import SUMMATION_ERROR, Evaluation, Lagrangian, as_float32
from ..dual.price_space import PriceSpace
from ..dual.projected_quasi_newton import method_for
from ..dual.quasi_newton import Effort
from ..dual.sampling import Samples
from ..dual.scaling import Scales
from ..dual.stretched_prices import stretched
from ..options import CuttingPlaneOptions, SolverOptions
from ..primal.repair import Repair
from ..problem import Problem
from .highs_prover import HighsProver
from .partial_problem import only_rows_bounded, row_as_objective, with_rows, without_bound
from .work import Work

WHOLE_NUMBER_ROUNDING = 1e-6
"""What a bound on a whole number may be off by."""


class PriceProver:
    """Looks for prices that prove infeasibility, over a sample of the customers where there are many.

    Whether prices found on a sample prove anything, everybody is asked. The methods are described in
    `infeasible_set.Prover`.

    Parameters
    ----------
    problem : Problem
    engine : Engine
    scales : Scales
    typical_worth : float
        Objective of a typical coupon.
    clock : Clock
    options : SolverOptions
    work : Work
        Better prices than some that prove it are looked for in its share of the time.
    start : ndarray of float64, shape (n_rows,), optional
        Prices that may prove it, such as those at which a search found the dual to fall without end.

    Attributes
    ----------
    first_proof : ndarray of float64, shape (n_rows,), or None
        Prices of the first proof, before any row was left out of it.
    """

    narrows = True

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        scales: Scales,
        typical_worth: float,
        clock: Clock,
        options: SolverOptions,
        work: Work,
        start: NDArray[np.float64] | None = None,
    ):
        self.first_proof: NDArray[np.float64] | None = None
        self._problem = problem
        self._engine = engine
        self._typical_worth = typical_worth
        self._clock = clock
        self._options = options
        self._work = work
        self._scale = scales.price_scale(1.0)
        self._per_coupon = scales.per_coupon
        self._scales = scales
        self._samples = Samples(engine, len(problem.lower), options.sampling)
        self._last_proof = np.zeros(len(problem.lower)) if start is None else start  # prices
        self._last_value: float | None = (
            None  # the dual of that proof under all rules, where somebody asked
        )

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        """See `Prover.proof`."""
        if len(rows) == 0:
            return None
        part = with_rows(self._problem, rows, self._problem.objective)
        everybody, sampled = self._duals(part, rules)
        prices = self._proving_prices(everybody, sampled, rows)
        return None if prices is None else self._narrowed(everybody, prices, rows)

    def again(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        """As `proof`, but by the prices of the last one alone: a pass, and a few more where they prove it."""
        engine = self._engine.with_rules(rules)
        part = with_rows(self._problem, rows, self._problem.objective)
        everybody, prices = Lagrangian(part, engine), self._last_proof[rows]
        return self._narrowed(everybody, prices, rows) if _is_proof(everybody, prices) else None

    def _narrowed(
        self, everybody: Lagrangian, prices: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The rows that a proof by such prices needs; it is kept as the last one."""
        if self.first_proof is None:
            self.first_proof = self._of_all(prices, rows)
        prices = self._of_one_conflict(everybody, prices)
        self._last_proof = self._of_all(self._fewest_prices(everybody, prices, rows), rows)
        self._last_value = None
        return np.asarray(rows[self._last_proof[rows] != 0])

    def evenly_relaxed(self) -> Problem:
        """The rows of the last proof alone, relaxed about as far as they must be: each by one share of its bound."""
        prices = self._last_proof
        problem = only_rows_bounded(self._problem, np.flatnonzero(prices))
        size = np.abs(np.where(prices < 0, problem.lower, np.where(prices > 0, problem.upper, 0.0)))
        share = -self._proved_value() / max(dot_in_order(np.abs(prices), size), 1e-300)
        lower = np.where(prices < 0, problem.lower - share * size, problem.lower)
        upper = np.where(prices > 0, problem.upper + share * size, problem.upper)
        lower = np.where(problem.integer, np.floor(lower), lower)
        return replace(problem, lower=lower, upper=np.where(problem.integer, np.ceil(upper), upper))

    def range_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        """See `Prover.range_end`."""
        self._clock.check()
        problem = without_bound(self._problem, row, is_min)
        is_alone = len(rows) == 1 and np.isinf(problem.lower[row]) and np.isinf(problem.upper[row])
        is_tiny = problem.candidates <= self._options.sizes.tiny_candidates
        if not is_alone and is_tiny and len(rows) <= self._options.conflict.exact_ranges:
            exact = HighsProver(problem, self._engine, self._clock, self._options, work=self._work)
            return exact.range_end(row, is_min, rows)
        if len(rows) > self._options.conflict.searched_ranges:
            proved = self.proved_end(row, is_min, rows)
            if proved is not None:
                return proved
        objective = row_as_objective(problem, row, is_min)
        everybody, sampled = self._duals(with_rows(problem, rows, objective), problem.rules)
        best = (
            self._largest_sum(everybody, objective)
            if is_alone
            else self._least_bound(everybody, sampled, row, rows)
        )
        return self._end(row, is_min, best)

    def proved_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        """As `range_end`, but what the last proof says of it: no more than a pass for all rows together."""
        problem, prices = self._problem, self._last_proof
        priced = np.flatnonzero(prices)
        if prices[row] == 0 or (prices[row] < 0) != is_min or not np.isin(priced, rows).all():
            return None
        asked = float(problem.lower[row] if is_min else -problem.upper[row])
        best = asked + self._proved_value() / float(abs(prices[row]))
        return self._end(row, is_min, best + SUMMATION_ERROR * (abs(asked) + abs(best)))

    def _proved_value(self) -> float:
        """The dual of the last proof under all rules, by a pass where nobody asked so far."""
        if self._last_value is None:
            priced = np.flatnonzero(self._last_proof)
            nothing = np.zeros_like(self._problem.objective)
            proof = Lagrangian(with_rows(self._problem, priced, nothing), self._engine)
            self._last_value = proof.bound(self._last_proof[priced])
        return self._last_value

    def _end(self, row: int, is_min: bool, best: float) -> float:
        """The end of a range from the most that the row's activity, or minus its activity, can be."""
        if self._problem.integer[row]:
            best = float(np.floor(best + WHOLE_NUMBER_ROUNDING))
        return best if is_min else -best

    def _duals(self, part: Problem, rules: Rules) -> tuple[Lagrangian, Lagrangian]:
        """The dual of part of the problem over everybody, and over those who are looked at."""
        if rules is self._problem.rules:
            engine, samples = self._engine, self._samples
        else:
            engine = self._engine.with_rules(rules)
            samples = Samples(engine, len(part.lower), self._options.sampling)
        return Lagrangian(part, engine), samples.for_proofs(part)

    # ---- proofs

    def _proving_prices(
        self, everybody: Lagrangian, sampled: Lagrangian, rows: NDArray[np.int64]
    ) -> NDArray[np.float64] | None:
        """Prices that prove that the rows cannot hold together; None: none were found."""
        known = self._last_proof[rows]
        is_known = _is_proof(everybody, known)
        if is_known and self.first_proof is not None:
            return known
        space = PriceSpace.for_problem(everybody.problem, self._typical_worth * self._scale[rows])
        most_prices = self._options.conflict.cutting_plane_prices
        most_candidates = self._options.cutting_planes.candidates
        most_prices = self._options.cutting_planes.prices if is_known else most_prices
        if len(space.row) <= most_prices and self._problem.candidates <= most_candidates:
            prices: NDArray[np.float64] | None = self._least_dual(everybody, rows, is_known)
        elif is_known:
            return known
        else:
            prices = self._diverging_prices(everybody, sampled, space)
        if prices is not None and _is_proof(everybody, prices):
            return prices
        return known if is_known else None

    def _least_dual(
        self, everybody: Lagrangian, rows: NDArray[np.int64], is_known: bool
    ) -> NDArray[np.float64]:
        """The prices at which the dual without an objective is least, each at most 1 by the share of its bound.

        That is 0 where no prices prove anything, and else minus the violation that no allocation is below: in shares of
        bounds, as the way out counts it, in the unit of a typical coupon of the largest bound.
        """
        nothing = np.zeros_like(self._problem.objective)
        bare = Lagrangian(replace(everybody.problem, objective=nothing), everybody.engine)
        space = PriceSpace.for_problem(bare.problem, self._per_coupon[rows])
        space = replace(space, highest=self._highest(bare.problem, space))
        conflict, planes = self._options.conflict, self._planes(len(space.row), is_known)
        made = 0

        def seconds(least: float) -> float:
            nonlocal made
            made += planes.groups
            self._work.count_planes(bare.problem, len(space.row), made)
            if is_known or least < 0:
                return self._work.seconds_left if self._work.leaves_better_prices else 0.0
            self._go_on()
            return self._clock.left

        start = stretched(bare, space, self._last_proof[rows])
        if not is_known and bare.evaluate(start).dual >= 0:  # as good as none
            start, planes = np.zeros(len(rows)), replace(planes, first_box=planes.large_box)
        is_tiny = self._problem.candidates <= self._options.sizes.tiny_candidates
        share = self._options.relaxation.gap if is_tiny else conflict.least_violation_share
        tolerance = Tolerance(conflict.least_violation, share)
        return cutting_planes.descend(bare, space, start, space.highest, tolerance, seconds, planes)

    def _planes(self, prices: int, is_known: bool) -> CuttingPlaneOptions:
        """Cutting planes; where a proof is known they take no longer than a better one is worth."""
        planes, conflict = self._options.cutting_planes, self._options.conflict
        groups, passes = planes.groups, planes.passes
        if is_known:
            groups = min(groups, 1 + conflict.plane_coefficients // prices)
            passes = min(passes, 1 + conflict.plane_passes // prices)
        elif self.first_proof is not None:
            groups = min(groups, conflict.plane_groups)
        return replace(planes, groups=groups, passes=passes)

    def _highest(self, part: Problem, space: PriceSpace) -> NDArray[np.float64]:
        """The largest coordinates: the same for each share of a bound, but for bounds of 0 and very small ones."""
        bound = np.where(space.sign > 0, part.upper[space.row], part.lower[space.row])
        coupons = np.abs(bound) * space.scale
        largest = float(coupons.max(initial=0.0))
        highest = np.divide(largest, coupons, out=np.ones(len(coupons)), where=coupons > 0)
        return np.minimum(highest, self._options.conflict.widest_prices)

    def _of_all(self, prices: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Prices of some rows as prices of all of them."""
        of_all = np.zeros(len(self._problem.lower))
        of_all[rows] = prices
        return of_all

    def _diverging_prices(
        self, everybody: Lagrangian, sampled: Lagrangian, space: PriceSpace
    ) -> NDArray[np.float64] | None:
        """Prices along which the dual falls without end, found from everybody's best choice on; None: it does not."""
        options = self._options.conflict
        lowest = -sampled.largest_sum(-self._problem.objective)
        proved: list[NDArray[np.float64]] = []

        def watch(now: Evaluation) -> bool:
            self._go_on()
            if now.dual < lowest and _is_proof(everybody, now.prices):
                proved.append(now.prices)
            return len(proved) >= options.proofs

        start = np.zeros(space.rows)
        unit = self._typical_worth * max(1.0, float(self._problem.candidates))
        effort = Effort(unit, options.proof_passes, options.proof_tolerance)
        steps = self._options.quasi_newton
        minimise = method_for(len(space.row), False, steps)
        minimise(sampled, space, start, effort, watch, steps)
        return proved[-1] if proved else None

    def _of_one_conflict(
        self, everybody: Lagrangian, prices: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Prices of a proof for one conflict alone, where it holds several that hardly touch each other.

        Without a row's price the activities of those rows change that are in conflict with it, and without theirs those
        of others, step by step.
        """
        options = self._options.conflict
        problem = everybody.problem
        bound = np.where(prices > 0, problem.upper, np.where(prices < 0, problem.lower, 0.0))
        together = np.zeros(len(prices), bool)
        together[np.argmax(np.abs(prices * bound))] = True
        before = everybody.evaluate(prices, objective=0.0).activity
        for _ in range(options.conflict_steps):
            if self._clock.left <= 0:
                break
            without = np.where(together, 0.0, prices)
            after = everybody.evaluate(without, objective=0.0).activity
            moved = np.abs(prices * (after - before))
            wider = together | (moved > options.moved_share * moved.max(initial=0.0))
            if (wider | (prices == 0)).all() or (wider == together).all():
                break
            together = wider
            alone = np.where(together, prices, 0.0)
            if _is_proof(everybody, alone):
                return alone
        return prices

    def _go_on(self) -> None:
        """Raise OutOfTime, or OutOfWork; a first proof may take what it takes."""
        self._clock.check()
        if self.first_proof is not None:
            self._work.check()

    def _fewest_prices(
        self, everybody: Lagrangian, prices: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Prices of a proof without those that matter least, as many of them as can be left out at once."""
        size = np.abs(prices / self._scale[rows])
        order = np.argsort(size, kind="stable")
        out, too_many = int((prices == 0).sum()), len(rows)
        while too_many - out > 1 and self._clock.left > 0:  # what is proved outlives the time
            middle = (out + too_many) // 2
            fewer = prices.copy()
            fewer[order[:middle]] = 0.0
            out, too_many = (middle, too_many) if _is_proof(everybody, fewer) else (out, middle)
        fewer = prices.copy()
        fewer[order[:out]] = 0.0
        return fewer

    # ---- ranges

    def _least_bound(
        self, everybody: Lagrangian, sampled: Lagrangian, row: int, rows: NDArray[np.int64]
    ) -> float:
        """The least bound on the objective that prices of the rows give."""
        options = self._options.conflict
        weight = 1.0 / self._scale[row]  # of a typical coupon in the row, about
        space = PriceSpace.for_problem(everybody.problem, weight * self._scale[rows])

        made, in_vain, least = 0, 0, np.inf

        def watch(now: Evaluation) -> bool:
            nonlocal made, in_vain, least
            self._clock.check()
            made += 1  # at a kink a line search goes on and on, whatever passes it is told to make
            in_vain = 0 if now.dual < least else in_vain + 1
            least = min(least, now.dual)
            if in_vain >= options.vain_range_passes:
                return True
            return made >= passes or not self._work.leaves_smaller_sets

        # what proves that a bound cannot be kept bounds the range, too, per unit of its price
        start = self._last_proof[rows] / (abs(self._last_proof[row]) or 1.0)
        start[rows == row] = 0.0
        if self._last_proof[row] == 0:
            start = np.zeros(len(rows))
        passes = options.all_range_passes // len(rows)
        unit = weight * self._problem.candidates
        effort = Effort(unit, passes, options.range_tolerance)
        steps = self._options.quasi_newton
        minimise = method_for(len(space.row), False, steps)
        found = minimise(sampled, space, start, effort, watch, steps)
        return everybody.bound(found.prices)

    def _largest_sum(self, lagrangian: Lagrangian, objective: NDArray[np.float64]) -> float:
        """The largest sum of an objective over all choices, limits aside; in large campaigns what it is below."""
        problem, engine = self._problem, self._engine
        if problem.candidates > self._options.sizes.in_memory_candidates:
            return lagrangian.bound(np.zeros(len(lagrangian.problem.lower)))
        chosen, _ = engine.choose(as_float32(lagrangian.price_table(objective)))
        repair = Repair(problem, engine, self._scales, self._options.repair)
        best, _ = repair.exact_choice(chosen, objective)  # packed attributes may hide a difference
        return float((objective * problem.usage(chosen_positions(best))).sum())


def _is_proof(lagrangian: Lagrangian, prices: NDArray[np.float64]) -> bool:
    """Whether prices prove that the rows that they are of cannot hold together; those beyond float32 prove nothing."""
    try:
        return bool(prices.any()) and lagrangian.bound(prices, objective=0.0) < 0
    except OverflowError:
        return False
