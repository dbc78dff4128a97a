"""Infeasibility: the proof, and a smallest set of limits and rules that cannot hold together.

A deletion filter (Chinneck and Dravnieks 1991) drops every row and then every customer rule that a proof does not
need, many rows at a time at first where proofs do not tell which they need. Two provers do the proving. Prices: with
the objective set to nothing, any prices whose dual bound is below 0 prove that no allocation keeps the priced rows (a
Farkas certificate); the dual method finds them by itself, since where there is no allocation the dual falls without
end and the prices grow along such a direction. HiGHS: for small campaigns whose conflict is one of whole coupons.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..engines.protocol import Engine
from ..kernels import Rules
from ..utils.clock import Clock
from .dual import cutting_planes
from .dual.cutting_planes import CUT_CANDIDATES
from .dual.lagrangian import Evaluation, Lagrangian, as_float32
from .dual.quasi_newton import PriceSpace, minimise
from .dual.sampling import Samples
from .dual.scaling import Scales
from .exact.core_milp import NODES, solve_core
from .primal.fixed_customers import usage_with_error
from .primal.repair import chosen_positions
from .problem import Problem

PASSES = 150  # at most, for one proof by prices
REACH_PASSES = 30, 150, 3_000  # for one reach at least and at most, and for all of them, about
# of the worth of all candidates: what a step must bring for a proof, or for a reach, to be looked for further
PROOF_TOLERANCE, REACH_TOLERANCE = 1e-7, 1e-7
CUT_PRICES = 100  # up to so many they are found by cutting planes
LITTLE_MISSED = 1e-3  # coupons: what cannot be proved to be missed by more is not proved
EXACT_CANDIDATES = 20_000  # up to here HiGHS says what is reachable, and whether members that prices need are needed
REACH_NODES = 200  # of its search, at most; what it has not found by then its bound tells
AS_GIVEN = 4_000_000  # candidates up to which it is summed from the channels as given
PROOFS = 3  # found before a search for one stops: later ones price fewer rows by the way


@dataclass(frozen=True)
class Conflict:
    """A row of the set: the bound that it asks for, and the most (or, for an upper bound, the least) reachable
    while all other rows of the set, its own other bound and all customer rules hold; None where that was not found."""

    row: int
    is_min: bool
    asked: float
    reachable: float | None


@dataclass(frozen=True)
class Certificate:
    """Rows and customer rules (by name) that cannot hold together; without any one of them no proof was found."""

    conflicts: list[Conflict]
    rules: list[str]
    message: str = "no allocation keeps all hard limits"


class Prover(Protocol):
    """Proves that rows cannot hold together.

    narrows: whether proofs leave out by themselves most of what they do not need.
    """

    narrows: bool

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        """Rows among these that cannot hold together under the rules, or None where no proof was found."""
        ...

    def reach(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        """The row's largest (is_min) or smallest activity while the others among `rows`, its own other bound and all
        customer rules hold."""
        ...


def find_conflict(
    problem: Problem, prover: Prover, second: Prover | None = None
) -> Certificate | None:
    """A certificate that no allocation keeps all hard rows, or None where the prover finds none.

    second: another prover, who is asked again whether each member of the set is needed.
    """
    rows = prover.proof(np.flatnonzero(problem.hard), problem.rules)
    if rows is None:
        return None
    rules = list(dict.fromkeys(problem.rule_names.all()))
    for asked in (prover,) if second is None else (prover, second):
        rows, rules = needed(problem, asked, rows, rules)
    conflicts = [_conflict(problem, prover, row, rows) for row in rows.tolist()]
    return Certificate(conflicts, rules)


def needed(
    problem: Problem, prover: Prover, rows: NDArray[np.int64], rules: list[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Rows and customer rules (by name) that cannot hold together, without those that a proof does not need."""

    def under(names: list[str]) -> Rules:
        return problem.rule_names.only(problem.rules, names, problem.shard.indptr)

    everything = len(rules) == len(dict.fromkeys(problem.rule_names.all()))
    these = problem.rules if everything else under(rules)
    many = 1 if prover.narrows else max(1, len(rows) // 2)
    while True:
        place = 0
        while place < len(rows) and len(rows) > 1:
            without = np.delete(rows, slice(place, place + many))
            fewer = prover.proof(without, these)
            if fewer is None:
                place += many
            else:
                place = int(np.searchsorted(fewer, rows[place]))
                rows = fewer
        if many == 1:
            break
        many //= 2
    for name in tuple(rules):
        fewer_rules = [other for other in rules if other != name]
        if prover.proof(rows, under(fewer_rules)) is not None:
            rules = fewer_rules
    return rows, rules


def _conflict(problem: Problem, prover: Prover, row: int, rows: NDArray[np.int64]) -> Conflict:
    """Which of the row's bounds is out of reach while the other members hold, and by how much."""
    lower, upper = float(problem.lower[row]), float(problem.upper[row])
    most = prover.reach(row, True, rows) if np.isfinite(lower) else None
    if most is not None and most < lower:
        return Conflict(row, True, lower, most)
    least = prover.reach(row, False, rows) if np.isfinite(upper) else None
    if least is not None and least > upper:
        return Conflict(row, False, upper, least)
    is_min = np.isfinite(lower)  # a reach too loose to show the conflict is not told
    return Conflict(row, is_min, lower if is_min else upper, None)


def _part(problem: Problem, rows: NDArray[np.int64], objective: NDArray[np.float64]) -> Problem:
    """The problem with these rows only, and another objective."""
    return replace(
        problem,
        objective=objective,
        rows=problem.rows[rows],
        lower=problem.lower[rows],
        upper=problem.upper[rows],
        penalty=problem.penalty[rows],
        integer=problem.integer[rows],
    )


def _released(problem: Problem, row: int, is_min: bool) -> Problem:
    """The problem without the row's lower (is_min) or upper bound."""
    lower, upper = problem.lower.copy(), problem.upper.copy()
    if is_min:
        lower[row] = -np.inf
    else:
        upper[row] = np.inf
    return replace(problem, lower=lower, upper=upper)


def _table(problem: Problem, row: int, is_min: bool) -> NDArray[np.float64]:
    """The row as an objective: its activity, or minus its activity."""
    weights = problem.rows[[row]].toarray().reshape(problem.objective.shape)
    return weights if is_min else -weights


def _proves(lagrangian: Lagrangian, prices: NDArray[np.float64]) -> bool:
    """Whether prices prove that the rows that they are of cannot hold together."""
    return lagrangian.bound(prices, objective=0.0) < 0


class PriceProver:
    """Proofs by prices for campaigns of any size.

    Prices are looked for over a sample of the customers where there are many; what they prove, everybody is asked.
    """

    narrows = True

    def __init__(
        self, problem: Problem, engine: Engine, scales: Scales, worth: float, clock: Clock
    ):
        self._problem = problem
        self._engine = engine
        self._worth = worth
        self._clock = clock
        self._scale = scales.price_scale(1.0)
        self._per_coupon = scales.per_coupon
        self._samples = Samples(engine, len(problem.lower))
        self._proof = np.zeros(len(problem.lower))  # prices of the last one

    def _over(self, part: Problem, rules: Rules) -> tuple[Lagrangian, Lagrangian]:
        """The dual of part of the problem over everybody, and over those who are looked at."""
        if rules is self._problem.rules:
            engine, samples = self._engine, self._samples
        else:
            engine = self._engine.with_rules(rules)
            samples = Samples(engine, len(part.lower))
        return Lagrangian(part, engine), samples.for_proofs(part)

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        if len(rows) == 0:
            return None
        part = _part(self._problem, rows, self._problem.objective)
        everybody, look = self._over(part, rules)
        space = PriceSpace.of(part, self._worth * self._scale[rows])
        if len(space.row) <= CUT_PRICES and self._problem.candidates <= CUT_CANDIDATES:
            return self._told(everybody, self._steepest(everybody, rows), rows)
        lowest = -look.most(-self._problem.objective)
        proved: list[NDArray[np.float64]] = []

        def watch(now: Evaluation) -> bool:
            self._clock.check()
            if now.dual < lowest and _proves(everybody, now.prices):
                proved.append(now.prices)
            return len(proved) >= PROOFS

        total = self._worth * max(1.0, float(self._problem.candidates))
        minimise(look, space, np.zeros(len(rows)), total, PASSES, PROOF_TOLERANCE, watch)
        return self._told(everybody, proved[-1], rows) if proved else None

    def _steepest(self, everybody: Lagrangian, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The prices of at most 1 for a typical coupon at which the dual without an objective is least.

        That is 0 where no prices prove anything, and else what allocations miss at least, in coupons.
        """
        nothing = np.zeros_like(self._problem.objective)
        bare = Lagrangian(replace(everybody.problem, objective=nothing), everybody.engine)
        space = PriceSpace.of(bare.problem, self._per_coupon[rows])
        space = replace(space, limit=np.ones(len(space.row)))

        def stop() -> bool:
            self._clock.check()
            return False

        start, one = np.zeros(len(rows)), np.ones(len(space.row))
        return cutting_planes.descend(bare, space, start, one, LITTLE_MISSED, stop)

    def _told(
        self, everybody: Lagrangian, prices: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """The rows whose prices prove it, as few as can be, and None where they do not."""
        if not _proves(everybody, prices):
            return None
        self._proof = np.zeros(len(self._problem.lower))
        self._proof[rows] = self._fewest(everybody, prices, rows)
        return rows[self._proof[rows] != 0]

    def _fewest(
        self, everybody: Lagrangian, prices: NDArray[np.float64], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Prices that prove it without those that matter least, as many of them as can be left out at once."""
        size = np.abs(prices / self._scale[rows])
        order = np.argsort(size, kind="stable")
        out, too_many = int((prices == 0).sum()), len(rows)
        while too_many - out > 1:
            self._clock.check()
            middle = (out + too_many) // 2
            fewer = prices.copy()
            fewer[order[:middle]] = 0.0
            out, too_many = (middle, too_many) if _proves(everybody, fewer) else (out, middle)
        fewer = prices.copy()
        fewer[order[:out]] = 0.0
        return fewer

    def reach(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        problem = _released(self._problem, row, is_min)
        alone = len(rows) == 1 and np.isinf(problem.lower[row]) and np.isinf(problem.upper[row])
        if not alone and problem.candidates <= EXACT_CANDIDATES:
            exact = ExactProver(problem, self._engine, self._clock)
            return exact.reach(row, is_min, rows)
        table = _table(problem, row, is_min)
        everybody, look = self._over(_part(problem, rows, table), self._problem.rules)
        if not alone:
            weight = 1.0 / self._scale[row]  # of a typical coupon in the row, about
            space = PriceSpace.of(everybody.problem, weight * self._scale[rows])
            total = weight * problem.candidates

            def watch(now: Evaluation) -> bool:
                self._clock.check()
                return False

            # what proves that a bound cannot be kept bounds the reach, too, per unit of its price
            start = self._proof[rows] / (abs(self._proof[row]) or 1.0)
            start[rows == row] = 0.0
            if self._proof[row] == 0:
                start = np.zeros(len(rows))
            least, most, of_all = REACH_PASSES
            passes = min(most, max(least, of_all // len(rows)))
            found = minimise(look, space, start, total, passes, REACH_TOLERANCE, watch)
            best = everybody.bound(found.prices)
        else:
            best = self._most(everybody, table)
        if problem.integer[row]:
            best = float(np.floor(best + 1e-6))
        return best if is_min else -best

    def _most(self, lagrangian: Lagrangian, table: NDArray[np.float64]) -> float:
        """About the largest sum of a table over all customers' choices, limits aside."""
        problem, engine = self._problem, self._engine
        price = as_float32(lagrangian.price_table(table))
        if problem.candidates <= AS_GIVEN:
            usage, error = problem.usage(chosen_positions(engine.choose(price)[0])), np.zeros(1)
        else:
            usage, error = usage_with_error(problem, engine, price)
        return float((table * usage + np.abs(table) * error).sum())


class ExactProver:
    """Proofs by HiGHS, for campaigns of some ten thousand candidates. nodes: of its search, at most, for each."""

    narrows = False

    def __init__(self, problem: Problem, engine: Engine, clock: Clock, nodes: int = NODES):
        self._problem = problem
        self._engine = engine
        self._clock = clock
        self._nodes = nodes

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        if len(rows) == 0:
            return None
        nothing = np.zeros_like(self._problem.objective)
        worth = self._solve(self._problem, rows, rules, nothing, self._nodes)
        return rows if worth is None else None

    def reach(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        problem = _released(self._problem, row, is_min)
        best = self._solve(problem, rows, problem.rules, _table(problem, row, is_min), REACH_NODES)
        if best is None or np.isinf(best):
            return None
        if problem.integer[row]:
            best = float(np.floor(best + 1e-3))
        return best if is_min else -best

    def _solve(
        self,
        problem: Problem,
        rows: NDArray[np.int64],
        rules: Rules,
        objective: NDArray[np.float64],
        nodes: int,
    ) -> float | None:
        """What no objective exceeds under these rows and rules, the best one where HiGHS found it within so many nodes;
        None where they cannot hold."""
        self._clock.check()
        part = replace(_part(problem, rows, objective), rules=rules)
        best, _ = self._engine.with_rules(rules).choose(
            np.zeros((1 + part.quantities, *part.objective.shape[1:]), np.float32)
        )
        chosen = np.zeros(part.candidates, np.uint8)
        free = np.ones(part.candidates, bool)
        core = solve_core(part, chosen, free, best, 0.0, 0.0, self._clock.left, nodes)
        if core.infeasible:
            return None
        if core.chosen is None:
            self._clock.check()
            return core.bound
        found = float((objective * part.usage(chosen_positions(core.chosen))).sum())
        return found if core.bound - found <= 1e-6 * max(1.0, abs(found)) else core.bound
