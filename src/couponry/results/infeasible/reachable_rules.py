"""How far bounds of customer rules would have to give way so that the other members of a conflict may hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...engines.protocol import Engine
from ...kernels import Backend
from ...model.compiled_campaign import CompiledCampaign, compile_campaign
from ...model.compiling.row_rules.rule_amounts import RuleAmount
from ...model.customers import Customers
from ...model.rules import CustomerRule
from ...solver.infeasibility.highs_prover import HighsProver
from ...solver.infeasibility.infeasible_set import InfeasibleSet
from ...solver.options import SolverOptions
from ...utils.clock import Clock
from ...utils.errors import InvalidInput, OutOfTime

ASKED_OF_RULES = ("min", "max", "by", "window", "within")
"""What a rule of a conflict is said to ask."""

MOST_DOUBLINGS = 20
"""Of the distance from what a rule asks: further away nothing is looked for."""

CLOSE = 1e-2
"""Share of what a sum is asked for by which the end that is found may be nearer than what is reachable."""


FINEST_UNIT = 1e-5
"""Share of what a sum is asked for: what is found is a whole multiple of a rule's resolution that is not below it."""


class RuleRanges:
    """Changes bounds of rules, and asks HiGHS whether the other members of the conflict can then hold.

    Parameters
    ----------
    compiled : CompiledCampaign
    certificate : InfeasibleSet
        Limits and rules that cannot hold together.
    engine : Engine
    backend : Backend
        Of the solve.
    clock : Clock
    options : SolverOptions
    """

    def __init__(
        self,
        compiled: CompiledCampaign,
        certificate: InfeasibleSet,
        engine: Engine,
        backend: Backend,
        clock: Clock,
        options: SolverOptions,
    ):
        self._compiled, self._certificate = compiled, certificate
        self._engine, self._backend = engine, backend
        self._clock, self._options = clock, options
        self._rows = np.array([bound.row for bound in certificate.bounds], np.int64)

    def reachable(self, rule: CustomerRule) -> dict[str, float]:
        """Find the least `max`, and the largest `min`, with which the others may hold.

        Parameters
        ----------
        rule : CustomerRule
            A member of the conflict.

        Returns
        -------
        dict of str to float
            By "max" and "min", as far as they are numbers and stand in the way; nothing in large campaigns, and
            where a time limit or the work that may be spent on it ended the search. Of a sum, or where HiGHS does not
            come to an end, what is found may be nearer to what is asked than what is reachable is; not so whole
            numbers, and sums whose resolution the rule says.
        """
        if self._compiled.problem.candidates > self._options.sizes.tiny_candidates:
            return {}
        found = {}
        for side in ("max", "min"):
            asked = getattr(rule, side)
            if not rule.has_bounds or rule.cost is not None or isinstance(asked, str | None):
                continue
            try:
                end = self._end(rule, side, asked)
            except OutOfTime:
                return {}
            if end is not None:
                found[side] = end
        return found

    def _end(self, rule: CustomerRule, side: str, asked: float) -> float | None:
        """The bound nearest to what is asked with which the others may hold; None where none does."""
        sign, unit = 1 if side == "max" else -1, self._unit(rule, asked)
        of_unit = 1.0 if unit is None else unit
        room = np.inf
        if rule.sum is None:
            most = int(np.diff(self._compiled.problem.shard.indptr).max(initial=0))
            room = float(asked) if sign < 0 else float(max(0, most - asked))

        def bound(distance: float) -> float:
            if unit is None:
                return asked + sign * distance
            number = round(asked / unit) + sign * int(distance)
            return number if unit == 1.0 else float(f"{number * unit:.15g}")

        def holds(distance: float) -> bool:
            changed: dict[str, Any] = {side: bound(distance)}
            return self._may_hold(rule, replace(rule, **changed))

        step = 1.0 if unit == 1.0 else (abs(asked) or rule.resolution_of_sum) / of_unit
        step = step if unit is None else max(1.0, float(np.floor(step)))
        near, far = 0.0, min(step, room)
        for _ in range(MOST_DOUBLINGS):
            if far <= near:
                return None
            if holds(far):
                close = CLOSE * step if unit is None else 1.0
                return float(bound(_nearest(near, far, close, unit is not None, holds)))
            near, far = far, min(2.0 * far, room)
        return None

    def _unit(self, rule: CustomerRule, asked: float) -> float | None:
        """What all that a rule bounds, and its bound, are whole multiples of, as far as that is known."""
        unit = 1.0 if self._is_whole(rule) else rule.resolution
        if unit is None or unit < FINEST_UNIT * abs(asked):
            return None
        number = asked / unit
        return unit if abs(number - round(number)) <= 1e-9 * max(1.0, abs(number)) else None

    def _is_whole(self, rule: CustomerRule) -> bool:
        """Whether a rule counts something, or sums whole numbers."""
        if rule.sum is None:
            return True
        campaign, items = self._compiled.campaign, self._compiled.items
        candidates = campaign.candidates
        customers = Customers(campaign.customers, candidates.customers, campaign.units)
        amount = RuleAmount.of(rule, items, candidates, customers)
        if not amount.is_of_candidates(candidates):
            return bool((amount.of_items(items) % 1 == 0).all())
        return bool((amount.of_candidates(candidates, items, customers) % 1 == 0).all())

    def _may_hold(self, rule: CustomerRule, changed: CustomerRule) -> bool:
        """Whether nobody proves that the conflict stays one with another rule in place of one of its members."""
        work = self._certificate.work
        if work is not None:
            work.check()
        campaign = self._compiled.campaign
        rules = tuple(changed if other is rule else other for other in campaign.rules)
        try:
            compiled = compile_campaign(replace(campaign, rules=rules), self._backend, refuse=False)
        except InvalidInput:  # another rule contradicts the bound
            return False
        problem, nodes = compiled.problem, self._options.conflict.range_nodes
        engine = self._engine.with_rules(problem.rules)
        prover = HighsProver(problem, engine, self._clock, self._options, nodes, work)
        kept = problem.kept_rules(self._certificate.rules)
        return prover.proof(self._rows, kept) is None


def _nearest(
    near: float, far: float, close: float, whole: bool, holds: Callable[[float], bool]
) -> float:
    """The least whole distance that holds, where `near` does not and `far` does; else the largest that does not."""
    while far - near > close:
        middle = (near + far) / 2.0
        middle = float(np.floor(middle)) if whole else middle
        near, far = (near, middle) if holds(middle) else (middle, far)
    return far if whole else near


def asked_of(rule: CustomerRule | None, name: str, ranges: RuleRanges | None) -> dict[str, Any]:
    """Say what a customer rule of a conflict asks, and what of it is reachable.

    Parameters
    ----------
    rule : CustomerRule or None
        None: what the member stands for is no rule of its own, as mandatory offers.
    name : str
        Of the member.
    ranges : RuleRanges or None

    Returns
    -------
    dict
        The entry of infeasible.json.
    """
    asked = {} if rule is None else {key: getattr(rule, key) for key in ASKED_OF_RULES}
    entry = {"customer_rule": name, **{key: v for key, v in asked.items() if v is not None}}
    found = {} if rule is None or ranges is None else ranges.reachable(rule)
    return entry | ({"reachable": found} if found else {})
