"""A rule that says what the k-th message costs, looked up for all units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....data import tables
from ....solver.rule_names import UNLIMITED
from ....utils.errors import InvalidInput
from ...arguments.message_costs import WHY_NOT_LESS
from ...customers import Customers, check_column
from ...rules import CustomerRule


@dataclass(frozen=True)
class CostRule:
    """A rule that says what the k-th message costs.

    Attributes
    ----------
    number : int
        Of the rule.
    rule : CustomerRule
    cost : ndarray of float64, shape (n_units or 1, n_messages)
        Of the first message, the second, and so on.
    had : ndarray of int64, shape (n_units,)
        Messages that each unit has had and that count.
    inside : ndarray of bool, shape (n_units or 1,)
        Units that the rule is about.
    first : int
        Number of its first refund among all refunds.
    """

    number: int
    rule: CustomerRule
    cost: NDArray[np.float64]
    had: NDArray[np.int64]
    inside: NDArray[np.bool_]
    first: int

    @property
    def messages(self) -> int:
        """How many messages there are costs for."""
        return int(self.cost.shape[1])

    @property
    def cap(self) -> NDArray[np.int32]:
        """Coupons and refunds of each unit, at most, shape (n_units or 1,)."""
        left = np.maximum(0, self.messages - self.had) if self.had.any() else self.messages
        return np.where(self.inside, left, UNLIMITED).astype(np.int32).reshape(-1)

    def spent(self, given: NDArray[np.int64], units: slice) -> NDArray[np.float64]:
        """Say what messages of units in a row cost.

        Parameters
        ----------
        given : ndarray of int64, shape (n_units,)
            Messages of each, beside those that it has had.
        units : slice

        Returns
        -------
        ndarray of float64, shape (n_units,)
        """
        cost = self.cost if len(self.cost) == 1 else self.cost[units]
        total = np.zeros((len(cost), self.messages + 1))
        np.cumsum(cost, axis=1, out=total[:, 1:])
        row = np.arange(len(given)) if len(cost) > 1 else 0
        before = np.minimum(self.had[units], self.messages)
        after = np.minimum(self.had[units] + given, self.messages)
        return np.where(self._inside(units), total[row, after] - total[row, before], 0.0)

    def last(self, units: slice, given: NDArray[np.int64]) -> NDArray[np.float64]:
        """Say what the last message costs of units in a row.

        Parameters
        ----------
        units : slice
        given : ndarray of int64, shape (n_units,)
            Messages of each, beside those that it has had.

        Returns
        -------
        ndarray of float64, shape (n_units,)
            0 for a unit that is given none, and for one that the rule is not about.
        """
        number = np.clip(self.had[units] + given - 1, 0, self.messages - 1)
        cost = self.costs_of(units)[np.arange(len(given)), number]
        return np.where(self._inside(units) & (given > 0), cost, 0.0)

    def left(self, units: slice, given: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which messages units in a row have not had, whose costs they get back.

        Parameters
        ----------
        units : slice
        given : ndarray of int64, shape (n_units,)
            Messages of each, beside those that it has had.

        Returns
        -------
        ndarray of bool, shape (n_units, n_messages)
            All of them for a unit that the rule is not about.
        """
        spent = np.where(self._inside(units), self.had[units] + given, 0)
        return np.asarray(np.arange(self.messages) >= spent[:, None])

    def costs_of(self, units: slice) -> NDArray[np.float64]:
        """Say what each message costs units in a row.

        Parameters
        ----------
        units : slice

        Returns
        -------
        ndarray of float64, shape (n_units, n_messages)
        """
        return np.broadcast_to(self.cost, (len(self.had), self.messages))[units]

    def _inside(self, units: slice) -> NDArray[np.bool_]:
        """Which of some units in a row the rule is about."""
        return np.broadcast_to(self.inside, len(self.had))[units]

    def constant(self, units: slice) -> NDArray[np.float64]:
        """Say what refunds come to that units in a row do not give back: of all messages that they have not had.

        Parameters
        ----------
        units : slice

        Returns
        -------
        ndarray of float64, shape (n_units,)
        """
        costs = self.costs_of(units)
        all_of_them = self.spent(np.full(len(costs), self.messages), units)
        return np.where(self._inside(units), all_of_them, np.cumsum(costs, axis=1)[:, -1])


def costs_of(customers: Customers, rule: CustomerRule) -> NDArray[np.float64]:
    """Look up what a rule says that messages cost.

    Parameters
    ----------
    customers : Customers
    rule : CustomerRule
        With costs.

    Returns
    -------
    ndarray of float64, shape (n_units or 1, n_messages)

    Raises
    ------
    InvalidInput
        Where a column is missing, or a customer's costs fall.
    """
    costs = rule.cost or ()
    if not isinstance(costs[0], str):
        return np.array([costs], np.float64)
    by_whom = f"{rule.label}: cost"
    rows, found = customers.rows(by_whom), []
    before = np.zeros(1)
    for name in map(str, costs):
        check_column(customers.table, name, by_whom)
        values = tables.numbers(customers.table, "customers", name)
        wrong = values < before
        if wrong.any():
            row = int(wrong.argmax())
            least = before[row] if len(before) > 1 else 0.0
            raise InvalidInput(
                f"table customers, column {name!r}, row {row}: expected at least {least:g} for {by_whom}, "
                f"got {values[row]:g}: {WHY_NOT_LESS}"
            )
        before = values
        found.append(customers.for_rule(values[rows], rule, f"cost {name!r}"))
    return np.stack(found, axis=1)
