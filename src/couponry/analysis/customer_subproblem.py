"""One customer's candidates at the prices of the limits: what each is worth, pays and stands against.

Nothing is assumed of the rules: all that is asked of the engine is the best choice under them. What forces a
candidate in is a value beyond all others', what keeps it out the opposite, and what either loses is the difference of
two choices. All of one customer's questions go into one pass, over as many copies of the customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.local import LocalEngine
from ..engines.subset import customers_of
from ..kernels import Backend, Rules, Shard
from ..solver.problem import Problem

CELLS = 1 << 22  # of the price tables of one pass, about


@dataclass(frozen=True)
class Portfolio:
    """The candidates of customer number `customer` of a problem, at positions `first` and after; e of them.

    value: (e), objective. weight: (L, e), of each row. paid: (L, e), prices times weights. reduced: (e), what is left.
    """

    problem: Problem
    customer: int
    backend: Backend
    seed: int
    number: int  # of the customer in the whole campaign
    value: NDArray[np.float64]
    weight: NDArray[np.float64]
    paid: NDArray[np.float64]
    reduced: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        problem: Problem,
        customer: int,
        prices: NDArray[np.float64],
        backend: Backend,
        seed: int,
        number: int | None = None,
    ) -> Portfolio:
        """prices: (L), signed. number: what ties are broken by, where it is not `customer`."""
        positions = np.arange(*problem.shard.indptr[[customer, customer + 1]])
        _, segments, items = problem.objective.shape
        segment = problem.shard.segment
        cell = problem.shard.item[positions].astype(np.int64)
        cell += int(segment[customer if len(segment) > 1 else 0]) * items
        value, weight = np.zeros(len(cell)), np.zeros((len(prices), len(cell)))
        for c in range(len(problem.objective)):
            amount = np.ones(len(cell))
            if c:
                amount = problem.channels[c - 1][positions].astype(np.float64)
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
        return customers_of(self.problem.shard, self.problem.rules, np.array([self.customer]))

    def best(self, values: NDArray[np.float64], rules: Rules | None = None) -> NDArray[np.bool_]:
        """The customer's best choice at each row of values, (m, e) both, under its rules or some of them."""
        rules = self._alone[1] if rules is None else rules
        items = self.problem.objective.shape[2]
        size = max(1, CELLS // items)
        parts = [values[at : at + size] for at in range(0, len(values), size)]
        return np.concatenate([self._best(part, rules) for part in parts])

    def _best(self, values: NDArray[np.float64], rules: Rules) -> NDArray[np.bool_]:
        copies = len(values)
        shard, theirs = customers_of(self._alone[0], rules, np.zeros(copies, np.int64))
        segment = np.arange(copies).astype(np.uint16)  # each copy has prices of its own
        shard = shard._replace(first=self.number, segment=segment)
        price = np.zeros(
            (1 + len(shard.quantity), copies, self.problem.objective.shape[2]), np.float32
        )
        price[0][np.arange(copies)[:, None], shard.item.reshape(copies, -1)] = values
        engine = LocalEngine(shard, theirs, self.backend, 1, self.seed)
        chosen, _ = engine.choose(price)
        return chosen.reshape(copies, -1).astype(bool)

    def beyond(self) -> float:
        """A value that outweighs everything that the customer has."""
        return 4.0 * float(np.abs(self.reduced).sum()) + 1.0

    def changed(self) -> NDArray[np.bool_]:
        """The best choice (0), and with each candidate in turn forced the other way (1 ...), (1 + e, e)."""
        best = self.best(self.reduced[None])
        values = np.tile(self.reduced, (len(self), 1))
        np.fill_diagonal(values, np.where(best[0], -self.beyond(), self.beyond()))
        return np.concatenate([best, self.best(values)])

    def full(self, held: NDArray[np.bool_], among: NDArray[np.int64]) -> list[list[str]]:
        """For each of some candidates, the rules that leave no room for it beside what is held."""
        names = self.problem.rule_names.of(self.customer)
        blocking: list[list[str]] = [[] for _ in among]
        if len(among) == 0:
            return blocking
        wanted = np.tile(held, (len(among), 1))
        wanted[np.arange(len(among)), among] = True
        values = np.where(wanted, 1.0, -1.0)
        shard, rules = self._alone
        for name in dict.fromkeys(names.all()):
            one_rule = names.only(rules, [name], shard.indptr)
            kept = (self.best(values, one_rule) | ~wanted).all(axis=1)
            for which in np.flatnonzero(~kept).tolist():
                blocking[which].append(name)
        return blocking


def positions_given(offers: Sequence[int], among: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Mask of the candidates whose offer's row is one of some."""
    return np.isin(among, np.asarray(offers, np.int64))
