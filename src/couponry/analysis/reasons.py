"""Why each of one customer's candidates was given or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.roles import ROLES
from ..model.campaign_data import CampaignData
from ..model.compile_limits import CompiledLimits
from ..solver.problem import Problem
from .customer_subproblem import Portfolio
from .decisions import Decision, Explanation, Payment

CLOSE = 1e-9  # share of a bound that sums may be past it by rounding


@dataclass(frozen=True)
class Reasons:
    """Finds the reasons; `given` (e), `activity` (L) of the whole allocation."""

    campaign: CampaignData
    customer: Any
    portfolio: Portfolio
    limits: CompiledLimits
    given: NDArray[np.bool_]
    activity: NDArray[np.float64]

    def explanation(self, number: int) -> Explanation:
        portfolio, given = self.portfolio, self.given
        choices = portfolio.changed()
        best, others = choices[0], choices[1:]
        worth = choices @ portfolio.reduced
        possible = others[np.arange(len(best)), np.arange(len(best))] != best
        loss = np.where(possible, np.maximum(0.0, worth[0] - worth[1:]), np.inf)
        candidates = self.campaign.candidates
        rows = slice(*candidates.indptr[[number, number + 1]].tolist())
        ids = tables.ids(self.campaign.offers, "offers", "offer")
        offers = ids.take(pa.array(candidates.offer[rows])).to_pylist()
        roles: list[str | None] = [None] * len(offers)
        if candidates.role is not None:
            roles = [(None, *ROLES)[code] for code in candidates.role[rows]]
        # worth something and in neither choice: the best one has no room for it
        left = np.flatnonzero(~given & ~best & (portfolio.reduced > 0))
        full = dict(zip(left.tolist(), portfolio.full(best, left), strict=True))
        decisions = []
        for e in range(len(portfolio)):
            swapped = np.flatnonzero(others[e] != best)
            instead = tuple(offers[other] for other in swapped.tolist() if other != e)
            margin = float(loss[e]) if possible[e] else None
            paid = self._payments(e)
            reason, named = self._reason(e, best, full.get(e, []), paid, instead, margin)
            decisions.append(
                Decision(
                    offers[e], roles[e], float(portfolio.value[e]), paid,
                    float(portfolio.reduced[e]), bool(given[e]), bool(best[e]), reason, named,
                    instead, margin,
                )
            )  # fmt: skip
        decisions.sort(key=lambda d: (not d.given, -d.reduced))
        worth_given = float(portfolio.reduced[given].sum())
        lost = float(worth[0]) - worth_given
        rounding = CLOSE * float(np.abs(portfolio.paid).sum() + np.abs(portfolio.value).sum())
        return Explanation(
            self.campaign.name,
            self.customer,
            tuple(decisions),
            float(portfolio.value[given].sum()),
            worth_given,
            lost if lost > rounding else 0.0,
        )

    def _payments(self, e: int) -> tuple[Payment, ...]:
        """What a candidate pays, by limit and group, the most first."""
        amounts: dict[int, float] = {}
        for row in np.flatnonzero(self.portfolio.paid[:, e]).tolist():
            number = int(self.limits.measure_of_row[row])
            amounts[number] = amounts.get(number, 0.0) + float(self.portfolio.paid[row, e])
        paid = [
            Payment(self.limits.measures[number].name, self.limits.measures[number].group, amount)
            for number, amount in amounts.items()
        ]
        return tuple(sorted(paid, key=lambda payment: -payment.amount))

    def _reason(
        self,
        e: int,
        best: NDArray[np.bool_],
        full: list[str],
        paid: tuple[Payment, ...],
        instead: tuple[Any, ...],
        margin: float | None,
    ) -> tuple[str, tuple[str, ...]]:
        """Why, and the limits or rules that say so."""
        if self.given[e] != best[e]:
            return self._moved(e, margin)
        would = ""
        if margin is not None:
            offers = ", ".join(map(repr, instead)) or "nothing"
            would = (
                f"{offers} {'would come' if best[e] else 'would go'} instead, {margin:,.4g} less"
            )
        if self.given[e]:
            return f"given: among its best{_then(would or 'nothing may come instead')}", ()
        if self.portfolio.reduced[e] > 0:
            if full:
                rules = ", ".join(map(repr, full))
                return f"not given: no room left under {rules}{_then(would)}", tuple(full)
            return f"not given: no room left under the rules together{_then(would)}", ()
        if paid and paid[0].amount > 0 and self.portfolio.value[e] > 0:
            most = paid[0]
            return (
                f"not given: worth less than nothing after prices, "
                f"{most.amount:,.4g} of them for limit {most.label}",
                (most.limit,),
            )
        return "not given: worth nothing", ()

    def _moved(self, e: int, margin: float | None) -> tuple[str, tuple[str, ...]]:
        """What repair changed, and which limits would not hold without that."""
        sign = -1.0 if self.given[e] else 1.0
        after = self.activity + sign * self.portfolio.weight[:, e]
        reasons, names = [], []
        for row, past in enumerate(_past(self.portfolio.problem, after, self.activity)):
            if past:
                number = int(self.limits.measure_of_row[row])
                measure = self.limits.measures[number]
                label = Payment(measure.name, measure.group, 0.0).label
                if self.limits.is_ratio[number]:
                    reasons.append(f"limit {label} would not hold")
                else:
                    bound = measure.max if past > 0 else measure.min
                    side = "above its max" if past > 0 else "below its min"
                    reasons.append(f"limit {label} would be {after[row]:,.8g}, {side} {bound:,.8g}")
                names.append(measure.name)
        done = "given" if self.given[e] else "not given"
        cost = "" if margin is None else f", which loses {margin:,.4g} at these prices"
        how = "without" if self.given[e] else "with"
        why = f"{how} it {' and '.join(reasons)}" if reasons else "no limit by itself asks for it"
        return f"{done}: moved by repair{cost}; {why}", tuple(dict.fromkeys(names))


def _then(text: str) -> str:
    return f"; {text}" if text else ""


def _past(problem: Problem, after: NDArray[np.float64], before: NDArray[np.float64]) -> list[int]:
    """For each hard row 1 where it would be above its maximum, -1 below its minimum, else 0; it changes."""
    slack = CLOSE * np.abs(np.nan_to_num(after))
    changed = problem.hard & (after != before)
    above = changed & (after > problem.upper + slack)
    below = changed & (after < problem.lower - slack)
    return (above.astype(int) - below.astype(int)).tolist()
