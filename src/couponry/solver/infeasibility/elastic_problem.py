"""The elastic problem of an infeasible one: every hard bound is a soft row, and violating it is all that counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...utils.clock import Clock
from ...utils.lazy_imports import sparse as sp
from ..dual.lagrangian import Lagrangian
from ..dual.scaling import Scales
from ..dual.warm_start import WarmStart
from ..plan import Plan
from ..primal.repair import MeasuredChoice
from ..problem import Problem
from .unreachable_rows import RowReach
from .work import Work

MOST_PASSES = 8
"""Passes for the most that ratios' denominators can be, at most."""

ROUNDING = 1e-9
"""Share of a denominator by which ends of intervals overlap, so that rounding leaves none out."""

LEAST_DENOMINATOR = 1e-3
"""Least denominator, as a share of the most that it can be; with one near 0 a change would cost anything."""


@dataclass(frozen=True)
class RelaxationRequest:
    """An infeasible problem, and what is known of it.

    Attributes
    ----------
    problem : Problem
    engine : Engine
    scales : Scales
        Of the problem.
    asked : ndarray of float64, shape (n_rows, 2)
        Each row's lower and upper bound as the user gave it, not rounded; of a ratio 0.
    units : ndarray of float64, shape (n_rows, 2)
        What a change of each bound is measured by, in the limit's own unit.
    is_ratio : ndarray of bool, shape (n_rows,)
    denominators : csr_array of float64, shape (n_rows, n_cells)
        Second sums of ratios; the rows of others are empty.
    proof : ndarray of float64, shape (n_rows,)
        Prices that prove that nothing is feasible, where some are known: the search starts in their direction.
    work : Work or None
        What may be done in all; no limit to it by default.
    """

    problem: Problem
    engine: Engine
    scales: Scales
    asked: NDArray[np.float64]
    units: NDArray[np.float64]
    is_ratio: NDArray[np.bool_]
    denominators: sp.csr_array
    proof: NDArray[np.float64]
    work: Work | None = None


