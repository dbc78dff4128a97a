"""Rules about sums and different values, read for all customers, and who is outside their bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...model.rule_bounds import sums_of
from ...model.rules import CustomerRule
from ..block import Block
from ..inputs import Inputs
from ..rounding import Floats, Integers, sum_by
from .bounded_rule import BoundedRule, bounded_rule, distinct, grouped, is_in
from .linear_bounds import LinearDraft

ROUNDING = 2e-9
"""Share of a sum, each amount by its size, that it may be off: amounts are counted in multiples of a resolution."""


@dataclass(frozen=True)
class MeasuredRule:
    """A rule about a sum, or about how many different values there are.

    Attributes
    ----------
    groups : BoundedRule
        Its groups, and its bounds; infinite ones: there is none.
    value_of_cell : ndarray of int64, shape (n_cells,)
        Number of each cell's value, where they are counted; -1: it has none.
    values : int
        How many values there are, at least 1.
    had : ndarray of int64, shape (n_had,)
        Ascending keys (unit or customer * groups + group) of what they have had.
    had_amount : ndarray of float64, shape (n_had,)
        What each of it adds to the sum, or the number of its value.
    """

    groups: BoundedRule
    value_of_cell: Integers
    values: int
    had: Integers
    had_amount: Floats

    @property
    def rule(self) -> CustomerRule:
        """The rule."""
        return self.groups.rule

    def of_block(self, block: Block) -> MeasuredRule:
        """Return the rule for the customers of a block.

        Parameters
        ----------
        block : Block

        Returns
        -------
        MeasuredRule
            Customers and units count from the block's first.
        """
        theirs = block.holders(self.rule)
        ends = np.array([theirs.start, theirs.stop]) * self.groups.groups
        own = slice(*np.searchsorted(self.had, ends))
        return replace(
            self,
            groups=self.groups.of_block(block),
            had=self.had[own] - theirs.start * self.groups.groups,
            had_amount=self.had_amount[own],
        )

    def outside(self, block: Block, rows: Integers) -> Integers:
        """Find units, or customers, whose coupons come to less than the least, or to more than the most.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.

        Returns
        -------
        ndarray of int64
            Those of the block whom the rule holds for, ascending.
        """
        holder = block.holder(self.rule)
        keys, which = self.groups.keys(holder[rows], block.cell(rows))
        key, place = np.unique(keys, return_inverse=True)
        who = key // self.groups.groups
        least, most = self.groups.least[who], self.groups.most[who]
        if self.rule.sum is not None:
            held, size_held = self._held(key)
            amount = block.column(self.rule.sum, rows, self.rule.label)[which]
            total = held + sum_by(place, amount, len(key))
            off = ROUNDING * (size_held + sum_by(place, np.abs(amount), len(key)))
            low, high = least - off - _share(least), most + off + _share(most)
        else:
            value = self.value_of_cell[block.cell(rows)[which]]
            total = self._different(key, keys[value >= 0], value[value >= 0]).astype(float)
            low, high = self._bounds(block, key)
        return distinct(who[(total < low) | (total > high)])[0]

    def _held(self, key: Integers) -> tuple[Floats, Floats]:
        """What the history adds to the sum of each group, and how large that is."""
        place = np.searchsorted(key, self.had)
        there = place < len(key)
        there[there] = key[place[there]] == self.had[there]
        place, amount = place[there], self.had_amount[there]
        return sum_by(place, amount, len(key)), sum_by(place, np.abs(amount), len(key))

    def _pairs_had(self) -> Integers:
        """Ascending numbers of groups and values that customers have had, each once."""
        known = self.had_amount >= 0
        return np.unique(self.had[known] * self.values + self.had_amount[known].astype(np.int64))

    def _different(self, key: Integers, keys: Integers, value: Integers) -> Integers:
        """How many different values each group has that whoever it is of has not had."""
        pairs = np.unique(keys * self.values + value)
        pairs = pairs[~is_in(self._pairs_had(), pairs)]
        return np.bincount(np.searchsorted(key, pairs // self.values), minlength=len(key))

    def _bounds(self, block: Block, key: Integers) -> tuple[Floats, Floats]:
        """Bounds of the number of different values, less those had, as far as candidates of the group have them."""
        who = key // self.groups.groups
        had = self._pairs_had() // self.values
        held = np.searchsorted(had, key, side="right") - np.searchsorted(had, key, side="left")
        holder = block.holder(self.rule)
        mine = np.flatnonzero(np.isin(holder, who))
        keys, which = self.groups.keys(holder[mine], block.cell(mine))
        value = self.value_of_cell[block.cell(mine)[which]]
        there = (value >= 0) & is_in(key, keys)
        possible = self._different(key, keys[there], value[there])
        low = np.minimum(self.groups.least[who] - held, possible)
        return low, np.maximum(0, self.groups.most[who] - held)

    def add_to(self, draft: LinearDraft, block: Block, rows: Integers) -> None:
        """Add the rule as linear bounds on some candidates.

        Parameters
        ----------
        draft : LinearDraft
        block : Block
        rows : ndarray of int64
            Rows of all candidates of some units.
        """
        keys, which = self.groups.keys(block.holder(self.rule)[rows], block.cell(rows))
        order = np.argsort(keys, kind="stable")
        key, first = np.unique(keys[order], return_index=True)
        who = key // self.groups.groups
        unit = block.unit_of_holder(self.rule, who)
        least, most = self.groups.least[who], self.groups.most[who]
        held = np.zeros(len(key))
        if self.rule.sum is not None:
            held, _ = self._held(key)
            least, most = least - _share(least), most + _share(most)
        elif len(key):
            least, most = self._bounds(block, key)
        members_of = np.split(rows[which[order]], first[1:]) if len(key) else []
        for n, members in enumerate(members_of):
            row, weight = members, np.ones(len(members))
            if self.rule.sum is not None:
                weight = block.column(self.rule.sum, members, self.rule.label)
            else:
                row = self._values_of(draft, int(unit[n]), int(key[n]), block, members)
                weight = np.ones(len(row))
            for sign, bound in ((1.0, least[n] - held[n]), (-1.0, held[n] - most[n])):
                if np.isinf(bound):
                    continue
                if bound <= 0:  # nothing is within the bound
                    draft.add(int(unit[n]), row, sign * weight, -bound)
                    continue
                for member in members:
                    draft.add(
                        int(unit[n]), np.append(row, member), np.append(sign * weight, -bound)
                    )

    def _values_of(
        self, draft: LinearDraft, unit: int, key: int, block: Block, members: Integers
    ) -> Integers:
        """A helping variable for each value of a group's candidates: whether something of it is given."""
        value = self.value_of_cell[block.cell(members)]
        helpers = []
        for v in np.unique(value[value >= 0]):
            if is_in(self._pairs_had(), np.array([key * self.values + v]))[0]:
                continue
            helper, of_value = draft.helper(), members[value == v]
            helpers.append(helper)
            draft.add(unit, np.append(of_value, helper), np.append(np.ones(len(of_value)), -1.0))
            for member in of_value:
                draft.add(unit, np.array([helper, member]), np.array([1.0, -1.0]))
        return np.array(helpers, np.int64)


