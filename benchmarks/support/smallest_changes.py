"""The smallest changes of bounds with which a campaign has an allocation, by HiGHS on the user's own tables.

A change of a ratio is no linear cost, but for a ratio that would do "A is at least r times B" is linear in who gets
what. So the ratios that would do are halved into boxes: in a box no way out costs less than the ratios at its near ends
and all else under the ratios at its far ends. HiGHS bounds both, until the best way out that is known, couponry's or
its own, and the least bound are a thousandth apart.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.support.oracle import Oracle
from tests.support.oracle_tables import Measure
from tests.support.programme import Stop

CLOSE = 1e-3
"""Relative distance at which HiGHS's way out and its bound count as the same; couponry asks the same of itself."""

NODES = 2_000
"""Of HiGHS's search for each question, at most."""

ROUNDING = 1e-7
"""What HiGHS's own bounds may be off."""


@dataclass(frozen=True)
class Bound:
    """One bound of a hard limit, in one group: a minimum has sign 1, a maximum -1."""

    measure: Measure
    asked: float
    sign: float

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio's."""
        return self.measure.below is not None

    @property
    def unit(self) -> float:
        """What a change is measured by: the bound; one coupon if a count is to be 0; NaN if it is less simple."""
        is_count = not self.is_ratio and bool(np.isin(self.measure.weight, (0, 1)).all())
        return abs(self.asked) or (1.0 if is_count else np.nan)

    @property
    def can_be_missed(self) -> bool:
        """Whether some choice, under whatever rules, could miss it."""
        if self.is_ratio:
            return self.far_end() != self.asked
        return self.sign * self.asked > float(np.minimum(self.sign * self.measure.weight, 0).sum())

    def share(self, chosen: NDArray[np.bool_]) -> float:
        """How far a choice is off, as a share of the bound."""
        above = float(self.measure.weight[chosen].sum())
        below = 1.0 if self.measure.below is None else float(self.measure.below[chosen].sum())
        missed = self.sign * (self.asked * below - above)
        return missed / (below * self.unit) if missed > 1e-9 else 0.0

    def moved_to(self, asked: float) -> Measure:
        """A limit of this bound alone that asks for something else, and has to be kept."""
        return self._alone(self.measure.limit.mode, None, asked)

    def elastic(self) -> Measure:
        """A limit of this bound alone that may be missed, at 1 for the unit."""
        return self._alone("soft", 1.0 / self.unit, self.asked)

    def _alone(self, mode: str, penalty: float | None, asked: float) -> Measure:
        limit = replace(self.measure.limit, mode=mode, penalty=penalty)
        low, high = (asked, None) if self.sign > 0 else (None, asked)
        return replace(self.measure, limit=limit, min=low, max=high)

    def far_end(self) -> float:
        """A ratio that any choice keeps; infinite where there is none."""
        below = np.zeros(0) if self.measure.below is None else self.measure.below
        weight = self.sign * self.measure.weight
        if (weight[below <= 0] < 0).any() or not (below > 0).any():
            return -self.sign * np.inf
        least = float((weight[below > 0] / below[below > 0]).min())
        return self.sign * min(self.sign * self.asked, least)


