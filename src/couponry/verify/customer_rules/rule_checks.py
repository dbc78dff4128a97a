"""Checks customer rules: no `max` or conflict is violated, and nobody is shorter of a `min` than the rules force.

Rules are read once for all customers; `RuleChecks.check` holds the customers of a block to them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from ...model.compiling.row_rules.circles import RequiredScope, refuse_circles_of_rules
from ...model.rule_bounds import refuse_contradictions
from ...model.rules import CustomerRule
from ..block import Addition, Block
from ..claims import COUNT, Claims, Tally
from ..inputs import Inputs
from ..rounding import Integers
from .bounded_rule import BoundedRule, bounded_rule, counts_in, distinct
from .conflict_pairs import ConflictPairs, conflict_pairs
from .measured_rule import MeasuredRule, measured_rule
from .minimums import RulesOfBlock, below_min, fewer_than_possible, shorter_than_forced
from .required_pairs import requirements

OF_UNITS = CustomerRule()
"""Any rule about what units get together."""


class RuleChecks:
    """Holds customers to the customer rules, a block at a time.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.

    Attributes
    ----------
    bounded : list of BoundedRule
        Rules with bounds.
    has_conflicts, has_mandatory : bool
        Whether offers are in conflict, or some must be given.
    """

    def __init__(self, inputs: Inputs):
        self._inputs = inputs
        rules = inputs.data.rules
        history = inputs.history  # before customers, as by a solve
        refuse_contradictions(rules, inputs.customers)
        counting = [rule for rule in rules if rule.has_bounds and not rule.is_measured]
        self.bounded = [bounded_rule(rule, inputs) for rule in map(_with_max, counting)]
        self._conflicts = [conflict_pairs(r, inputs) for r in rules if r.conflicts is not None]
        self._measured = [measured_rule(rule, inputs) for rule in rules if rule.is_measured]
        self._required = [requirements(r, inputs) for r in rules if r.requires is not None]
        scopes = [
            RequiredScope.of(r.rule, r.pairs.offer, r.pairs.required, r.inside, inputs.data.units)
            for r in self._required
        ]
        refuse_circles_of_rules(scopes, inputs.offers)
        self.has_conflicts = bool(self._conflicts)
        self.has_mandatory = inputs.data.candidates.mandatory is not None
        with_min = ", ".join(repr(rule.name) for rule in counting if rule.min is not None)
        self._with_min = f"customer_rule {with_min}: " if with_min else ""
        plain = all(part.rule.min is None or part.is_about_all for part in self.bounded)
        plain = plain and all(part.code is not None for part in self.bounded)
        plain = plain and all(part.rule.each is None for part in self.bounded)
        others = self._conflicts or self._measured or self._required
        self.is_plain = plain and not others and not len(history)
        self._without = self._short = self._with_coupons = 0

    def examine(self, block: Block, rows: Integers, tally: Tally) -> Addition:
        """Check the allocated candidates of a block.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.
        tally : Tally
            Receives the customers for whom a rule does not hold.

        Returns
        -------
        Addition
        """
        rules = self.of_block(block)
        counts = rules.counts(block, rows)
        for part, (key, count) in zip(rules.bounded, counts, strict=True):
            self._note(*_over_most(part, key, count), block, tally, part.rule)
        for pairs in rules.conflicts:
            for problem, who in _in_conflict(pairs, block, rows):
                self._note(problem, who, block, tally, pairs.rule)
        once = np.unique(rows)  # what is given twice counts once
        for measured in rules.measured:
            outside = f"{measured.rule.label}: {COUNT} customers are outside {_bounds_of(measured)}"
            self._note(outside, measured.outside(block, once), block, tally, measured.rule)
        for needs in rules.required:
            without_it = (
                f"{needs.rule.label}: {COUNT} customers lack what an offer of theirs requires"
            )
            self._note(without_it, needs.broken(block, once), block, tally, needs.rule)
        given = np.zeros(len(block), bool)
        given[rows] = True
        without = distinct(block.unit[block.mandatory[~given[block.mandatory]]])[0]
        short = below_min(rules, counts, block)
        numbers = len(distinct(block.customer[rows])[0]), len(without), int(short.sum())
        if self.is_plain and not self.has_mandatory:
            too_few = fewer_than_possible(rules, block, rows, short)
            fewer = f"{COUNT} customers have fewer coupons than min and than they can have"
        else:
            if len(once) < len(rows):
                short = below_min(rules, rules.counts(block, once), block)
            short[without] = True
            too_few = shorter_than_forced(rules, block, once, short)
            fewer = (
                f"{COUNT} customers miss more of their minimums or mandatory offers than they must"
            )
        self._note(f"{self._with_min}{fewer}", too_few, block, tally, admitted="customers_cut_off")
        return partial(self._add, *numbers)

    def _add(self, with_coupons: int, without: int, short: int) -> None:
        self._with_coupons += with_coupons
        self._without += without
        self._short += short

    def finish(self, claims: Claims) -> None:
        """Compare the numbers of customers who got coupons, or lack something, with what is claimed.

        Parameters
        ----------
        claims : Claims
            Receives what is true, and the problems found.
        """
        claims.check("customers_with_coupons", self._with_coupons)
        claims.check("customers_without_mandatory", self._without)
        claims.check("customers_below_min", self._short)

    def _note(
        self,
        problem: str,
        who: Integers,
        block: Block,
        tally: Tally,
        rule: CustomerRule = OF_UNITS,
        admitted: str | None = None,
    ) -> None:
        """Note that a rule does not hold for some units, or customers where it holds for each.

        admitted: key of result.json that says for how many it need not.
        """
        said = ""
        if len(who):
            number = block.holders(rule).start + int(who[0])
            said = self._inputs.customers.naming(rule)(number).removeprefix("customer ")
        tally.add(problem, len(who), f", first {said}" if said else "", admitted=admitted)

    def of_block(self, block: Block) -> RulesOfBlock:
        """Return the rules for the customers of a block, who count from 0.

        Parameters
        ----------
        block : Block

        Returns
        -------
        RulesOfBlock
        """
        return RulesOfBlock(
            [part.of_block(block) for part in self.bounded],
            [pairs.of_block(block) for pairs in self._conflicts],
            [measured.of_block(block) for measured in self._measured],
            [needs.of_block(block) for needs in self._required],
        )


def _with_max(rule: CustomerRule) -> CustomerRule:
    """A rule as bounds: costs of messages allow as many as there are."""
    return rule if rule.cost is None else replace(rule, max=len(rule.cost), cost=None)


def _bounds_of(measured: MeasuredRule) -> str:
    """The bounds of a rule about a sum or different values, in words."""
    rule = measured.rule
    bounds = [
        f"{key} {getattr(rule, key)}" for key in ("min", "max") if getattr(rule, key) is not None
    ]
    of = f"of sum {rule.sum!r}" if rule.sum is not None else f"of different {rule.distinct!r}"
    return f"{', '.join(bounds)} {of}"


def _over_most(part: BoundedRule, key: Integers, count: Integers) -> tuple[str, Integers]:
    """The customers who have more than a rule's `max`, and how that is said."""
    who = key // part.groups
    over = who[count > np.maximum(0, part.most[who] - counts_in(part.had, key))]
    over = distinct(over)[0]
    rule = part.rule
    bound = f"max {rule.max}"
    bound += f" for one {rule.by}" if rule.by else ""
    bound += f" in {rule.window} days" if rule.window is not None else ""
    bound += " for each" if rule.each is not None else ""
    return f"{rule.label}: {COUNT} customers have more than {bound}", over


def _in_conflict(pairs: ConflictPairs, block: Block, rows: Integers) -> list[tuple[str, Integers]]:
    """Who has two offers in conflict, or one in conflict with the history, and how that is said."""
    label, n_offers = pairs.rule.label, pairs.n_offers
    once = distinct(rows)[0]
    offer, holder = block.offer[once].astype(np.int64), block.holder(pairs.rule)[once]
    which, other = pairs.against(holder, offer)
    given = np.sort(holder * n_offers + offer)
    # an offer in conflict with itself is so with another customer's of the unit
    allowed = (other == offer[which]).astype(np.int64)
    both = counts_in(given, holder[which] * n_offers + other) > allowed
    again = pairs.barred(holder, offer)
    return [
        (
            f"{label}: {COUNT} customers have two offers in conflict",
            distinct(np.sort(holder[which[both]]))[0],
        ),
        (
            f"{label}: {COUNT} customers have an offer in conflict with their history",
            distinct(np.sort(holder[again]))[0],
        ),
    ]