def _share(bound: Floats) -> Floats:
    """What rounding may take off a bound; nothing of one that is infinite."""
    return np.where(np.isfinite(bound), ROUNDING * np.abs(np.nan_to_num(bound)), 0.0)


def measured_rule(rule: CustomerRule, inputs: Inputs) -> MeasuredRule:
    """Read a rule about a sum, or about different values, and what the history has of it.

    Parameters
    ----------
    rule : CustomerRule
    inputs : Inputs
        The tables of the campaign.

    Returns
    -------
    MeasuredRule
        For all units.
    """
    history = inputs.history
    groups = bounded_rule(replace(rule, min=None, max=None), inputs)
    _, _, row, group_of_row, _ = grouped(rule, inputs)
    value_of_cell, values = np.zeros(0, np.int64), 1
    n = inputs.data.n_units if rule.each is None else len(inputs.customer_ids)
    if rule.sum is not None:
        inputs.refuse_missing(rule.sum, f"{rule.label}: sum")
        least, most = sums_of(inputs.customers, rule)
        amount = history.amounts(rule, inputs.customers)
    else:
        whole = inputs.customers.bounds_of(rule)
        least = np.where(rule.min is None, -np.inf, whole[0].astype(float))
        most = np.where(rule.max is None, np.inf, whole[1].astype(float))
        cell, code, known = inputs.groups(rule.distinct, {}, rule.label)
        value_of_cell, values = np.full(len(inputs.cells), -1), max(1, len(known))
        value_of_cell[cell] = code
        amount = np.full(len(history), -1.0)
        had, code = history.groups(str(rule.distinct), known)
        amount[had] = code
    key = history.whose(rule)[row] * groups.groups + group_of_row
    order = np.argsort(key, kind="stable")
    bounds = replace(
        groups, rule=rule, least=np.broadcast_to(least, n), most=np.broadcast_to(most, n)
    )
    return MeasuredRule(bounds, value_of_cell, values, key[order], amount[row][order])