class ElasticProblem:
    """The campaign in which every hard bound is a soft row of its own, and violating it is all that counts.

    Attributes
    ----------
    row : ndarray of int64, shape (n_bounds,)
        Row of each bound in the campaign.
    is_min, is_ratio, integer : ndarray of bool, shape (n_bounds,)
    rows : csr_array of float64, shape (n_bounds, n_cells)
    lower, upper : ndarray of float64, shape (n_bounds,)
    unit : ndarray of float64, shape (n_bounds,)
        Change that counts as a share of 1, in the limit's own unit.
    most : ndarray of float64, shape (n_bounds,)
        The most that each ratio's denominator can be; 1 of other bounds.
    factor : float
        Objective lost per unit of the sum of shares: a typical coupon in a typical bound costs 1.
    """

    def __init__(self, request: RelaxationRequest, clock: Clock):
        problem = request.problem
        lower = np.flatnonzero(problem.hard & np.isfinite(problem.lower))
        upper = np.flatnonzero(problem.hard & np.isfinite(problem.upper))
        self.row = np.concatenate([lower, upper])
        self.is_min = np.arange(len(self.row)) < len(lower)
        side = (~self.is_min).astype(int)
        asked, none = request.asked[self.row, side], np.full(len(self.row), np.inf)
        self.lower = np.where(self.is_min, asked, -none)
        self.upper = np.where(self.is_min, none, asked)
        self.unit = request.units[self.row, side]
        self.rows = sp.csr_array(problem.rows[self.row])
        self.integer = problem.integer[self.row]
        self._denominator = sp.csr_array(request.denominators[self.row])
        self.is_ratio = request.is_ratio[self.row]
        self._problem = problem
        self.most: NDArray[np.float64] = np.where(
            self.is_ratio, self._most_denominators(request, clock), 1.0
        )
        self._is_fixed = self.most <= 0  # over nothing no change of the ratio would do
        self.most[self._is_fixed] = 1.0
        per_coupon = request.scales.per_coupon[self.row]
        self.factor = 1.0 / float(np.median(1.0 / (self.unit * self.most * per_coupon)))

    def _most_denominators(self, request: RelaxationRequest, clock: Clock) -> NDArray[np.float64]:
        """The most that each bound's denominator can be: what all candidates come to.

        The few largest ones have a pass each: customers cannot have so much of them at once.
        """
        problem, everything = request.problem, request.scales.everything
        size = everything.copy()  # of nothing that is negative
        size[1:] += problem.error[:, None, :] * everything[0]
        most = np.asarray(self._denominator @ size.ravel()) * (1.0 + ROUNDING)
        passed: dict[bytes, float] = {}  # both bounds of a ratio have one denominator
        coupons = np.tile(everything[0].ravel(), len(everything))
        order = np.argsort(-((self._denominator != 0).astype(float) @ coupons), kind="stable")
        for at in order[self.is_ratio[order]].tolist():
            row = self._denominator[[at]]
            key = row.indices.tobytes() + row.data.tobytes()
            if key not in passed:
                if len(passed) == MOST_PASSES:
                    break
                clock.check()
                table = row.toarray().reshape(problem.objective.shape)
                alone = Lagrangian(replace(problem, objective=table), request.engine)
                passed[key] = alone.bound(np.zeros(len(problem.lower)))
            most[at] = min(most[at], passed[key])
        return most

    def problem(self) -> Problem:
        """Return the campaign with changes measured as if ratios' denominators were as large as they can be."""
        penalty = self._penalty(self.most)
        return self._with(self.rows, self.lower, self.upper, penalty, self.integer)

    def problem_near(
        self, plan: Plan | MeasuredChoice, denominators: NDArray[np.float64]
    ) -> Problem:
        """Return the campaign with changes of ratios as they are near those of an allocation.

        A ratio that misses M over B changes by M / B, and so by s + (M - s B) / B' for any s: exactly, if B' is the
        denominator that it comes to. Here s is the allocation's M / B, and B' is given.

        Parameters
        ----------
        plan : Plan or MeasuredChoice
        denominators : ndarray of float64, shape (n_bounds,)
            1 of bounds that are none of ratios.

        Returns
        -------
        Problem
        """
        slope = np.where(self.is_ratio, self.shares(plan) * self.unit, 0.0)
        slope[~np.isfinite(slope)] = 0.0
        rows, lower, upper = self._tilted(np.ones(len(slope)), slope, denominators)
        integer = self.integer & ~self.is_ratio
        return self._with(rows, lower, upper, self._penalty(denominators), integer)

    def problem_between(
        self, least: NDArray[np.float64], most: NDArray[np.float64], largest: float
    ) -> Problem:
        """Return the campaign whose ratios' denominators are between some ends, with no change overstated.

        A ratio that misses M over B, and does not change by more than s, changes by at least M / most, and by at least
        (M - s (B - least)) / least: the convex hull of M / B there (McCormick 1976). The second has a row of its own,
        for what it is more than the first.

        Parameters
        ----------
        least, most : ndarray of float64, shape (n_bounds,)
        largest : float
            Share that no bound is changed by more than, of what is looked for; infinite where that is not known.

        Returns
        -------
        Problem
        """
        within = np.flatnonzero(self.is_ratio)
        slope = largest * self.unit if np.isfinite(largest) else np.zeros(len(self.unit))
        rows, lower, upper = self._tilted(1.0 - least / most, slope, least)
        steep = within[(least[within] > 0) & np.isfinite(largest)]
        hard = np.full(len(within), np.inf)
        not_whole = np.zeros(len(steep) + len(within), bool)
        return self._with(
            sp.csr_array(
                sp.vstack([self.rows, rows[steep], self._denominator[within]], format="csr")
            ),
            np.concatenate([self.lower, lower[steep], least[within] * (1.0 - ROUNDING)]),
            np.concatenate([self.upper, upper[steep], most[within] * (1.0 + ROUNDING)]),
            np.concatenate([self._penalty(most), self._penalty(least)[steep], hard]),
            np.append(self.integer, not_whole),
        )

    def _penalty(self, denominators: NDArray[np.float64]) -> NDArray[np.float64]:
        """Objective lost per unit that each bound's row is outside it."""
        with np.errstate(divide="ignore"):
            penalty = self.factor / (self.unit * denominators)
        penalty[self._is_fixed] = np.inf
        return np.asarray(penalty)

    def _tilted(
        self, scale: NDArray[np.float64], slope: NDArray[np.float64], at: NDArray[np.float64]
    ) -> tuple[sp.csr_array, NDArray[np.float64], NDArray[np.float64]]:
        """Rows and bounds of which a ratio's is missed by scale * M - slope * (B - at)."""
        sign = np.where(self.is_min, 1.0, -1.0)
        tilt = sp.diags_array(sign * slope) @ self._denominator
        rows = sp.csr_array(sp.diags_array(scale) @ self.rows + tilt)
        shift = np.where(self.is_ratio, sign * slope * at, 0.0)
        return rows, self.lower + shift, self.upper + shift

    def _with(
        self,
        rows: sp.csr_array,
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
        penalty: NDArray[np.float64],
        integer: NDArray[np.bool_],
    ) -> Problem:
        """The campaign with these rows alone, and nothing else that counts."""
        return replace(
            self._problem,
            objective=np.zeros_like(self._problem.objective),
            rows=rows,
            lower=lower,
            upper=upper,
            penalty=penalty,
            integer=integer,
        )

    def activity(self, plan: Plan | MeasuredChoice) -> NDArray[np.float64]:
        """What each bound's row comes to."""
        return np.asarray(self.rows @ plan.usage.ravel())

    def missed(self, plan: Plan | MeasuredChoice) -> NDArray[np.float64]:
        """How far each bound's row is outside it."""
        activity = self.activity(plan)
        off = np.where(self.is_min, self.lower - activity, activity - self.upper)
        return np.asarray(np.maximum(0.0, off))

    def least_shares(self, reach: RowReach) -> NDArray[np.float64]:
        """The change of each bound that any allocation asks for, as a share, as all candidates together tell."""
        most, least = reach.most + reach.off, reach.least - reach.off
        off = np.where(self.is_min, self.lower - most[self.row], least[self.row] - self.upper)
        return np.where(self.is_ratio, 0.0, np.maximum(0.0, off) / self.unit)

    def denominators(self, plan: Plan | MeasuredChoice) -> NDArray[np.float64]:
        """The denominators of ratios as they came out, not too near 0; 1 of other bounds."""
        below = np.asarray(self._denominator @ plan.usage.ravel())
        return np.where(self.is_ratio, np.maximum(below, LEAST_DENOMINATOR * self.most), 1.0)

    def shares(self, plan: Plan | MeasuredChoice) -> NDArray[np.float64]:
        """The change of each bound that an allocation asks for, as a share; infinite of a ratio to nothing."""
        missed = self.missed(plan)
        below = np.asarray(self._denominator @ plan.usage.ravel())
        divisor = self.unit * np.where(self.is_ratio, below, 1.0)
        shares = np.zeros(len(missed))
        with np.errstate(divide="ignore"):
            np.divide(missed, divisor, out=shares, where=missed > 0)
        return shares

    def understated(
        self,
        plan: Plan | MeasuredChoice,
        least: NDArray[np.float64],
        most: NDArray[np.float64],
        largest: float,
    ) -> NDArray[np.float64]:
        """By how much `problem_between` understates each ratio's change; -inf of other bounds."""
        missed, below = self.missed(plan), self.denominators(plan)
        stated = missed / (self.unit * most)
        steep = self.is_ratio & (least > 0) & np.isfinite(largest)
        second = missed[steep] / self.unit[steep] - largest * (below - least)[steep]
        stated[steep] = np.maximum(stated[steep], second / least[steep])
        return np.where(self.is_ratio, missed / (self.unit * below) - stated, -np.inf)

    def start(self, proof: NDArray[np.float64]) -> WarmStart | None:
        """Prices in the direction of a proof, as far as they go; without prices the dual has a kink."""
        prices = np.where(
            self.is_min, np.minimum(proof[self.row], 0.0), np.maximum(proof[self.row], 0.0)
        )
        penalty = self.factor / (self.unit * self.most)
        largest = float((np.abs(prices) / penalty).max(initial=0.0))
        return WarmStart(prices / largest) if largest > 0 else None
