"""Why each of one customer's candidates was allocated or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.roles import ROLES
from ..model.campaign_data import CampaignData
from ..model.compiling.compile_limits import CompiledLimits
from ..results.beside.listed_backups import ListedBackup
from ..solver.problem import Problem
from .customer_subproblem import CustomerSubproblem
from .decisions import Decision, Explanation, Payment

ROUNDING = 1e-9
"""Share of a bound that sums may be past it by rounding."""


class _Named(NamedTuple):
    """What a candidate is called: its offer, its role, and in units whose it is."""

    offer: Any
    role: str | None
    customer: Any
    is_refund: bool = False

    def __str__(self) -> str:
        if self.is_refund:
            return str(self.offer)
        return repr(self.offer) + ("" if self.customer is None else f" for {self.customer!r}")


@dataclass(frozen=True)
class _Alternative:
    """A candidate in the customer's best choice, and in the best one with the candidate forced the other way.

    is_best: whether the best choice has it. blocking: rules without room for it beside the best choice. instead: what
    changes places with it. margin: reduced value that is lost by forcing it; None if the rules do not allow that.
    """

    is_best: bool
    blocking: tuple[str, ...]
    instead: tuple[_Named, ...]
    margin: float | None


@dataclass(frozen=True)
class Reasons:
    """Finds out why the candidates of one customer were allocated or not.

    Attributes
    ----------
    campaign : CampaignData
    customer : int or str
        Id of the customer.
    subproblem : CustomerSubproblem
        The customer's candidates at the prices of the result.
    limits : CompiledLimits
    allocated : ndarray of bool, shape (n_own,)
        Which of the candidates are in the allocation.
    activity : ndarray of float64, shape (n_rows,)
        Of the whole allocation; NaN where it is not known.
    moved_by : str
        What makes an allocation differ from best choices.
    backups : mapping of int to ListedBackup
        By place among the candidates.
    """

    campaign: CampaignData
    customer: Any
    subproblem: CustomerSubproblem
    limits: CompiledLimits
    allocated: NDArray[np.bool_]
    activity: NDArray[np.float64]
    moved_by: str = "repair"
    backups: Mapping[int, ListedBackup] = field(default_factory=dict)

    def explanation(self, number: int) -> Explanation:
        """Explain the customer.

        Parameters
        ----------
        number : int
            Number of the customer in `campaign`, or of its unit.

        Returns
        -------
        Explanation
            With a decision for each candidate.
        """
        subproblem, allocated = self.subproblem, self.allocated
        choices = subproblem.best_and_flipped()
        worth = choices @ subproblem.reduced
        named = self._names(number)
        alternatives = self._alternatives(choices, worth, named)
        decisions = [
            self._decision(e, named[e], alternatives[e])
            for e in range(len(subproblem))
            if not named[e].is_refund
        ]
        decisions.sort(key=lambda d: (not d.given, -d.reduced))
        worth_allocated = float(subproblem.reduced[allocated].sum())
        lost = float(worth[0]) - worth_allocated
        units = self.campaign.units
        # what a unit's messages cost, as far as it does not get it back, goes off what its coupons are worth
        refunds = float(subproblem.value[[name.is_refund for name in named]].sum())
        sizes = np.abs(subproblem.paid).sum() + np.abs(subproblem.value).sum()
        return Explanation(
            self.campaign.name,
            self.customer,
            tuple(decisions),
            float(subproblem.value[allocated].sum()) - refunds,
            worth_allocated - refunds,
            lost if lost > ROUNDING * float(sizes) else 0.0,
            "" if units is None else units.name(number, self.campaign.candidates.customers),
        )

    def _names(self, number: int) -> list[_Named]:
        """What each candidate of a customer, or of a unit, is called."""
        candidates = self.campaign.candidates
        rows = slice(*self.campaign.indptr[[number, number + 1]].tolist())
        ids = tables.ids(self.campaign.offers, "offers", "offer")
        offers = ids.take(pa.array(candidates.offer[rows])).to_pylist()
        roles: list[str | None] = [None] * len(offers)
        if candidates.role is not None:
            roles = [(None, *ROLES)[code] for code in candidates.role[rows]]
        whose: list[Any] = [None] * len(offers)
        if self.campaign.units is not None:
            customer = candidates.customer_of(np.arange(rows.start, rows.stop))
            whose = candidates.customers.take(pa.array(customer)).to_pylist()
        found = [_Named(*each) for each in zip(offers, roles, whose, strict=True)]
        left = len(self.subproblem) - len(found)
        return found + [_Named(f"a message less ({k + 1})", None, None, True) for k in range(left)]

    def _alternatives(
        self, choices: NDArray[np.bool_], worth: NDArray[np.float64], named: list[_Named]
    ) -> list[_Alternative]:
        """What would come of forcing each candidate the other way; `worth` is the reduced value of each choice."""
        best, flipped = choices[0], choices[1:]
        every = np.arange(len(best))
        possible = flipped[every, every] != best
        loss = np.where(possible, np.maximum(0.0, worth[0] - worth[1:]), np.inf)
        # worth something and in neither choice: the best one has no room for it
        left = np.flatnonzero(~self.allocated & ~best & (self.subproblem.reduced > 0))
        rules = self.subproblem.blocking_rules(best, left)
        blocking = dict(zip(left.tolist(), rules, strict=True))
        found = []
        for e in every.tolist():
            swapped = np.flatnonzero(flipped[e] != best).tolist()
            found.append(
                _Alternative(
                    bool(best[e]),
                    tuple(blocking.get(e, [])),
                    tuple(named[other] for other in swapped if other != e),
                    float(loss[e]) if possible[e] else None,
                )
            )
        return found

    def _decision(self, e: int, named: _Named, alternative: _Alternative) -> Decision:
        """What became of a candidate, and why."""
        subproblem, paid = self.subproblem, self._payments(e)
        if self.allocated[e] != alternative.is_best:
            reason, decided_by = self._moved_by_repair(e, alternative.margin)
        else:
            reason, decided_by = self._reason(e, paid, alternative)
        backup = self.backups.get(e)
        if backup is not None:
            reason += f"; backup {backup.rank}, should {_places(backup)} fall out"
        return Decision(
            offer=named.offer,
            role=named.role,
            value=float(subproblem.value[e]),
            paid=paid,
            reduced=float(subproblem.reduced[e]),
            given=bool(self.allocated[e]),
            best=alternative.is_best,
            reason=reason,
            decided_by=decided_by,
            instead=tuple(other.offer for other in alternative.instead if not other.is_refund),
            margin=alternative.margin,
            backup=None if backup is None else backup.rank,
            instead_of=() if backup is None else backup.instead_of,
            instead_of_customer=() if backup is None else backup.instead_of_customer,
            customer=named.customer,
            instead_for=tuple(
                other.customer for other in alternative.instead if other.customer is not None
            ),
        )

    def _payments(self, e: int) -> tuple[Payment, ...]:
        """What a candidate pays, by limit and group, the most first."""
        amounts: dict[int, float] = {}
        for row in np.flatnonzero(self.subproblem.paid[:, e]).tolist():
            number = int(self.limits.measure_of_row[row])
            amounts[number] = amounts.get(number, 0.0) + float(self.subproblem.paid[row, e])
        paid = [
            Payment(self.limits.measures[number].name, self.limits.measures[number].group, amount)
            for number, amount in amounts.items()
        ]
        return tuple(sorted(paid, key=lambda payment: -payment.amount))

    def _reason(
        self, e: int, paid: tuple[Payment, ...], alternative: _Alternative
    ) -> tuple[str, tuple[str, ...]]:
        """Why the best choice has a candidate or not, and the limits or rules that say so."""
        would, blocking = _consequence(alternative), alternative.blocking
        if self.allocated[e]:
            return f"given: among its best{_then(would or 'nothing may come instead')}", ()
        if self.subproblem.reduced[e] > 0:
            if blocking:
                rules = ", ".join(map(repr, blocking))
                return f"not given: no room left under {rules}{_then(would)}", blocking
            return f"not given: no room left under the rules together{_then(would)}", ()
        if paid and paid[0].amount > 0 and self.subproblem.value[e] > 0:
            most = paid[0]
            return (
                f"not given: worth less than nothing after prices, "
                f"{most.amount:,.4g} of them for limit {most.label}",
                (most.limit,),
            )
        return "not given: worth nothing", ()

    def _moved_by_repair(self, e: int, margin: float | None) -> tuple[str, tuple[str, ...]]:
        """What repair changed, and which limits would not hold without that."""
        sign = -1.0 if self.allocated[e] else 1.0
        after = self.activity + sign * self.subproblem.weight[:, e]
        reasons, names = [], []
        for row, side in enumerate(_violated(self.subproblem.problem, after, self.activity)):
            if side:
                number = int(self.limits.measure_of_row[row])
                measure = self.limits.measures[number]
                label = Payment(measure.name, measure.group, 0.0).label
                if self.limits.is_ratio[number]:
                    reasons.append(f"limit {label} would not hold")
                else:
                    bound = measure.max if side > 0 else measure.min
                    where = "above its max" if side > 0 else "below its min"
                    reasons.append(
                        f"limit {label} would be {after[row]:,.8g}, {where} {bound:,.8g}"
                    )
                names.append(measure.name)
        done = "given" if self.allocated[e] else "not given"
        cost = "" if margin is None else f", which loses {margin:,.4g} at these prices"
        how = "without" if self.allocated[e] else "with"
        why = f"{how} it {' and '.join(reasons)}" if reasons else "no limit by itself asks for it"
        return f"{done}: moved by {self.moved_by}{cost}; {why}", tuple(dict.fromkeys(names))


def _consequence(alternative: _Alternative) -> str:
    """What would come of forcing a candidate, in words; empty if the rules do not allow it."""
    if alternative.margin is None:
        return ""
    offers = ", ".join(map(str, alternative.instead)) or "nothing"
    verb = "would come" if alternative.is_best else "would go"
    return f"{offers} {verb} instead, {alternative.margin:,.4g} less"


def _places(backup: ListedBackup) -> str:
    """The coupons whose place a backup may take, in words."""
    whose = backup.instead_of_customer or (None,) * len(backup.instead_of)
    coupons = [_Named(*each) for each in zip(backup.instead_of, repeat(None), whose, strict=False)]
    return " or ".join(map(str, coupons))


def _then(text: str) -> str:
    return f"; {text}" if text else ""


def _violated(
    problem: Problem, after: NDArray[np.float64], before: NDArray[np.float64]
) -> list[int]:
    """For each hard row that changes: 1 if it would be above its maximum, -1 below its minimum, else 0."""
    slack = ROUNDING * np.abs(np.nan_to_num(after))
    changed = problem.hard & (after != before)
    above = changed & (after > problem.upper + slack)
    below = changed & (after < problem.lower - slack)
    sides: list[int] = (above.astype(int) - below.astype(int)).tolist()
    return sides