class SmallestChanges:
    """The least sum of changes as shares of bounds.

    Parameters
    ----------
    oracle : Oracle
    claimed : float
        Sum of the way out that is judged.
    seconds : float
        Of processor time, after which no further question is asked.

    Attributes
    ----------
    can_judge : bool
        False where the unit of a bound is not known here, or some choices keep no ratio at all.
    best : float
        The least sum that is known, the claimed one included.
    least : float
        No changes have a smaller sum, as far as HiGHS can tell.
    failed : int
        Questions that ended with an exception inside HiGHS.
    """

    def __init__(self, oracle: Oracle, claimed: float, seconds: float):
        self._oracle, self._end = oracle, time.process_time() + seconds
        bounds = [
            Bound(measure, float(asked), sign)
            for measure in oracle.measures
            if measure.limit.mode == "hard"
            for asked, sign in ((measure.min, 1.0), (measure.max, -1.0))
            if asked is not None
        ]
        self._bounds = [bound for bound in bounds if bound.can_be_missed]
        sums = {bound.measure.weight.tobytes() for bound in self._bounds}
        self._has_twins = len(sums) < len(
            self._bounds
        )  # a minimum and a maximum of one sum, as a rule
        self._ratios = [bound for bound in self._bounds if bound.is_ratio]
        self.best, self.least, self.failed = claimed, 0.0, 0
        is_measured = all(np.isfinite(bound.unit) for bound in self._bounds)
        self.can_judge = is_measured and all(np.isfinite(r.far_end()) for r in self._ratios)

    def search(self) -> bool:
        """Whether bound and way out came close in time."""
        self._reach = self._oracle.reach()
        ends = [np.array([ratio.far_end(), ratio.asked]) for ratio in self._ratios]
        heap: list[Any] = [(self._bound(ends), 0, ends)]
        number = 0
        while heap:
            self.least = min(heap[0][0], self.best)
            if self.least >= self.best * (1.0 - CLOSE) - 1e-12:
                return True
            if not self._ratios or time.process_time() > self._end:
                return False
            _, _, box = heapq.heappop(heap)
            widths = [
                abs(np.diff(e)[0]) / ratio.unit for e, ratio in zip(box, self._ratios, strict=True)
            ]
            k = int(np.argmax(widths))
            middle = float(box[k].mean())
            for part in ([box[k][0], middle], [middle, box[k][1]]):
                half = [*box[:k], np.array(part), *box[k + 1 :]]
                bound = self._bound(half)
                number += 1
                if bound < self.best * (1.0 - CLOSE):
                    heapq.heappush(heap, (bound, number, half))
        self.least = self.best * (1.0 - CLOSE)
        return True

    def _bound(self, box: Sequence[NDArray[np.float64]]) -> float:
        """The least that a way out costs whose ratios are within a box; its best choice is tried."""
        oracle, pairs = self._oracle, list(zip(self._ratios, box, strict=True))
        near = sum(abs(ratio.asked - ends[1]) / ratio.unit for ratio, ends in pairs)
        measures = [ratio.moved_to(float(ends[0])) for ratio, ends in pairs]
        measures += [bound.elastic() for bound in self._bounds if not bound.is_ratio]
        left = max(0.1, self._end - time.process_time())
        stop = Stop(CLOSE / 2, NODES, left, presolve=not self._has_twins)
        nothing = np.zeros(len(oracle.offer))
        try:
            found = oracle.best(nothing, oracle.rules, measures, self._reach, stop)
        except Exception:  # HiGHS gave nothing, then
            self.failed += 1
            return near
        if found.chosen is not None:
            self.best = min(self.best, sum(bound.share(found.chosen) for bound in self._bounds))
        if found.status == "infeasible":
            return np.inf
        return near + max(0.0, -found.bound - ROUNDING)


@dataclass(frozen=True)
class JudgedChanges:
    """A way out, beside the smallest changes that HiGHS knows.

    Attributes
    ----------
    share, at_least : float
        What its shares come to, infinite without any, and what couponry says that no changes are below.
    best, least : float
        The least sum that is known, and the least that HiGHS says that there can be.
    is_decided : bool
        Whether these came close in time.
    failed : int
        Questions that ended with an exception inside HiGHS.
    """

    share: float
    at_least: float
    best: float
    least: float
    is_decided: bool
    failed: int

    @property
    def wrong(self) -> list[str]:
        """What couponry says that is not so, in words."""
        is_above = self.at_least > self.best * (1.0 + 1e-6) + 1e-9
        return ["way_out_share_at_least is above a way out that there is"] if is_above else []

    @property
    def times(self) -> tuple[float, float, float]:
        """The share as a multiple of the best, of HiGHS's least, and of couponry's least."""
        best, highs, own = (max(x, 1e-12) for x in (self.best, self.least, self.at_least))
        return self.share / best, self.share / highs, self.share / own


def judge_changes(
    oracle: Oracle, infeasible: dict[str, Any], seconds: float
) -> JudgedChanges | None:
    """The way out of `infeasible.json`'s content beside HiGHS's; None where HiGHS cannot be asked in its measure."""
    share = infeasible.get("way_out_share", np.inf)
    at_least = infeasible.get("way_out_share_at_least", 0.0)
    highs = SmallestChanges(oracle, share, seconds)
    if not highs.can_judge:
        return None
    is_decided = highs.search()
    return JudgedChanges(share, at_least, highs.best, highs.least, is_decided, highs.failed)


def report_changes(judged: Sequence[JudgedChanges]) -> dict[str, Any]:
    """The figures of some ways out."""
    without = sum(not np.isfinite(one.share) for one in judged)
    judged = [one for one in judged if np.isfinite(one.share)]
    if not judged:
        return {"judged": 0, "without_way_out": without}
    best, highs, own = np.array([one.times for one in judged]).T
    either, proved = np.minimum(highs, own), 1.0 + 3 * CLOSE
    return {
        "judged": len(judged),
        "without_way_out": without,
        "highs_undecided": sum(not one.is_decided for one in judged),
        "highs_gave_nothing": sum(one.failed > 0 for one in judged),
        "smallest_by_highs": int((highs <= proved).sum()),
        "smallest_by_its_own_bound": int((own <= proved).sum()),
        "smallest_by_either": int((either <= proved).sum()),
        "within_a_percent_by_either": int((either <= 1.01).sum()),
        "smaller_known": int((best > 1.0 + 2 * CLOSE).sum()),
        "smaller_by_a_percent_known": int((best > 1.01).sum()),
        "share_by_best": {"90%": float(np.quantile(best, 0.9)), "most": float(best.max())},
        "at_least_by_best": {
            "median": float(np.median(best / own)),
            "least": float((best / own).min()),
        },
    }
