"""What messages cost, recomputed from the coupons given: the first one of a unit, the second, and so on."""

from __future__ import annotations

import numpy as np

from ...data import tables
from ...model.rules import CustomerRule
from ..block import Block
from ..inputs import Inputs
from ..rounding import Floats, Integers


class CostOfMessages:
    """A rule that says what the k-th message costs.

    Parameters
    ----------
    rule : CustomerRule
    inputs : Inputs
        The tables of the campaign.
    """

    def __init__(self, rule: CustomerRule, inputs: Inputs):
        self._rule = rule
        cell, _, _ = inputs.groups(None, rule.where, rule.label)
        self._counts = np.isin(np.arange(len(inputs.cells)), cell)
        self._inside = inputs.customers.scope_of(rule)
        history, units = inputs.history, inputs.data.n_units
        self._had = np.bincount(history.unit[history.where(rule)], minlength=units)
        self._columns = [self._column(str(name), inputs) for name in rule.cost or ()]
        if not isinstance((rule.cost or (0.0,))[0], str):
            self._columns = [np.full(units, float(cost)) for cost in rule.cost or ()]

    def _column(self, name: str, inputs: Inputs) -> np.ndarray:
        """A cost of each unit: that of its first customer."""
        table = inputs.customers.table
        if table is None or name not in table.column_names:
            return np.zeros(inputs.data.n_units)
        of_rows = tables.numbers(table, "customers", name)
        found = of_rows[inputs.customers.rows(self._rule.label)]
        units = inputs.data.units
        return found if units is None else found[units.ptr[:-1]]

    def spent(self, block: Block, rows: Integers) -> list[float]:
        """Say what the messages of a block cost.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.

        Returns
        -------
        list of float
            Of each message.
        """
        own = slice(block.first_unit, block.last_unit)
        counted = rows[self._counts[block.cell(rows)]]
        given = np.bincount(block.unit[counted], minlength=block.n_units)
        had = self._had[own]
        inside = np.broadcast_to(self._inside, len(self._had))[own]
        found: list[float] = []
        for k, cost in enumerate(self._columns):
            pays = inside & (had <= k) & (k < had + given)
            found += cost[own][pays].tolist()
        return found

    def last(self, block: Block, given: Integers, rows: Integers) -> Floats:
        """Say what candidates' messages cost in the place of the last message that their unit is given.

        Parameters
        ----------
        block : Block
        given : ndarray of int64
            Rows of the allocated candidates.
        rows : ndarray of int64, shape (n,)
            Rows of candidates.

        Returns
        -------
        ndarray of float64, shape (n,)
            0 for those that do not count, and where none is given.
        """
        counted = given[self._counts[block.cell(given)]]
        messages = np.bincount(block.unit[counted], minlength=block.n_units)
        cost = self.of_messages(block, np.arange(block.n_units), messages - 1)
        of_unit = np.where(messages > 0, cost, 0.0)
        return np.where(self._counts[block.cell(rows)], of_unit[block.unit[rows]], 0.0)

    def of_messages(self, block: Block, unit: Integers, before: Integers) -> Floats:
        """Say what messages cost units that are given others before them.

        Parameters
        ----------
        block : Block
        unit : ndarray of int64, shape (n,)
            Whose message it is, counted from the block's first.
        before : ndarray of int64, shape (n,)
            How many others it is given.

        Returns
        -------
        ndarray of float64, shape (n,)
            Beyond the messages that there are costs for, what the last one costs.
        """
        own = slice(block.first_unit, block.last_unit)
        number = np.clip(self._had[own][unit] + before, 0, len(self._columns) - 1)
        cost = np.stack([column[own] for column in self._columns])[number, unit]
        inside = np.broadcast_to(self._inside, len(self._had))[own]
        return np.where(inside[unit], cost, 0.0)
