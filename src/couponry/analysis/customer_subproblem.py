"""The Lagrangian subproblem of one customer: its candidates at the prices of the limits.

Nothing is assumed of the rules: the engine is asked for nothing but the best choice under them. A candidate is forced
in by a value beyond all others', and kept out by the opposite. What either loses is the difference of two choices. All
questions about one customer go into one pass, over as many copies of the customer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.local import LocalEngine
from ..engines.subset import customers_of
from ..kernels import Backend, Rules, Shard
from ..solver.problem import Problem

PRICE_CELLS_OF_A_PASS = 1 << 22
"""Entries of the price tables of one pass, about: 16 MB, which any machine has."""


@dataclass(frozen=True)
class CustomerSubproblem:
    """The candidates of one customer, priced.

    Attributes
    ----------
    problem : Problem
        The campaign, or a part of it that has the customer.
    customer : int
        Number of the customer in `problem`.
    backend : Backend
    seed : int
    number : int
        Number of the customer in the whole campaign, which ties are broken by.
    value : ndarray of float64, shape (n_own,)
        Objective of each candidate.
    weight : ndarray of float64, shape (n_rows, n_own)
        What each candidate weighs in each row.
    paid : ndarray of float64, shape (n_rows, n_own)
        Prices times weights.
    reduced : ndarray of float64, shape (n_own,)
        Value less everything that is paid.
    """

    problem: Problem
    customer: int
    backend: Backend
    seed: int
    number: int
    value: NDArray[np.float64]
    weight: NDArray[np.float64]
    paid: NDArray[np.float64]
    reduced: NDArray[np.float64]

    @classmethod
    def at_prices(
        cls,
        problem: Problem,
        customer: int,
        prices: NDArray[np.float64],
        backend: Backend,
        seed: int,
        number: int | None = None,
    ) -> CustomerSubproblem:
        """Price a customer's candidates.

        Parameters
        ----------
        problem : Problem
        customer : int
        prices : ndarray of float64, shape (n_rows,)
            Signed.
        backend : Backend
        seed : int
        number : int, optional
            What ties are broken by; default: `customer`.
        """
        positions = np.arange(*problem.shard.indptr[[customer, customer + 1]])
        _, segments, items = problem.objective.shape
        cell = problem.cells(positions)
        value, weight = np.zeros(len(cell)), np.zeros((len(prices), len(cell)))
        for c in range(len(problem.objective)):
            amount = np.ones(len(cell))
            if c:
                amount = problem.attributes[c - 1][positions].astype(np.float64)
            value += problem.objective[c].ravel()[cell] * amount
            weight += problem.rows[:, c * segments * items + cell].toarray() * amount
        paid = prices[:, None] * weight
        number = customer if number is None else number
        return cls(
            problem, customer, backend, seed, number, value, weight, paid, value - paid.sum(axis=0)
        )

    def __len__(self) -> int:
        return len(self.value)

    @property
    def _alone(self) -> tuple[Shard, Rules]:
        """The customer's candidates and rules."""
        whose = np.array([self.customer])
        return customers_of(self.problem.shard, self.problem.rules, whose, self.backend)

    def best(self, values: NDArray[np.float64], rules: Rules | None = None) -> NDArray[np.bool_]:
        """Return the customer's best choice at each of several values of its candidates.

        Parameters
        ----------
        values : ndarray of float64, shape (n_questions, n_own)
        rules : Rules, optional
            The customer's rules, or some of them; default: all of them.

        Returns
        -------
        ndarray of bool, shape (n_questions, n_own)
        """
        rules = self._alone[1] if rules is None else rules
        items = self.problem.objective.shape[2]
        size = max(1, PRICE_CELLS_OF_A_PASS // items)
        parts = [values[at : at + size] for at in range(0, len(values), size)]
        return np.concatenate([self._best(part, rules) for part in parts])

    def _best(self, values: NDArray[np.float64], rules: Rules) -> NDArray[np.bool_]:
        """The best choices, by one pass over copies of the customer."""
        copies = len(values)
        shard, theirs = customers_of(
            self._alone[0], rules, np.zeros(copies, np.int64), self.backend
        )
        segment = np.arange(copies).astype(np.uint16)  # each copy has prices of its own
        shard = shard._replace(first=self.number, segment=segment)
        price = np.zeros(
            (1 + len(shard.quantity), copies, self.problem.objective.shape[2]), np.float32
        )
        price[0][np.arange(copies)[:, None], shard.item.reshape(copies, -1)] = values
        engine = LocalEngine(shard, theirs, self.backend, 1, self.seed)
        chosen, _ = engine.choose(price)
        return chosen.reshape(copies, -1).astype(bool)

    def dominating_value(self) -> float:
        """Return a value that outweighs everything that the customer has.

        Returns
        -------
        float
            In the unit of the objective.
        """
        return 4.0 * float(np.abs(self.reduced).sum()) + 1.0

    def best_and_flipped(self) -> NDArray[np.bool_]:
        """Return the best choice, and the best one with each candidate in turn forced the other way.

        Returns
        -------
        ndarray of bool, shape (1 + n_own, n_own)
        """
        best = self.best(self.reduced[None])
        values = np.tile(self.reduced, (len(self), 1))
        forced = np.where(best[0], -self.dominating_value(), self.dominating_value())
        np.fill_diagonal(values, forced)
        return np.concatenate([best, self.best(values)])

    def blocking_rules(self, held: NDArray[np.bool_], among: NDArray[np.int64]) -> list[list[str]]:
        """Return the rules that leave no room for some candidates beside those that are held.

        Parameters
        ----------
        held : ndarray of bool, shape (n_own,)
        among : ndarray of int64, shape (n,)
            The candidates to look at.

        Returns
        -------
        list of list of str
            Names of rules for each of them.
        """
        names = self.problem.rule_names.for_customer(self.customer)
        blocking: list[list[str]] = [[] for _ in among]
        if len(among) == 0:
            return blocking
        wanted = np.tile(held, (len(among), 1))
        wanted[np.arange(len(among)), among] = True
        values = np.where(wanted, 1.0, -1.0)
        shard, rules = self._alone
        for name in dict.fromkeys(names.all_names()):
            one_rule = names.kept(rules, [name], shard.indptr)
            kept = (self.best(values, one_rule) | ~wanted).all(axis=1)
            for which in np.flatnonzero(~kept).tolist():
                blocking[which].append(name)
        return blocking
